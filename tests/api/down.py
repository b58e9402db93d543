"""An instance whose database is down: what needs no database must answer all the same."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from fastapi import FastAPI

from api.app import create_app
from indexer.flows.services import Readers, Services
from indexer.model.asset import Asset
from indexer.model.errors import StorageError
from indexer.model.ledger import UnitOfWork
from indexer.model.prices import PriceNeed, PricePolicy, PriceResult, QuoteCache
from indexer.settings import Settings

SAID = "The database cannot be reached: check that the server runs."


class DownLedger:
    """A ledger that cannot be opened."""

    def read(self) -> AbstractAsyncContextManager[UnitOfWork]:
        raise StorageError(SAID)

    def write(self) -> AbstractAsyncContextManager[UnitOfWork]:
        raise StorageError(SAID)

    def loading(self) -> AbstractAsyncContextManager[None]:
        raise StorageError(SAID)

    @property
    def quotes(self) -> QuoteCache:
        raise StorageError(SAID)

    async def close(self) -> None:
        """Nothing is open."""


class NoPrices:
    policy = PricePolicy()

    async def resolve(
        self, needs: Iterable[PriceNeed], assets: Mapping[str, Asset]
    ) -> dict[PriceNeed, PriceResult]:
        raise AssertionError(f"nobody may ask for prices here: {list(needs)}, {assets}")


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC)


def down_app(**settings: object) -> FastAPI:
    """The application over a database that is down."""
    services = Services(DownLedger(), Readers({}, {}, {}), NoPrices(), FixedClock(), {})
    given = {"host": "127.0.0.1", "require_key": None, "portfolio": "default", **settings}
    return create_app(services, Settings.model_validate(given))
