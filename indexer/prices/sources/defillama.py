"""DefiLlama coins: keyless, any `chain:address`, live and historical. https://api-docs.defillama.com (coins)"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

import orjson

from indexer.model.asset import Asset
from indexer.model.errors import LyingSourceError
from indexer.model.ports import PriceSource
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.prices.batches import ask_all, failed
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.fields import as_instant, as_list, as_number, as_object
from indexer.prices.ids import llama_id
from indexer.prices.upstream import UpstreamSpec

NAME = "defillama"
SPEC = UpstreamSpec(name=NAME, base_url="https://coins.llama.fi", per_second=5.0, burst=5)

_URL_ROOM = 7_000
"""Characters of a question; common servers refuse a request line above 8190."""

_COINS_AT_ONCE = 80


@dataclass(frozen=True, slots=True)
class Point:
    """One quote of a coin."""

    instant: datetime
    price: Decimal
    confidence: float | None


class DefiLlama:
    """Asks `/prices/current` for live needs and `/batchHistorical` for the past."""

    name = NAME

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._upstream = context.upstream(SPEC)

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer the needs whose assets DefiLlama has a name for."""
        live: dict[str, list[PriceNeed]] = {}
        past: dict[str, list[PriceNeed]] = {}
        for need in needs:
            coin = llama_id(assets[need.asset], self._context.specs)
            if coin is not None and need.currency == "USD":
                (live if self._context.is_live(need.instant) else past).setdefault(coin, []).append(need)
        patience = self._context.patience(NAME)
        answers = await ask_all(list(_live_batches(live)), self._ask_live, _needs_of, patience)
        answers.update(await ask_all(list(_past_batches(past)), self._ask_past, _needs_of, patience))
        return answers

    async def _ask_live(self, batch: Mapping[str, Sequence[PriceNeed]]) -> dict[PriceNeed, PriceResult]:
        within = int(self._context.policy.live_within.total_seconds())
        coins = quote_plus(",".join(batch), safe=",:")
        answer = await self._upstream.get(f"/prices/current/{coins}", {"searchWidth": within})
        said = as_object(as_object(answer, NAME).get("coins"), NAME)
        answers: dict[PriceNeed, PriceResult] = {}
        for coin, wanted in batch.items():
            if coin not in said:
                continue
            try:
                point = _point(said[coin])
            except LyingSourceError as error:  # one coin's nonsense is not its neighbours'
                answers.update({need: failed(need, error) for need in wanted})
            else:
                answers.update({need: _quote(need, point) for need in wanted})
        return answers

    async def _ask_past(self, batch: Mapping[str, Sequence[PriceNeed]]) -> dict[PriceNeed, PriceResult]:
        within = int(self._context.policy.within.total_seconds())
        times = {coin: _stamps(wanted) for coin, wanted in batch.items()}
        answer = await self._upstream.get(
            "/batchHistorical", {"coins": orjson.dumps(times).decode(), "searchWidth": within}
        )
        said = as_object(as_object(answer, NAME).get("coins"), NAME)
        answers: dict[PriceNeed, PriceResult] = {}
        for coin, wanted in batch.items():
            if coin not in said:
                continue
            try:
                rows = as_list(as_object(said[coin], NAME).get("prices"), NAME)
                points = sorted(map(_point, rows), key=lambda point: point.instant)
            except LyingSourceError as error:
                answers.update({need: failed(need, error) for need in wanted})
                continue
            for need in wanted:
                near = _nearest(points, need.instant)
                if near is not None:
                    answers[need] = _quote(need, near)
        return answers


def _stamps(needs: Iterable[PriceNeed]) -> list[int]:
    return sorted({int(need.instant.timestamp()) for need in needs})


def _point(row: Any) -> Point:
    """A row: `price` in dollars, `timestamp` in seconds, `confidence` from 0 to 1."""
    fields = as_object(row, NAME)
    confidence = fields.get("confidence")
    return Point(
        as_instant(fields.get("timestamp"), NAME),
        as_number(fields.get("price"), NAME),
        None if confidence is None else float(as_number(confidence, NAME)),
    )


def _quote(need: PriceNeed, point: Point) -> PriceQuote:
    return PriceQuote(
        asset=need.asset,
        currency=need.currency,
        instant=point.instant,
        price=point.price,
        source=NAME,
        distance=abs(point.instant - need.instant),
        confidence=point.confidence,
    )


def _nearest(points: Sequence[Point], wanted: datetime) -> Point | None:
    """The nearest point; the earlier of two equally near. The answer's order and gaps are not relied upon."""
    at = bisect_left(points, wanted, key=lambda point: point.instant)
    near = points[max(0, at - 1) : at + 1]
    return min(near, key=lambda point: (abs(point.instant - wanted), point.instant), default=None)


def _live_batches(coins: Mapping[str, list[PriceNeed]]) -> Iterator[dict[str, list[PriceNeed]]]:
    names = list(coins)
    for start in range(0, len(names), _COINS_AT_ONCE):
        yield {name: coins[name] for name in names[start : start + _COINS_AT_ONCE]}


def _past_batches(coins: Mapping[str, list[PriceNeed]]) -> Iterator[dict[str, list[PriceNeed]]]:
    """Fill one question after the other up to the length of a URL, coin by coin."""
    batch: dict[str, list[PriceNeed]] = {}
    room = _URL_ROOM
    for coin, needs in coins.items():
        name_cost = len(quote_plus(coin)) + 20  # quotes, brackets and commas are three characters each
        stamp_cost = 13  # ten digits and a comma
        for need in sorted(needs, key=lambda need: need.instant):
            cost = stamp_cost + (0 if coin in batch else name_cost)
            if cost > room:
                yield batch
                batch, room = {}, _URL_ROOM
                cost = stamp_cost + name_cost
            batch.setdefault(coin, []).append(need)
            room -= cost
    if batch:
        yield batch


def _needs_of(batch: Mapping[str, Sequence[PriceNeed]]) -> list[PriceNeed]:
    return [need for needs in batch.values() for need in needs]


def _build(context: SourceContext) -> PriceSource:
    return DefiLlama(context)


SOURCE = SourceFactory(
    name=NAME, build=_build, about="DefiLlama coins: keyless, live and historical, most tokens of most chains"
)
