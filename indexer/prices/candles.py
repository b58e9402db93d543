"""Prices from an exchange's candles: what every exchange's source shares.

A candle vouches for two prices: its open at its start and its close at its end. The nearer one to an instant is the
quote, so that an hour's candle is never more than half an hour away.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec
from indexer.model.prices import Granularity, PriceNeed, PriceQuote, PriceResult
from indexer.prices.batches import ask_all
from indexer.prices.context import SourceContext
from indexer.prices.ids import on_market

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

COINS = frozenset(
    {
        "ARB",
        "AVAX",
        "BNB",
        "BTC",
        "DAI",
        "ETH",
        "GNO",
        "LINK",
        "LTC",
        "OP",
        "POL",
        "SOL",
        "UNI",
        "USDC",
        "USDT",
    }
)
"""Identity groups whose members trade under the group's own name on the large exchanges."""


@dataclass(frozen=True, slots=True)
class Candle:
    """Open at `start`, close at `end`; prices of one whole coin."""

    start: datetime
    end: datetime
    open: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True)
class Window:
    """One question: the candles of a coin from `first` to `last`, and the needs they are to answer."""

    coin: str
    width: timedelta
    first: datetime
    last: datetime
    needs: tuple[PriceNeed, ...]


class Exchange(Protocol):
    """What one exchange adds."""

    name: str
    currency: str
    """What its pairs are quoted in: `USD`, or the CAIP-19 id of a stablecoin."""
    candles_at_once: int

    def width(self, instant: datetime, wanted: timedelta) -> timedelta | None:
        """The candle width it offers for an instant, at best `wanted`; None when it keeps none that old."""
        ...

    async def candles(self, window: Window) -> Sequence[Candle]:
        """The candles of a window, in any order; none when it does not trade the coin."""
        ...


class CandleSource:
    """Implements `PriceSource` over one exchange."""

    def __init__(self, exchange: Exchange, context: SourceContext) -> None:
        self._exchange = exchange
        self._context = context

    @property
    def name(self) -> str:
        """The exchange's name."""
        return self._exchange.name

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer the needs whose asset is a coin that exchanges trade."""
        wanted: dict[tuple[str, timedelta], list[PriceNeed]] = {}
        for need in needs:
            coin = coin_of(assets[need.asset], self._context.specs)
            width = self._exchange.width(need.instant, self._width_for(need.instant)) if coin else None
            if coin is not None and width is not None:
                wanted.setdefault((coin, width), []).append(need)
        windows = [
            window
            for (coin, width), group in wanted.items()
            for window in _windows(coin, width, group, self._exchange.candles_at_once)
        ]
        patience = self._context.patience(self._exchange.name)
        return await ask_all(windows, self._ask, lambda window: window.needs, patience)

    def _width_for(self, instant: datetime) -> timedelta:
        if self._context.is_live(instant) or self._context.policy.granularity is Granularity.MINUTE:
            return MINUTE
        return DAY if self._context.policy.granularity is Granularity.DAILY else HOUR

    async def _ask(self, window: Window) -> dict[PriceNeed, PriceResult]:
        now = self._context.clock.now()
        points: dict[datetime, Decimal] = {}
        for candle in await self._exchange.candles(window):
            points[candle.start] = candle.open
            points.setdefault(min(candle.end, now), candle.close)  # the running candle closes at the present
        instants = sorted(points)
        answers: dict[PriceNeed, PriceResult] = {}
        for need in window.needs:
            at = bisect_left(instants, need.instant)
            near = instants[max(0, at - 1) : at + 1]
            if near:
                instant = min(near, key=lambda point: (abs(point - need.instant), point))
                answers[need] = PriceQuote(
                    asset=need.asset,
                    currency=self._exchange.currency,
                    instant=instant,
                    price=points[instant],
                    source=self._exchange.name,
                    distance=abs(instant - need.instant),
                )
        return answers


def coin_of(asset: Asset, specs: Mapping[str, ChainSpec]) -> str | None:
    """The coin that exchanges trade for an asset: its identity group, or the coin that it wraps."""
    if not on_market(asset, specs):
        return None
    if asset.group in COINS:
        return asset.group
    spec = specs.get(asset.chain)
    if spec is None or asset.contract is None or asset.contract != spec.wrapped_native:
        return None
    return spec.native.symbol if spec.native.symbol in COINS else None


def _windows(coin: str, width: timedelta, needs: Sequence[PriceNeed], at_once: int) -> Iterator[Window]:
    """Cover the instants with as few questions as possible; gaps between them are not asked for."""
    span = width * (at_once - 3)
    group: list[PriceNeed] = []
    for need in sorted(needs, key=lambda need: need.instant):
        if group and need.instant - group[0].instant > span:
            yield _window(coin, width, group)
            group = []
        group.append(need)
    if group:
        yield _window(coin, width, group)


def _window(coin: str, width: timedelta, needs: Sequence[PriceNeed]) -> Window:
    return Window(coin, width, needs[0].instant - width, needs[-1].instant + width, tuple(needs))
