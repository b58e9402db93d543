"""`gleaner key`: API keys of the default portfolio."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from indexer.cli.opened import Json, with_app
from indexer.cli.root import app, print_json, stderr, stdout
from indexer.model.stored import KeyScope

if TYPE_CHECKING:
    from indexer.model.stored import ApiKey
    from indexer.wiring import App

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")
app.add_typer(keys, name="key")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What you will know it by.")],
    scope: Annotated[KeyScope, typer.Option(help="What it may do.")] = KeyScope.READ,
    as_json: Json = False,
) -> None:
    """Make a key. Its secret is printed once and cannot be shown again."""

    async def work(opened: "App") -> "tuple[ApiKey, str]":
        from indexer.flows.keys import create_key

        return await create_key(opened.services, opened.settings.portfolio, name, scope)

    key, secret = with_app(work)
    if as_json:
        print_json({"id": key.id, "name": key.name, "scope": key.scope.value, "secret": secret})
        return
    stderr.print(f"key {key.id} ({key.scope.value}); keep the secret, it is not stored:")
    stdout.print(secret, highlight=False)


@keys.command("list")
def list_(as_json: Json = False) -> None:
    """Show every key, revoked ones too."""

    async def work(opened: "App") -> "tuple[ApiKey, ...]":
        from indexer.flows.keys import list_keys

        return await list_keys(opened.services, opened.settings.portfolio)

    found = with_app(work)
    if as_json:
        print_json(
            [
                {
                    "id": key.id,
                    "name": key.name,
                    "scope": key.scope.value,
                    "revoked": key.revoked_at is not None,
                }
                for key in found
            ]
        )
        return
    table = Table("id", "name", "scope", "made", "revoked", box=None, pad_edge=False)
    for key in found:
        revoked = f"{key.revoked_at:%Y-%m-%d}" if key.revoked_at else ""
        table.add_row(key.id, key.name, key.scope.value, f"{key.created_at:%Y-%m-%d}", revoked)
    stdout.print(table)


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id that `key list` shows.")]) -> None:
    """Make a key useless from now on."""

    async def work(opened: "App") -> None:
        from indexer.flows.keys import revoke_key

        await revoke_key(opened.services, opened.settings.portfolio, key_id)

    with_app(work)
    stderr.print(f"{key_id} is revoked")
