"""`gleaner wallet` and `gleaner sync`: register addresses and collect them without a server."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from indexer.cli.opened import Json, with_app
from indexer.cli.root import app, print_json, stderr, stdout
from indexer.model.stored import SyncState

if TYPE_CHECKING:
    from indexer.flows.views import WalletStatus
    from indexer.wiring import App

wallets = typer.Typer(no_args_is_help=True, help="Register, list and forget wallets.")
app.add_typer(wallets, name="wallet")


@wallets.command("add")
def add(
    address: Annotated[str, typer.Argument(help="The address, with its checksum where it has one.")],
    chain: Annotated[list[str], typer.Option(help="CAIP-2 id, for example eip155:1; may be repeated.")],
    label: Annotated[str, typer.Option(help="What you call it.")] = "",
    as_json: Json = False,
) -> None:
    """Watch an address on some chains; adding it again adds chains."""

    async def work(opened: "App") -> "tuple[WalletStatus, bool]":
        from indexer.flows.wallets import register_wallet

        return await register_wallet(opened.services, opened.settings.portfolio, address, tuple(chain), label)

    status, created = with_app(work)
    if as_json:
        _print_json([status], one=True)
        return
    stderr.print("registered" if created else "known already; chains added")
    _print_table([status])


@wallets.command("list")
def list_(as_json: Json = False) -> None:
    """Show every wallet and how far each of its chains is known."""
    statuses = with_app(_all)
    if as_json:
        _print_json(statuses)
    else:
        _print_table(statuses)


@wallets.command("remove")
def remove(wallet_id: Annotated[str, typer.Argument(help="The id that `wallet list` shows.")]) -> None:
    """Stop watching a wallet."""

    async def work(opened: "App") -> None:
        from indexer.flows.wallets import remove_wallet

        await remove_wallet(opened.services, opened.settings.portfolio, wallet_id)

    with_app(work)
    stderr.print(f"{wallet_id} is no longer watched")


@app.command()
def sync(
    chain: Annotated[str | None, typer.Option(help="Only this chain.")] = None, as_json: Json = False
) -> None:
    """Collect what is due now, derive links and books, and end."""
    from indexer.cli.progress import ChainBars

    async def work(opened: "App") -> "list[WalletStatus]":
        from indexer.flows.spam import judge_assets_anew
        from indexer.jobs.worker import open_queue

        await judge_assets_anew(opened.services)
        async with opened.services.ledger.write() as unit:
            await unit.targets.poke(chain, None, opened.services.clock.now())
        with ChainBars("collecting") as bars:
            await open_queue(opened, bars.page).drain()
        return await _all(opened)

    statuses = with_app(work)
    if as_json:
        _print_json(statuses)
    else:
        _print_table(statuses)
    if any(status.state is SyncState.ERROR for wallet in statuses for status in wallet.chains):
        raise typer.Exit(1)


async def _all(opened: "App") -> "list[WalletStatus]":
    from indexer.flows.wallets import list_wallets

    found: list[WalletStatus] = []
    cursor = None
    while True:
        page = await list_wallets(opened.services, opened.settings.portfolio, cursor, 500)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def _print_json(statuses: "list[WalletStatus]", *, one: bool = False) -> None:
    from api.schemas.wallets import WalletOut

    bodies = [WalletOut.of(status).model_dump(mode="json") for status in statuses]
    print_json(bodies[0] if one else {"data": bodies, "next_cursor": None})


def _print_table(statuses: "list[WalletStatus]") -> None:
    from api.schemas.base import shown_address

    table = Table("id", "address", "chain", "state", "block", "complete", "gaps", box=None, pad_edge=False)
    for status in statuses:
        for chain in status.chains:
            table.add_row(
                status.wallet.id,
                shown_address(status.wallet.address),
                chain.chain,
                chain.error or chain.state.value,
                "-" if chain.as_of_block is None else str(chain.as_of_block),
                "yes" if chain.complete else "no",
                ", ".join(f"{gap.code.value} x{gap.count}" for gap in chain.gaps),
            )
    stdout.print(table)
