"""Coinbase Exchange candles: keyless, large coins, as far back as they trade there, 300 at a time.

https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-candles
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from indexer.model.errors import LyingSourceError
from indexer.model.ports import PriceSource
from indexer.prices.candles import Candle, CandleSource, Window
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.fields import as_instant, as_list, as_number
from indexer.prices.upstream import UpstreamSpec

NAME = "coinbase"
SPEC = UpstreamSpec(name=NAME, base_url="https://api.exchange.coinbase.com", per_second=5.0, burst=5)


class Coinbase:
    """Implements `indexer.prices.candles.Exchange`."""

    name = NAME
    currency = "USD"
    candles_at_once = 300

    def __init__(self, context: SourceContext) -> None:
        self._upstream = context.upstream(SPEC)

    def width(self, _instant: datetime, wanted: timedelta) -> timedelta | None:
        """Every width that is asked for is offered for all time."""
        return wanted

    async def candles(self, window: Window) -> Sequence[Candle]:
        """Rows `[time, low, high, open, close, volume]`, the newest first."""
        answer = await self._upstream.get(
            f"/products/{window.coin}-USD/candles",
            {
                "granularity": int(window.width.total_seconds()),
                "start": window.first.isoformat(),
                "end": window.last.isoformat(),
            },
        )
        return [_candle(as_list(row, NAME), window.width) for row in as_list(answer, NAME)]


def _candle(row: Sequence[object], width: timedelta) -> Candle:
    if len(row) < 5:
        raise LyingSourceError(f"{NAME} sent a candle of {len(row)} fields.")
    start = as_instant(row[0], NAME)
    return Candle(start, start + width, as_number(row[3], NAME), as_number(row[4], NAME))


def _build(context: SourceContext) -> PriceSource:
    return CandleSource(Coinbase(context), context)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="Coinbase Exchange: keyless, large coins, hourly and minute candles of all years",
)
