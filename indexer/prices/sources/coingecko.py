"""CoinGecko: most tokens; works without a key at a low rate, with a demo or a paid key at a higher one.

The public plan's history ends 365 days ago. One or two days of a coin are asked by day (its price at 00:00 UTC),
more in one range: hourly up to 90 days long, daily beyond. https://docs.coingecko.com/reference
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from indexer.model.asset import Asset
from indexer.model.errors import LyingSourceError
from indexer.model.ports import PriceSource
from indexer.model.prices import Granularity, PriceNeed, PriceQuote, PriceResult
from indexer.prices.batches import ask_all
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.fields import as_instant, as_list, as_number, as_object
from indexer.prices.ids import gecko_id
from indexer.prices.upstream import UpstreamSpec

NAME = "coingecko"
FREE = "https://api.coingecko.com/api/v3"
PAID = "https://pro-api.coingecko.com/api/v3"

_HOURLY = timedelta(days=89)
"""The longest range that is answered with hourly points."""

_PUBLIC_HISTORY = timedelta(days=365)
_MARGIN = timedelta(hours=1)
"""Its clock and ours need not agree on when the year began."""
_BEGINNING = datetime(2009, 1, 3, tzinfo=UTC)

_IDS_AT_ONCE = 50
_MIDNIGHT_REACH = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class _Live:
    """One question for present prices: coins by id, or tokens of one platform by address."""

    platform: str | None
    names: Mapping[str, tuple[PriceNeed, ...]]


@dataclass(frozen=True, slots=True)
class _Past:
    """One question for a coin's past: a day (`first` is its midnight, `last` None) or a range."""

    path: str
    first: datetime
    last: datetime | None
    needs: tuple[PriceNeed, ...]


class CoinGecko:
    """Asks `simple/price`, `simple/token_price`, `history` and `market_chart/range`."""

    name = NAME
    confirms_history = False

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._upstream = context.upstream(_spec(context))
        self._public = self._upstream.spec.base_url.startswith(FREE)

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer the needs whose assets CoinGecko has a name for."""
        live: dict[str | None, dict[str, list[PriceNeed]]] = {}
        past: dict[str, list[PriceNeed]] = {}
        for need in needs:
            found = gecko_id(assets[need.asset], self._context.specs)
            if found is None:
                continue
            platform, name = found
            if need.instant < self._oldest:
                continue  # the public plan refuses it: as good as unknown
            if self._context.is_live(need.instant):
                live.setdefault(platform, {}).setdefault(name, []).append(need)
            else:
                path = f"/coins/{name}" if platform is None else f"/coins/{platform}/contract/{name}"
                past.setdefault(path, []).append(need)
        patience = self._context.patience(NAME)
        answers = await ask_all(list(_live_batches(live)), self._ask_live, _needs_of_live, patience)
        batches = [batch for path, wanted in past.items() for batch in self._past_batches(path, wanted)]
        answers.update(await ask_all(batches, self._ask_past, lambda batch: batch.needs, patience, 2))
        return answers

    @property
    def _oldest(self) -> datetime:
        """The first instant that the plan covers."""
        return self._context.clock.now() - _PUBLIC_HISTORY + _MARGIN if self._public else _BEGINNING

    async def _ask_live(self, batch: _Live) -> dict[PriceNeed, PriceResult]:
        common: dict[str, str | int] = {"vs_currencies": "usd", "include_last_updated_at": "true"}
        names = ",".join(batch.names)
        if batch.platform is None:
            answer = await self._upstream.get("/simple/price", {"ids": names, **common})
        else:
            path = f"/simple/token_price/{batch.platform}"
            answer = await self._upstream.get(path, {"contract_addresses": names, **common})
        answers: dict[PriceNeed, PriceResult] = {}
        for name, said in as_object(answer, NAME).items():
            fields = as_object(said, NAME)
            if name not in batch.names or fields.get("usd") is None:
                continue
            updated = fields.get("last_updated_at")
            now = self._context.clock.now()
            instant = now if updated is None else as_instant(updated, NAME)
            for need in batch.names[name]:
                answers[need] = _quote(need, instant, as_number(fields["usd"], NAME))
        return answers

    def _past_batches(self, path: str, needs: Sequence[PriceNeed]) -> Iterator[_Past]:
        ordered = sorted(needs, key=lambda need: need.instant)
        by_day: dict[datetime, list[PriceNeed]] = {}
        for need in ordered:
            by_day.setdefault(_nearest_midnight(need.instant), []).append(need)
        by_name = "/contract/" not in path  # `history` exists for ids only
        if by_name and len(by_day) <= 2 and all(_near_midnight(need.instant) for need in ordered):
            for midnight, wanted in by_day.items():
                yield _Past(path, midnight, None, tuple(wanted))
            return
        longest = timedelta(days=365) if self._daily() else _HOURLY
        group: list[PriceNeed] = []
        for need in ordered:
            if group and need.instant - group[0].instant > longest - timedelta(days=2):
                yield self._range_of(path, group)
                group = []
            group.append(need)
        if group:
            yield self._range_of(path, group)

    def _range_of(self, path: str, needs: Sequence[PriceNeed]) -> _Past:
        """A day more on either side; the public plan refuses a range whole that begins before its history does."""
        first = max(needs[0].instant - timedelta(days=1), self._oldest)
        return _Past(path, first, needs[-1].instant + timedelta(days=1), tuple(needs))

    def _daily(self) -> bool:
        return self._context.policy.granularity is Granularity.DAILY

    async def _ask_past(self, batch: _Past) -> dict[PriceNeed, PriceResult]:
        if batch.last is None:
            points = await self._day(batch)
        else:
            points = await self._range(batch, batch.last)
        instants = sorted(points)
        answers: dict[PriceNeed, PriceResult] = {}
        for need in batch.needs:
            at = bisect_left(instants, need.instant)
            near = instants[max(0, at - 1) : at + 1]
            if near:
                instant = min(near, key=lambda point: (abs(point - need.instant), point))
                answers[need] = _quote(need, instant, points[instant])
        return answers

    async def _day(self, batch: _Past) -> dict[datetime, Decimal]:
        """`history`: the price at 00:00 UTC of the day; a coin without a market then has no `market_data`."""
        params: dict[str, str | int] = {"date": batch.first.strftime("%d-%m-%Y"), "localization": "false"}
        answer = as_object(await self._upstream.get(f"{batch.path}/history", params), NAME)
        prices = as_object(answer.get("market_data", {}), NAME).get("current_price")
        usd = None if prices is None else as_object(prices, NAME).get("usd")
        return {} if usd is None else {batch.first: as_number(usd, NAME)}

    async def _range(self, batch: _Past, last: datetime) -> dict[datetime, Decimal]:
        """`market_chart/range`: `prices` is a list of `[milliseconds, price]`."""
        params: dict[str, str | int] = {
            "vs_currency": "usd",
            "from": int(batch.first.timestamp()),
            "to": int(last.timestamp()),
        }
        answer = as_object(await self._upstream.get(f"{batch.path}/market_chart/range", params), NAME)
        return dict(_chart_point(row) for row in as_list(answer.get("prices"), NAME))


def _chart_point(row: Any) -> tuple[datetime, Decimal]:
    fields = as_list(row, NAME)
    if len(fields) != 2:
        raise LyingSourceError(f"{NAME} sent a point of {len(fields)} fields.")
    return as_instant(fields[0], NAME, per_second=1000), as_number(fields[1], NAME)


def _quote(need: PriceNeed, instant: datetime, price: Decimal) -> PriceQuote:
    return PriceQuote(need.asset, need.currency, instant, price, NAME, abs(instant - need.instant))


def _nearest_midnight(instant: datetime) -> datetime:
    return datetime.combine((instant + timedelta(hours=12)).astimezone(UTC).date(), time(), tzinfo=UTC)


def _near_midnight(instant: datetime) -> bool:
    return abs(_nearest_midnight(instant) - instant) <= _MIDNIGHT_REACH


def _live_batches(wanted: Mapping[str | None, Mapping[str, Sequence[PriceNeed]]]) -> Iterator[_Live]:
    for platform, names in wanted.items():
        ordered = list(names)
        for start in range(0, len(ordered), _IDS_AT_ONCE):
            part = ordered[start : start + _IDS_AT_ONCE]
            yield _Live(platform, {name: tuple(names[name]) for name in part})


def _needs_of_live(batch: _Live) -> list[PriceNeed]:
    return [need for needs in batch.names.values() for need in needs]


def _spec(context: SourceContext) -> UpstreamSpec:
    key = context.settings.keys.get(NAME)
    if key is None:  # some ten requests a minute are served without a key
        return UpstreamSpec(name=NAME, base_url=FREE, per_second=0.15, burst=3)
    paid = context.settings.base_urls.get(NAME, FREE).startswith(PAID)
    header = "x-cg-pro-api-key" if paid else "x-cg-demo-api-key"
    return UpstreamSpec(name=NAME, base_url=FREE, per_second=0.5, burst=5, headers={header: key})


def _build(context: SourceContext) -> PriceSource:
    return CoinGecko(context)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="CoinGecko: most tokens; slow without a key, and its free history is one year long",
)
