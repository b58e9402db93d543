"""Kraken OHLC: keyless; the last 720 candles of any width, so old instants get wide candles.

https://docs.kraken.com/api-reference/market-data/get-ohlc-data
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from indexer.model.errors import LyingSourceError, RetryableError
from indexer.model.ports import PriceSource
from indexer.prices.candles import Candle, CandleSource, Window
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.fields import as_instant, as_list, as_number, as_object
from indexer.prices.upstream import NotThereError, UpstreamSpec

NAME = "kraken"
SPEC = UpstreamSpec(name=NAME, base_url="https://api.kraken.com/0", per_second=1.0, burst=3)

_WIDTHS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 240, 1440, 10080))
_KEPT = 718
"""Candles Kraken keeps of each width, less two for the edges."""

_NAMES = {"BTC": "XBT"}


class Kraken:
    """Implements `indexer.prices.candles.Exchange`."""

    name = NAME
    currency = "USD"
    candles_at_once = 720

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._upstream = context.upstream(SPEC)

    def width(self, instant: datetime, wanted: timedelta) -> timedelta | None:
        """The narrowest width, at best the wanted one, of which candles reach back to the instant."""
        age = self._context.clock.now() - instant
        return next((width for width in _WIDTHS if width >= wanted and age <= width * _KEPT), None)

    async def candles(self, window: Window) -> Sequence[Candle]:
        """Rows `[time, open, high, low, close, vwap, volume, count]` under the pair's own name, beside `last`."""
        pair = f"{_NAMES.get(window.coin, window.coin)}USD"
        since = int((window.first - window.width).timestamp())
        minutes = int(window.width.total_seconds()) // 60
        answer = as_object(
            await self._upstream.get("/public/OHLC", {"pair": pair, "interval": minutes, "since": since}),
            NAME,
        )
        self._refuse([str(error) for error in as_list(answer.get("error", []), NAME)])
        series = [rows for key, rows in as_object(answer.get("result"), NAME).items() if key != "last"]
        if len(series) != 1:
            raise LyingSourceError(f"{NAME} answered with {len(series)} series where one was asked for.")
        return [_candle(as_list(row, NAME), window.width) for row in as_list(series[0], NAME)]

    def _refuse(self, errors: Sequence[str]) -> None:
        """Kraken answers errors with HTTP 200. https://docs.kraken.com/api/docs/guides/spot-errors"""
        if not errors:
            return
        text = errors[0]
        if text.startswith(("EAPI:Rate limit", "EGeneral:Too many requests", "EService:Throttled")):
            raise self._upstream.rest(None)
        if text.startswith("EQuery:Unknown asset pair"):
            raise NotThereError(f"{NAME} does not trade this coin.")
        raise RetryableError(f"{NAME} answered {text[:80]!r}.")


def _candle(row: Sequence[object], width: timedelta) -> Candle:
    if len(row) < 5:
        raise LyingSourceError(f"{NAME} sent a candle of {len(row)} fields.")
    start = as_instant(row[0], NAME)
    return Candle(start, start + width, as_number(row[1], NAME), as_number(row[4], NAME))


def _build(context: SourceContext) -> PriceSource:
    return CandleSource(Kraken(context), context)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="Kraken: keyless, large coins, fine for a month back and coarse for two years",
)
