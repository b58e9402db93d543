"""The price service: one question of a flow, answered from the cache and by as few requests as possible.

Needs become slots (an asset at an instant, `slots`). Slots that are kept are read (`stored`); the others are
asked of the sources in their order (`asking`), confirmed by a further source, chosen and kept (`conflicts`).
What no source knows may take the price of an equal asset of its identity group.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from indexer.model.asset import Asset
from indexer.model.money import CONTEXT
from indexer.model.ports import Clock, PriceSource
from indexer.model.prices import (
    PriceConflict,
    PriceMissing,
    PriceNeed,
    PricePolicy,
    PriceQuote,
    PriceResult,
    PriceStatus,
    QuoteCache,
    SourceHealth,
)
from indexer.prices.asking import DOLLAR, Asker, missing, worse
from indexer.prices.canonical import WELL_KNOWN
from indexer.prices.composing import compose, deliver, groups, rate_day, refusal, stand_in
from indexer.prices.conflicts import ConflictBook, choose, is_weak
from indexer.prices.fx import FxRates
from indexer.prices.memory import UNKNOWN_FOR, AnswerMemory
from indexer.prices.quiet import collector_rests
from indexer.prices.rounding import rounded
from indexer.prices.settings import USER
from indexer.prices.slots import Slot, slot_of
from indexer.prices.stored import own_quotes, stored_answers, to_store

Flight = asyncio.Future[dict[Slot, PriceResult]]
"""The answers that one caller is fetching, for everybody who needs one of them."""

_DEPTH = 3
"""Longest chain of assets priced in one another (vault share -> wrapped token -> coin -> dollars)."""

_SLICE = 20_000
"""Slots in one call of a source. What a call answered is kept before the next one, so that a process that is
stopped in the middle of a large history does not start again from nothing."""

_STAND_INS = 3
"""Members of an identity group that are tried for one that nobody prices."""

_PASSING = frozenset({PriceStatus.RATE_LIMITED, PriceStatus.UNAVAILABLE})
"""Reasons that time may heal."""

Anchor = Callable[[Asset], Asset | None]
"""Names the well-known asset that may stand in for a member of its identity group."""


@dataclass(slots=True)
class _Hunt:
    """What is known so far of one slot while the sources are asked."""

    quotes: list[PriceQuote] = field(default_factory=list)
    reason: PriceMissing | None = None

    def confident(self, policy: PricePolicy) -> int:
        return sum(not is_weak(quote, policy) for quote in self.quotes)

    @property
    def settled(self) -> bool:
        """Whether asking again could not bring a better answer: no source was merely out of reach."""
        return self.reason is None or self.reason.status not in _PASSING


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a search may use: the known assets, how deep it is, and whether groups may stand in."""

    assets: Mapping[str, Asset]
    depth: int = 0
    groups: bool = True
    passing: set[Slot] = field(default_factory=set)
    """Slots whose answer may be another one next time, because a source was out of reach or a leg is the user's own:
    neither they nor what follows from them is kept. Shared by every step of one search."""


class Prices:
    """Implements `indexer.model.ports.PriceService`."""

    def __init__(
        self,
        sources: Sequence[PriceSource],
        cache: QuoteCache,
        clock: Clock,
        policy: PricePolicy | None = None,
        *,
        fx: FxRates | None = None,
        anchor: Anchor | None = None,
    ) -> None:
        given = policy or PricePolicy()
        names = given.order or (USER, *(source.name for source in sources))
        self.policy = replace(given, order=names)
        by_name = {source.name: source for source in sources}
        self._askers = [Asker(by_name[name], self.policy) for name in names if name in by_name]
        self._rank = {name: place for place, name in enumerate(names)}
        self._cache = cache
        self._clock = clock
        self.fx = fx
        """Exchange rates, None where prices are in dollars alone."""
        self._anchor = anchor
        self._memory = AnswerMemory()
        self._conflicts = ConflictBook()
        self._in_flight: dict[Slot, Flight] = {}

    @property
    def conflicts(self) -> tuple[PriceConflict, ...]:
        """Disagreements between sources seen since the process started."""
        return self._conflicts.all()

    def health(self) -> tuple[SourceHealth, ...]:
        """What became of the questions to each source, in the order they are asked."""
        return tuple(asker.tally.health for asker in self._askers)

    def forget(self) -> None:
        """Drop what is remembered outside the cache, so that quotes just given by the user count at once."""
        self._memory.forget()

    async def resolve(
        self, needs: Iterable[PriceNeed], assets: Mapping[str, Asset]
    ) -> dict[PriceNeed, PriceResult]:
        """Answer every need: a quote or the reason why there is none. Raises only what the cache raises."""
        now = self._clock.now()
        results: dict[PriceNeed, PriceResult] = {}
        wanted: list[tuple[PriceNeed, Slot]] = []  # pairs: hashing a need costs more than anything else here
        distinct = dict.fromkeys(needs)
        with collector_rests(len(distinct)):
            for need in distinct:
                refused = refusal(need, assets)
                if refused is not None:
                    results[need] = refused
                else:
                    wanted.append((need, slot_of(need, self.policy, now)))
        foreign = [need for need, _ in wanted if need.currency != DOLLAR]
        if foreign and USER in self._rank:
            results.update(await own_quotes(self._cache, foreign, self.policy.within))
            wanted = [(need, slot) for need, slot in wanted if need not in results]
        answers = await self._answer({slot for _, slot in wanted}, assets)
        rates = await self._rates(foreign, now)
        with collector_rests(len(wanted)):
            for need, slot in wanted:
                results[need] = deliver(need, answers[slot], rates, now)
        return results

    async def probe(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> dict[str, dict[PriceNeed, PriceResult]]:
        """Ask every source for the same needs, past the cache and side by side; keep nothing. For diagnosis.

        Answers are in dollars, by source name in the order of the policy.
        """
        now = self._clock.now()
        slots = {need: slot_of(need, self.policy, now) for need in needs if refusal(need, assets) is None}

        async def one(asker: Asker) -> dict[PriceNeed, PriceResult]:
            said = await asker.ask(list(set(slots.values())), assets, now)
            answers = await self._in_dollars(said, _Scope(assets))
            return {need: answers[slot] for need, slot in slots.items()}

        answers = await asyncio.gather(*(one(asker) for asker in self._askers))
        return {asker.name: said for asker, said in zip(self._askers, answers, strict=True)}

    async def _answer(self, slots: Collection[Slot], assets: Mapping[str, Asset]) -> dict[Slot, PriceResult]:
        """Answer slots, waiting for those that another caller is already asking for."""
        flight: Flight = asyncio.get_running_loop().create_future()
        theirs: dict[Slot, Flight] = {}
        mine: list[Slot] = []
        for slot in slots:
            other = self._in_flight.setdefault(slot, flight)
            if other is flight:
                mine.append(slot)
            else:
                theirs[slot] = other
        try:
            answers = await self._find(mine, _Scope(assets))
            flight.set_result(answers)
        finally:
            for slot in mine:
                self._in_flight.pop(slot, None)
            flight.cancel()  # no effect when it has its result
        if not theirs:
            return answers
        answers = dict(answers)  # others read the one that was handed over
        await asyncio.wait(set(theirs.values()))
        left = {slot for slot, other in theirs.items() if other.cancelled()}
        answers.update({slot: other.result()[slot] for slot, other in theirs.items() if slot not in left})
        if left:  # whoever asked was cancelled or failed: it is ours now
            answers.update(await self._answer(left, assets))
        return answers

    async def _find(self, slots: Sequence[Slot], scope: _Scope) -> dict[Slot, PriceResult]:
        """Answer slots from the cache, then from the sources, then from the identity group."""
        if not slots:
            return {}
        answers: dict[Slot, PriceResult] = {}
        with collector_rests(len(slots)):
            stored = await stored_answers(self._cache, slots, self._rank, self.policy)
            for slot, kept in stored.items():
                answers[slot] = self._choose(slot, kept) if isinstance(kept, list) else kept
        if len(answers) == len(slots):
            return answers
        now = self._clock.now()
        hunts = {}
        for slot in slots:  # after the cache: a quote the user has just given overrides what was unknown
            if slot in answers:
                continue
            known = self._memory.get(slot, now)
            if known is None:
                hunts[slot] = _Hunt()
            else:
                answers[slot] = known
        if hunts:
            await self._hunt(hunts, scope)
            answers.update(await self._conclude(hunts, scope))
        return answers

    async def _hunt(self, hunts: Mapping[Slot, _Hunt], scope: _Scope) -> None:
        """Ask one source after the other for what is not yet answered and confirmed."""
        enough = 1 + self.policy.confirmations
        for asker in self._askers:
            open_slots = []
            for slot, hunt in hunts.items():
                known = hunt.confident(self.policy)
                if not known or (known < enough and (slot.live or asker.confirms_history)):
                    open_slots.append(slot)
            open_slots.sort()
            for start in range(0, len(open_slots), _SLICE):
                await self._ask(asker, open_slots[start : start + _SLICE], hunts, scope)

    async def _ask(
        self, asker: Asker, slots: Sequence[Slot], hunts: Mapping[Slot, _Hunt], scope: _Scope
    ) -> None:
        """Ask one source for some slots, note what it says, keep what it knows of the past."""
        said = await asker.ask(slots, scope.assets, self._clock.now())
        said = await self._in_dollars(said, scope)
        kept = []
        for slot, result in said.items():
            hunt = hunts[slot]
            if isinstance(result, PriceMissing):
                if not hunt.confident(self.policy):
                    hunt.reason = worse(hunt.reason, result)
                continue
            hunt.quotes.append(result)
            if is_weak(result, self.policy):
                asker.tally.add("weak")
            elif not slot.live and slot not in scope.passing:
                kept.append(to_store(slot, result))
        if kept:
            await self._cache.save(kept)

    async def _in_dollars(self, said: Mapping[Slot, PriceResult], scope: _Scope) -> dict[Slot, PriceResult]:
        """Price quotes that are given in another asset (a pool's other side, a vault's underlying)."""
        results = {slot: await self._from_fiat(slot, result) for slot, result in said.items()}
        chained = {
            slot: result
            for slot, result in results.items()
            if isinstance(result, PriceQuote) and result.currency != DOLLAR
        }
        if not chained:
            return results
        legs = {slot: Slot(quote.currency, slot.instant, slot.live) for slot, quote in chained.items()}
        prices: Mapping[Slot, PriceResult] = {}
        if scope.depth < _DEPTH:
            known = dict(scope.assets)
            for leg in legs.values():
                known.setdefault(leg.asset, WELL_KNOWN.get(leg.asset, Asset(leg.asset, "", None)))
            deeper = replace(scope, assets=known, depth=scope.depth + 1)
            prices = await self._find(list(set(legs.values())), deeper)
        for slot, quote in chained.items():
            price = prices.get(legs[slot])
            results[slot] = compose(slot, quote, price)
            if legs[slot] in scope.passing or (isinstance(price, PriceQuote) and price.source == USER):
                scope.passing.add(slot)
        return results

    async def _from_fiat(self, slot: Slot, result: PriceResult) -> PriceResult:
        """Turn a quote in another ECB currency into dollars by the day's rate; leave every other one alone."""
        if isinstance(result, PriceMissing) or result.currency == DOLLAR or "/" in result.currency:
            return result
        day = min(slot.instant, self._clock.now()).date()
        found = await self.fx.rate(result.currency, DOLLAR, day) if self.fx is not None else None
        if found is None:
            detail = f"{result.source} quotes it in {result.currency}, for which ECB has no rate"
            return missing(slot, PriceStatus.UNKNOWN, detail)
        return replace(result, currency=DOLLAR, price=rounded(CONTEXT.multiply(result.price, found.rate)))

    async def _conclude(self, hunts: Mapping[Slot, _Hunt], scope: _Scope) -> dict[Slot, PriceResult]:
        """Choose among the quotes, let groups stand in, keep what is settled."""
        answers: dict[Slot, PriceResult] = {}
        lost = {slot: hunt for slot, hunt in hunts.items() if not hunt.quotes and hunt.settled}
        stand_ins = await self._stand_ins(lost, scope) if lost and scope.groups else {}
        keep = []
        now = self._clock.now()
        for slot, hunt in hunts.items():
            if not hunt.settled:
                scope.passing.add(slot)
            quotes = hunt.quotes or ([stand_ins[slot]] if slot in stand_ins else [])
            if not quotes:
                answers[slot] = hunt.reason or missing(slot, PriceStatus.UNKNOWN, "no source is asked")
            else:
                answers[slot] = chosen = self._choose(slot, quotes)
                unsaved = not hunt.quotes or is_weak(chosen, self.policy)
                if unsaved and slot not in scope.passing and not slot.live and chosen.source != USER:
                    keep.append(to_store(slot, chosen))
            if slot.live:
                self._memory.put(slot, answers[slot], now + self.policy.live_for)
            elif isinstance(answers[slot], PriceMissing) and hunt.settled:
                self._memory.put(slot, answers[slot], now + UNKNOWN_FOR)
        if keep:
            await self._cache.save(keep)
        return answers

    async def _stand_ins(self, lost: Mapping[Slot, _Hunt], scope: _Scope) -> dict[Slot, PriceQuote]:
        """Quotes of equal assets: members of the identity group, then the group's well-known asset.

        A member that is out of reach for now is noted in the hunt: asking again may bring its quote.
        """
        by_group = groups(scope.assets.values())
        known = dict(scope.assets)
        tried: dict[Slot, list[Slot]] = {}
        for slot in lost:
            asset = known[slot.asset]
            members = by_group.get(asset.group, []) if asset.group is not None else []
            candidates = [member for member in members if member.id != asset.id][: _STAND_INS - 1]
            anchor = self._anchor(asset) if self._anchor is not None else None
            if anchor is not None and anchor.id != asset.id:
                known.setdefault(anchor.id, anchor)
                candidates.append(anchor)
            tried[slot] = [Slot(member.id, slot.instant, slot.live) for member in candidates]
        legs = {leg for wanted in tried.values() for leg in wanted}
        # members that are lost themselves would only ask for each other
        found = await self._find(list(legs - set(lost)), replace(scope, assets=known, groups=False))
        quotes = {}
        for slot, wanted in tried.items():
            for leg in wanted:
                result = found.get(leg)
                if isinstance(result, PriceQuote):
                    quotes[slot] = stand_in(slot, result)
                    break
                if result is not None and result.status in _PASSING:
                    lost[slot].reason = worse(lost[slot].reason, replace(result, asset=slot.asset))
        return quotes

    def _choose(self, slot: Slot, quotes: Sequence[PriceQuote]) -> PriceQuote:
        if len(quotes) == 1:
            return quotes[0]
        choice = choose(slot.instant, quotes, self.policy)
        if choice.conflict is not None and self._conflicts.note(choice.conflict):
            for asker in self._askers:
                if asker.name in {choice.conflict.chosen.source, choice.conflict.rival.source}:
                    asker.tally.add("conflicts")
        return choice.quote

    async def _rates(self, needs: Iterable[PriceNeed], now: datetime) -> dict[tuple[str, date], Decimal]:
        """The day's rates from dollars that these needs ask for, as far as there are any."""
        days = {(need.currency, rate_day(need, now)) for need in needs}
        rates: dict[tuple[str, date], Decimal] = {}
        if self.fx is None:
            return rates
        for currency, day in days:
            found = await self.fx.rate(DOLLAR, currency, day)
            if found is not None:
                rates[currency, day] = found.rate
        return rates
