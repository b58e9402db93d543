"""100,000 needed quotes over 300 assets and three years: requests upstream, seconds cold and warm, memory.

The upstream is a stand-in for DefiLlama inside the process that answers `/batchHistorical` in its documented shape,
so that the figures are the service's own; time that rate limits would cost is counted, not waited for.

    python bench/prices.py [--json] [--quick] [--needs N] [--assets N] [--database URL]
"""

import argparse
import asyncio
import gc
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson

from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec, Family, Finality, FinalityRule, NativeAsset
from indexer.model.prices import Granularity, PriceNeed, PricePolicy, PriceQuote, QuoteCache
from indexer.prices.build import build_prices
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.service import Prices
from indexer.prices.settings import PriceSettings
from indexer.store.open import migrate, open_ledger

NOW = datetime(2026, 6, 1, tzinfo=UTC)
YEARS = timedelta(days=3 * 365)
WARM_SECONDS = 2.0
SPEC = ChainSpec(
    id="eip155:1",
    name="Ethereum",
    family=Family.EVM,
    endpoints=("http://127.0.0.1:9",),
    native=NativeAsset("ETH", 18, 60),
    finality=Finality(FinalityRule.TAG, 64),
    price_platform="ethereum",
)


class StoppedClock:
    """Always the same instant, so that every run asks the same."""

    def now(self) -> datetime:
        """The benchmark's present."""
        return NOW


class CountingWaiter:
    """Counts the seconds that rate limits ask for instead of waiting."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        """Seconds slept so far."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Let them pass at once."""
        self.at = max(self.at, self.at + seconds)
        await asyncio.sleep(0)


class Upstream:
    """Answers `/batchHistorical` and counts."""

    def __init__(self) -> None:
        self.requests = 0
        self.longest_url = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """A quote a minute away from every instant asked."""
        self.requests += 1
        self.longest_url = max(self.longest_url, len(request.url.raw_path))
        wanted: dict[str, list[int]] = orjson.loads(request.url.params["coins"])
        coins = {
            coin: {
                "symbol": "T",
                "prices": [
                    {"timestamp": stamp - 60, "price": 1 + stamp % 977 / 7, "confidence": 0.99}
                    for stamp in stamps
                ],
            }
            for coin, stamps in wanted.items()
        }
        return httpx.Response(200, content=orjson.dumps({"coins": coins}))


@dataclass(frozen=True)
class Figures:
    """What was measured. Seconds of wall time and of CPU; memory in MiB, the process's highest.

    Wall time is what a user waits; on a machine that is shared, CPU time is what can be compared.
    """

    granularity: str
    cache: str
    needs: int
    distinct: int
    assets: int
    requests: int
    naive_requests: int
    longest_url: int
    throttled_seconds: float
    cold_seconds: float
    warm_seconds: float
    warm_cpu_seconds: float
    peak_mib: int

    @property
    def passed(self) -> bool:
        """At most one batch for each asset's chunk of instants, a tenth of naive, and a warm answer in time."""
        return (
            self.requests <= self.assets
            and self.requests * 10 <= self.naive_requests
            and self.longest_url < 8190
            and (self.needs > 100_000 or min(self.warm_seconds, self.warm_cpu_seconds) < WARM_SECONDS)
        )


def story(needs: int, assets: int, first: int = 1) -> tuple[list[PriceNeed], dict[str, Asset]]:
    """The needs of a busy portfolio: instants at random, a fifth of them shared with another wallet.

    Contracts are numbered from `first`, so that stories in one database do not find each other's quotes.
    """
    dice = random.Random(6)
    numbers = range(first, first + assets)
    known = [Asset(f"eip155:1/erc20:0x{number:040x}", f"T{number}", 18) for number in numbers]
    start = NOW - YEARS - timedelta(days=1)
    made: list[PriceNeed] = []
    while len(made) < needs:
        if made and dice.random() < 0.2:
            made.append(made[dice.randrange(len(made))])
        else:
            instant = start + timedelta(seconds=dice.randrange(int(YEARS.total_seconds())))
            made.append(PriceNeed(known[dice.randrange(assets)].id, instant))
    return made, {asset.id: asset for asset in known}


async def measure(
    needs: Sequence[PriceNeed],
    assets: dict[str, Asset],
    granularity: Granularity,
    cache: QuoteCache,
    name: str,
) -> Figures:
    """Resolve everything cold, then again in a service that knows nothing but the cache."""
    upstream, waiter = Upstream(), CountingWaiter()
    settings = PriceSettings(order=("manual", "defillama"), policy=PricePolicy(granularity=granularity))
    async with httpx.AsyncClient(transport=httpx.MockTransport(upstream)) as http:

        def service() -> Prices:
            return build_prices(
                settings,
                specs={SPEC.id: SPEC},
                readers={},
                cache=cache,
                clock=StoppedClock(),
                http=http,
                waiter=waiter,
            )

        started = time.perf_counter()
        cold = await service().resolve(needs, assets)
        cold_seconds = time.perf_counter() - started
        asked = upstream.requests
        gc.collect()
        started, busy = time.perf_counter(), time.process_time()
        warm = await service().resolve(needs, assets)
        warm_seconds, warm_cpu = time.perf_counter() - started, time.process_time() - busy
    if warm != cold or upstream.requests != asked:
        raise SystemExit("the warm answer is another one, or asked upstream again")
    if not all(isinstance(answer, PriceQuote) for answer in cold.values()):
        raise SystemExit("a need was left without its quote")
    return Figures(
        granularity=granularity.value,
        cache=name,
        needs=len(needs),
        distinct=len(cold),
        assets=len(assets),
        requests=asked,
        naive_requests=len(needs),
        longest_url=upstream.longest_url,
        throttled_seconds=round(waiter.at, 1),
        cold_seconds=round(cold_seconds, 2),
        warm_seconds=round(warm_seconds, 2),
        warm_cpu_seconds=round(warm_cpu, 2),
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


async def run(arguments: argparse.Namespace) -> list[Figures]:
    """Every granularity in memory, then through SQL."""
    needs, assets = story(arguments.needs, arguments.assets)
    figures = [
        await measure(needs, assets, granularity, MemoryQuoteCache(), "memory") for granularity in Granularity
    ]
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gleaner-bench-"))
        url = arguments.database or f"sqlite:///{Path(folder) / 'quotes.db'}"
        await asyncio.to_thread(migrate, url)
        ledger = await open_ledger(url)
        stack.push_async_callback(ledger.close)
        name = url.partition(":")[0].partition("+")[0]
        for place, granularity in enumerate(Granularity):
            others, known = story(arguments.needs, arguments.assets, 1 + place * arguments.assets)
            figures.append(await measure(others, known, granularity, ledger.quotes, name))
    return figures


def table(figures: Sequence[Figures]) -> str:
    """One line for each run."""
    rows = [
        (
            "granularity",
            "cache",
            "needs",
            "requests",
            "cold s",
            "warm s",
            "warm CPU s",
            "at the rate limit s",
            "peak MiB",
        )
    ]
    rows += [
        (
            each.granularity, each.cache, str(each.needs), str(each.requests), f"{each.cold_seconds:.2f}",
            f"{each.warm_seconds:.2f}", f"{each.warm_cpu_seconds:.2f}", f"{each.throttled_seconds:.0f}", str(each.peak_mib),
        )
        for each in figures
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def main() -> int:
    """Run and print; 0 when the promises hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--quick", action="store_true", help="a tenth of the needs")
    parser.add_argument("--needs", type=int, default=100_000)
    parser.add_argument("--assets", type=int, default=300)
    parser.add_argument("--database", help="an empty database instead of a new SQLite file")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.needs //= 10
    figures = asyncio.run(run(arguments))
    passed = all(each.passed for each in figures)
    if arguments.json:
        document: dict[str, Any] = {"passed": passed, "runs": [asdict(each) for each in figures]}
        print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        print(table(figures))
        print("passed" if passed else "FAILED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
