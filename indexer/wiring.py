"""The one place where parts are put together: settings in, opened services out."""

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import httpx

from indexer.chains.lists import load_lists
from indexer.chains.open import open_reader
from indexer.chains.registry import load
from indexer.chains.spam import Lists
from indexer.flows.services import Readers, Services
from indexer.model.chain import ChainSpec
from indexer.model.errors import InputError
from indexer.model.ports import ChainReader, Clock
from indexer.model.prices import PricePolicy
from indexer.prices.build import build_prices
from indexer.prices.settings import PriceSettings
from indexer.settings import Settings
from indexer.store.open import open_ledger


class SystemClock:
    """The machine's clock in UTC."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class App:
    """Everything opened: what the command line and the API work with."""

    settings: Settings
    services: Services


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    specs: Mapping[str, ChainSpec] | None = None,
    clock: Clock | None = None,
    bridge_contracts: Mapping[str, Mapping[str, frozenset[str]]] | None = None,
) -> AsyncIterator[App]:
    """Open the ledger, a reader per chain and the prices; close them in reverse whatever happens.

    `specs` replaces the chains file (local chains), `clock` the machine's clock.

    Raises:
        ConfigError: `chains.yaml` or a setting is wrong.
        StorageError: the database cannot be opened, or its schema is not this version's.
    """
    clock = clock or SystemClock()
    chains = dict(specs) if specs is not None else load(settings.chains, os.environ)
    lists = load_lists(settings.spam_lists)
    async with AsyncExitStack() as stack:
        ledger = await open_ledger(settings.database_url.get_secret_value())
        stack.push_async_callback(ledger.close)
        readers = _open_readers(chains, clock, lists)
        stack.push_async_callback(readers.close)
        client = httpx.AsyncClient(verify=_certificates(), follow_redirects=True)
        http = await stack.enter_async_context(client)
        prices = build_prices(
            _price_settings(settings),
            specs=chains,
            readers={chain: readers[chain] for chain in readers.chains},
            cache=ledger.quotes,
            clock=clock,
            http=http,
        )
        services = Services(ledger, readers, prices, clock, bridge_contracts or {}, lists=lists)
        yield App(settings, services)


@cache
def _certificates() -> ssl.SSLContext:
    """What HTTPS is checked with; read once, since that takes longer than all else that is opened here."""
    return httpx.create_ssl_context()


def _open_readers(chains: Mapping[str, ChainSpec], clock: Clock, lists: Lists) -> Readers:
    readers: dict[str, ChainReader] = {}
    refused: dict[str, str] = {}
    for chain, spec in chains.items():
        try:
            readers[chain] = open_reader(spec, clock, lists)
        except InputError as error:
            refused[chain] = str(error)
    return Readers(chains, readers, refused)


def _price_settings(settings: Settings) -> PriceSettings:
    return PriceSettings(
        order=settings.price_order,
        base_urls=settings.price_urls,
        keys={name: key.get_secret_value() for name, key in settings.price_keys.items()},
        policy=PricePolicy(
            order=settings.price_order,
            granularity=settings.price_granularity,
            within=settings.price_within,
        ),
    )
