"""Binance klines: keyless, large coins, quoted in USDT, which is itself priced and not taken for a dollar.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints (klines)
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from indexer.model.errors import LyingSourceError
from indexer.model.ports import PriceSource
from indexer.prices.candles import Candle, CandleSource, Window
from indexer.prices.canonical import ANCHORS
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.fields import as_instant, as_list, as_number
from indexer.prices.upstream import TurnedAwayError, UpstreamSpec

NAME = "binance"
SPEC = UpstreamSpec(name=NAME, base_url="https://api.binance.com", per_second=5.0, burst=10)

_INVALID_SYMBOL = 400
"""Binance's status for a symbol that it does not trade (code -1121)."""

_INTERVALS = {timedelta(minutes=1): "1m", timedelta(hours=1): "1h", timedelta(days=1): "1d"}


class Binance:
    """Implements `indexer.prices.candles.Exchange`."""

    name = NAME
    currency = ANCHORS["USDT"].id
    candles_at_once = 1000

    def __init__(self, context: SourceContext) -> None:
        self._upstream = context.upstream(SPEC)

    def width(self, _instant: datetime, wanted: timedelta) -> timedelta | None:
        """Every width that is asked for is offered for all time."""
        return wanted

    async def candles(self, window: Window) -> Sequence[Candle]:
        """Rows `[open time in ms, open, high, low, close, volume, close time in ms, ...]`."""
        if window.coin == "USDT":
            return []  # it cannot be priced in itself
        question: dict[str, str | int] = {
            "symbol": f"{window.coin}USDT",
            "interval": _INTERVALS[window.width],
            "startTime": int(window.first.timestamp() * 1000),
            "endTime": int(window.last.timestamp() * 1000),
            "limit": self.candles_at_once,
        }
        try:
            answer = await self._upstream.get("/api/v3/klines", question)
        except TurnedAwayError as error:
            if error.status == _INVALID_SYMBOL:
                return []
            raise
        return [_candle(as_list(row, NAME), window.width) for row in as_list(answer, NAME)]


def _candle(row: Sequence[object], width: timedelta) -> Candle:
    if len(row) < 5:
        raise LyingSourceError(f"{NAME} sent a candle of {len(row)} fields.")
    start = as_instant(row[0], NAME, per_second=1000)
    return Candle(start, start + width, as_number(row[1], NAME), as_number(row[4], NAME))


def _build(context: SourceContext) -> PriceSource:
    return CandleSource(Binance(context), context)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="Binance: keyless, large coins in USDT, hourly and minute candles of all years",
)
