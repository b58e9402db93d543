"""Whatever a price source does, the total is right or says what is missing from it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import httpx
import pytest
from aiohttp import web

from indexer.flows.losses import losses
from indexer.flows.views import LossReport
from indexer.model.facts import TransferKind
from indexer.model.lots import Lot
from indexer.model.prices import PriceStatus
from indexer.model.stored import BookSnapshot
from indexer.prices.build import build_prices
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.settings import PriceSettings
from tests.api import values
from tests.api.conftest import SPECS, START, Instance
from tests.prices.upstreams import (
    Fault,
    Upstreams,
    bad_gateway,
    empty,
    hang,
    too_many,
    truncated,
    upstreams,
    wrong_shape,
)
from tests.prices.world import TurnedWaiter

COIN = "ethereum:0x" + "0" * 40
ONE = 10**18


def says(price: object, age: timedelta = timedelta(seconds=30)) -> Fault:
    """An answer in DefiLlama's shape that cannot be believed."""

    async def answer(_request: web.Request) -> web.Response:
        row = {
            "price": price,
            "symbol": "ETH",
            "timestamp": int((START - age).timestamp()),
            "confidence": 0.99,
        }
        return web.json_response({"coins": {COIN: row}})

    return answer


@pytest.fixture
async def server(instance: Instance, client: httpx.AsyncClient) -> AsyncIterator[Upstreams]:
    """A market, and a portfolio of one lot that cost 1000."""
    made = await client.post("/v1/wallets", json={"address": values.ALICE, "chains": ["eip155:1"]})
    assert made.is_success
    rows = [values.transfer(values.ETHER, ONE, "native", TransferKind.NATIVE)]
    await instance.collect(values.ALICE, "eip155:1", rows, covered_to=1_000)
    lot = Lot(
        "eip155:1:0x01", values.ETHER.id, values.ALICE, ONE, 1_000 * ONE, START, date(2026, 1, 5), "eip155:1"
    )
    async with instance.services.ledger.write() as work:
        await work.books.save(
            BookSnapshot("default", "f" * 64, "USD", START, {"eip155:1": 1_000}, (lot,), (), (), ())
        )
    async with upstreams() as running:
        running.now = START
        yield running


async def valued(instance: Instance, server: Upstreams) -> LossReport:
    """The losses as a process that remembers nothing answers them."""
    async with httpx.AsyncClient() as http:
        prices = build_prices(
            PriceSettings(order=("defillama",), base_urls=server.base_urls(), timeout_seconds=0.2),
            specs={chain: replace(spec, price_platform="ethereum") for chain, spec in SPECS.items()},
            readers={},
            cache=MemoryQuoteCache(),
            clock=instance.clock,
            http=http,
            waiter=TurnedWaiter(),
        )
        return await losses(replace(instance.services, prices=prices), "default")


FAULTS = [
    (too_many, PriceStatus.RATE_LIMITED),
    (bad_gateway, PriceStatus.UNAVAILABLE),
    (hang, PriceStatus.UNAVAILABLE),
    (truncated, PriceStatus.UNAVAILABLE),
    (wrong_shape, PriceStatus.UNAVAILABLE),
    (empty, PriceStatus.UNAVAILABLE),
    (says(0), PriceStatus.UNKNOWN),
    (says(-3000), PriceStatus.UNKNOWN),
    (says("NaN"), PriceStatus.UNKNOWN),
    (says(1e30), PriceStatus.UNKNOWN),
    (says(None), PriceStatus.UNAVAILABLE),
    (says(3000.5, timedelta(hours=3)), PriceStatus.STALE),
    (says(3000.5, -timedelta(hours=3)), PriceStatus.UNKNOWN),
]


async def test_a_total_is_right_or_says_what_it_lacks(instance: Instance, server: Upstreams) -> None:
    calm = await valued(instance, server)
    assert calm.total_value > 0
    assert (calm.unpriced, calm.priced_share_of_cost) == ((), Decimal(1))
    for fault, status in FAULTS:
        server.fault = fault
        report = await valued(instance, server)
        (missing,) = report.unpriced
        assert (missing.asset.id, missing.status, missing.cost) == (values.ETHER.id, status, Decimal(1000)), (
            fault
        )
        assert report.rows[0].value is None
        assert report.rows[0].unpriced_lots == 1
        assert report.total_cost == calm.total_cost
        assert (report.priced_share_of_cost, report.total_value) == (Decimal(0), Decimal(0))
        assert f"{values.ETHER.id}: price {status.value}" in report.freshness.incomplete_because
    server.fault = None
    assert await valued(instance, server) == calm
