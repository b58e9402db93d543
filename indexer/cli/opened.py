"""How a command gets at the ledger: settings, migrated database, opened app."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from indexer.cli.root import configure_logging

if TYPE_CHECKING:
    from indexer.wiring import App

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def with_app(work: "Callable[[App], Awaitable[T]]") -> T:
    """Open everything as the settings say, run `work`, close."""
    from indexer.settings import load_settings
    from indexer.store.open import migrate
    from indexer.wiring import open_app

    settings = load_settings()
    configure_logging("WARNING")
    migrate(settings.database_url.get_secret_value())

    async def run() -> T:
        async with open_app(settings) as opened:
            return await work(opened)

    return asyncio.run(run())
