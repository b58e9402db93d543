"""`gleaner db`: the database's schema."""

import asyncio
from typing import Annotated

import typer

from indexer.cli.root import app, stderr, stdout

db = typer.Typer(name="db", help="Look after the database's schema.", no_args_is_help=True)
app.add_typer(db)

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Database URL; by default GLEANER_DATABASE_URL, else sqlite:///gleaner.db.",
        show_default=False,
    ),
]


def _url(url: str | None) -> str:
    from indexer.settings import Settings

    return url or Settings().database_url.get_secret_value()


@db.command()
def upgrade(url: Url = None) -> None:
    """Bring the database to this version's schema, making it when it is missing."""
    from indexer.store.schema import current, migrate

    migrate(_url(url))
    stderr.print(f"The schema is at revision {asyncio.run(current(_url(url)))}.", highlight=False)


@db.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="The revision to go back to; `base` drops every table.")],
    url: Url = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Go back to an earlier schema. What only the later schema can hold is lost: make a backup first."""
    from indexer.store import schema

    if not yes:
        typer.confirm(f"Go back to {revision} and lose what only later schemas hold?", abort=True, err=True)
    asyncio.run(schema.downgrade(_url(url), revision))
    stderr.print(
        f"The schema is at revision {asyncio.run(schema.current(_url(url))) or 'base'}.", highlight=False
    )


@db.command()
def current(url: Url = None) -> None:
    """Print the database's revision, `none` when it has no schema."""
    from indexer.store import schema

    stdout.print(asyncio.run(schema.current(_url(url))) or "none", highlight=False)


@db.command()
def check(url: Url = None) -> None:
    """Succeed when the database has exactly this version's schema; say what to do otherwise."""
    from indexer.store.schema import check_schema

    asyncio.run(check_schema(_url(url)))
    stderr.print("The schema is this version's.", highlight=False)
