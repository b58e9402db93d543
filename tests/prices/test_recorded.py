"""DefiLlama and CoinGecko as they really answered: recorded quotes come back to the digit.

The recordings belong to others and lie outside of the repository; without them these tests are skipped.
"""

import asyncio
import gzip
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from indexer.model.asset import Asset
from indexer.model.prices import PriceMissing, PriceNeed, PricePolicy, PriceQuote
from indexer.prices.build import build_prices
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.service import Prices
from indexer.prices.settings import PriceSettings
from tests.prices.world import TurnedClock, TurnedWaiter

ROOT = Path(os.environ.get("GLEANER_RECORDINGS", Path(__file__).resolve().parents[3] / "shared" / "recorded"))
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the recordings are not on this machine")

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def recorded() -> dict[str, Any]:
    with gzip.open(ROOT / "data" / "dev" / "prices.json.gz") as file:
        return dict(orjson.loads(file.read()))


def asset_of(coin: str, number: int) -> Asset:
    return Asset(f"eip155:1/erc20:0x{number:040x}", coin, 18, price_id=coin)


@asynccontextmanager
async def node(*options: str) -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "recorded_node.py"), "--data", str(ROOT / "data" / "dev"),
        "--port", str(port), *options, cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(100):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def prices(url: str, *order: str) -> AsyncIterator[Prices]:
    settings = PriceSettings(
        order=order,
        base_urls={"defillama": f"{url}/llama", "coingecko": f"{url}/coingecko/api/v3"},
        timeout_seconds=2.0,
        policy=PricePolicy(confident=0.0),
    )
    async with httpx.AsyncClient() as http:
        yield build_prices(
            settings, specs={}, readers={}, cache=MemoryQuoteCache(), clock=TurnedClock(NOW), http=http,
            waiter=TurnedWaiter(),
        )  # fmt: skip


async def test_every_recorded_defillama_quote_comes_back_to_the_digit() -> None:
    rows = recorded()["llama"]
    assets = {coin: asset_of(coin, number) for number, coin in enumerate(rows)}
    wanted = {
        PriceNeed(assets[coin].id, datetime.fromtimestamp(row["timestamp"] + 100, UTC)): row
        for coin, quotes in rows.items()
        for row in quotes
    }
    async with node("--prices", "llama") as url, prices(url, "defillama") as service:
        answers = await service.resolve(wanted, {asset.id: asset for asset in assets.values()})
    assert len(wanted) >= 40
    for need, row in wanted.items():
        quote = answers[need]
        assert isinstance(quote, PriceQuote), (need, quote)
        assert quote.price == Decimal(repr(row["price"]))
        assert quote.instant == need.instant - timedelta(seconds=100)


async def test_recorded_coingecko_days_come_back_to_the_digit() -> None:
    asset = asset_of("coingecko:ethereum", 1)
    days = recorded()["coingecko_history"]["ethereum"]
    async with node() as url, prices(url, "coingecko") as service:
        for day, said in days.items():
            need = PriceNeed(
                asset.id, datetime.strptime(day, "%d-%m-%Y").replace(tzinfo=UTC) + timedelta(hours=1)
            )
            quote = (await service.resolve([need], {asset.id: asset}))[need]
            assert isinstance(quote, PriceQuote), (day, quote)
            assert quote.price == Decimal(repr(said["market_data"]["current_price"]["usd"]))


async def test_a_failing_service_never_changes_a_price_and_always_says_why_one_is_missing() -> None:
    rows = recorded()["llama"]
    assets = {coin: asset_of(coin, number) for number, coin in enumerate(rows)}
    truth = {
        PriceNeed(assets[coin].id, datetime.fromtimestamp(row["timestamp"], UTC)): Decimal(repr(row["price"]))
        for coin, quotes in rows.items()
        for row in quotes
    }
    known = {asset.id: asset for asset in assets.values()}
    quoted = missing = 0
    async with node(
        "--prices", "llama", "--fault-rate", "0.5", "--seed", "7", "--fault-timeout", "0.1"
    ) as url:
        for _ in range(6):
            async with prices(url, "defillama") as service:
                for need, price in truth.items():
                    answer = (await service.resolve([need], known))[need]
                    if isinstance(answer, PriceQuote):
                        quoted += 1
                        assert answer.price == price
                    else:
                        missing += 1
                        assert isinstance(answer, PriceMissing)
                        assert answer.status in {"rate_limited", "unavailable"}
                        assert answer.detail
    assert quoted
    assert missing
