"""The book: units' columns read as lots, disposals, income and gaps. Values are built when they are looked at."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import overload

from indexer.model.lots import BookGap, BookGapCode, Disposal, Income, Lot, Term
from indexer.model.profile import Method
from indexer.tax.days import from_us
from indexer.tax.plan import Plan, Segment
from indexer.tax.run import UnitRun
from indexer.tax.tape import MOVE, NO_EXTRA, RECEIVE, REMOVE, SELL, Extra, Tape
from indexer.tax.term import long_day

ENGINE = 2
"""Version of the rules' arithmetic: part of every fingerprint."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Units that left without being a disposal, with the cost that left with them."""

    movement: str
    asset: str
    wallet: str
    lot: str
    quantity: int
    cost: int
    time: datetime
    reason: str
    value: int | None
    """Market value at the time, None when unknown: what a disposal would have brought."""


@dataclass(frozen=True, slots=True)
class PoolTotal:
    """Units and cost left in everything that is pooled under one asset."""

    quantity: int
    cost: int


class UnitView:
    """One unit's run read as values."""

    def __init__(self, plan: Plan, tape: Tape, run: UnitRun) -> None:
        self.plan, self.tape, self.run = plan, tape, run
        self.unit, self.result = run.unit, run.result

    def note(self, event: int) -> Extra:
        """What an event carries beside its columns."""
        return self.tape.extras.get(self.unit.ref[event], NO_EXTRA)

    def id_of(self, event: int) -> str:
        """The movement an event belongs to."""
        return self.tape.ids[self.unit.ref[event]]

    def order_of(self, event: int) -> tuple[int, tuple[int, ...]]:
        """Sort key of an event within the portfolio."""
        return (self.unit.time[event], self.tape.orders[self.unit.ref[event]])

    def known(self, piece: int) -> bool:
        """Whether a piece's cost is a figure."""
        source = self.result.pieces.source[piece]
        return self.unit.kind[source] != MOVE and self.note(source).unknown is None

    def holding_day(self, piece: int) -> int:
        """The day a piece's holding period is counted from, as an ordinal."""
        return self.result.pieces.holding.get(piece) or self.plan.day(self.acquired_us(piece))

    def acquired_us(self, piece: int) -> int:
        """When a piece was acquired."""
        source = self.result.pieces.source[piece]
        acquired = self.note(source).acquired_us
        return self.unit.time[source] if acquired is None else acquired

    def segment(self, event: int) -> Segment:
        """The rules in force at an event."""
        instant = self.unit.time[event]
        found = self.run.segments[0]
        for segment in self.run.segments:
            if segment.start <= instant:
                found = segment
        return found

    def is_own(self, place: int) -> bool:
        """Whether a place is the taxpayer's, not an affiliated person's."""
        return not self.plan.affiliates or not self.plan.is_affiliate(self.tape.places[place].wallet)

    def is_final(self, row: int) -> bool:
        """Whether a row's gain is a figure: proceeds and basis are both known."""
        rows = self.result.rows
        piece = rows.piece[row]
        if not self.is_own(self.unit.place[rows.event[row]]):
            return False
        return self.note(rows.event[row]).unknown is None and (piece < 0 or self.known(piece))

    def disposal(self, row: int) -> Disposal:
        """Build a row's value."""
        rows = self.result.rows
        event, piece = rows.event[row], rows.piece[row]
        place = self.tape.places[self.unit.place[event]]
        proceeds, cost = rows.proceeds[row], rows.cost[row]
        disallowed = rows.disallowed.get(row, 0)
        disposed = self.unit.time[event]
        merged = rows.merged.get(row)
        into = rows.washed_into.get(row)
        if piece >= 0:
            matched = self.id_of(self.result.pieces.source[piece])
            acquired: datetime | None = from_us(self.acquired_us(piece))
        else:
            sources = rows.matched.get(row, ())
            matched = "+".join(self.joined(sources))
            acquired = from_us(self.unit.time[sources[0]]) if sources else None
        return Disposal(
            id="+".join(self.joined(merged)) if merged else self.id_of(event),
            asset=place.asset,
            wallet=place.wallet,
            quantity=rows.quantity[row],
            matched=matched,
            rule=rows.rule.get(row) or self.default_rule(event),
            disposed_at=from_us(disposed),
            acquired_at=acquired,
            proceeds=proceeds,
            cost=cost,
            disallowed=disallowed,
            gain=proceeds - cost + disallowed,
            term=self.term(event, piece),
            washed_into=None if into is None else self.id_of(into),
        )

    def joined(self, events: Sequence[int]) -> list[str]:
        """Ids of events that the law takes as one, in `order`."""
        ordered = sorted(events, key=lambda event: (self.tape.orders[self.unit.ref[event]], event))
        return [self.id_of(event) for event in ordered]

    def default_rule(self, event: int) -> str:
        """Name of the method in force."""
        method = self.segment(event).method
        return Method.FIFO.value if method is Method.SPEC_ID else method.value

    def term(self, event: int, piece: int) -> Term:
        """Holding period class of a row."""
        if piece < 0:
            return Term.SHORT
        us = self.unit.time[event]
        first = long_day(date.fromordinal(self.holding_day(piece)), self.plan.rules_at(us).holding)
        return Term.LONG if first is not None and self.plan.day(us) >= first.toordinal() else Term.SHORT

    def lots(self) -> Iterator[Lot]:
        """Open lots in acquisition order."""
        pieces = self.result.pieces
        alive = [
            piece
            for piece, quantity in enumerate(pieces.quantity)
            if quantity and self.is_own(pieces.place[piece])
        ]
        alive.sort(key=lambda piece: (pieces.order(piece), piece))
        for piece in alive:
            source = pieces.source[piece]
            place = self.tape.places[pieces.place[piece]]
            extra = self.note(source)
            yield Lot(
                id=self.id_of(source),
                asset=place.asset,
                wallet=place.wallet,
                quantity=pieces.quantity[piece],
                cost=pieces.cost[piece],
                acquired_at=from_us(self.acquired_us(piece)),
                holding_from=date.fromordinal(self.holding_day(piece)),
                chain=place.chain,
                address=place.address,
                origin="gap:ask" if self.unit.kind[source] == MOVE else extra.origin or "buy",
                basis_known=self.known(piece) and not extra.origin.startswith("gap:"),
            )

    def income(self) -> Iterator[Income]:
        """Receipts at market value that are income."""
        for event, kind in enumerate(self.unit.kind):
            if kind != RECEIVE:
                continue
            extra = self.note(event)
            if extra.origin == "income" and extra.unknown is None:
                yield Income(
                    movement=self.id_of(event),
                    asset=self.tape.places[self.unit.place[event]].asset,
                    quantity=self.unit.quantity[event],
                    value=self.unit.value[event] - extra.basis_added,
                    time=from_us(self.unit.time[event]),
                )

    def removals(self) -> Iterator[Removal]:
        """Units that left without a disposal."""
        removals = self.result.removals
        for row, event in enumerate(removals.event):
            place = self.tape.places[self.unit.place[event]]
            extra, quantity = self.note(event), removals.quantity[row]
            whole, value = self.unit.quantity[event], self.unit.value[event]
            yield Removal(
                movement=self.id_of(event),
                asset=place.asset,
                wallet=place.wallet,
                lot=self.id_of(self.result.pieces.source[removals.piece[row]])
                if removals.piece[row] >= 0
                else "",
                quantity=quantity,
                cost=removals.cost[row],
                time=from_us(self.unit.time[event]),
                reason=extra.reason or "send",
                value=None if extra.unknown else value * quantity // whole,
            )

    def gaps(self) -> Iterator[tuple[tuple[int, tuple[int, ...]], BookGap]]:
        """What is not final, with its place in time."""
        for event, extra in self._noted():
            code = extra.unknown or extra.gap
            if code is None:
                continue
            yield self.order_of(event), self._gap(event, code, self.unit.quantity[event], _DETAIL[code])
        for event in self._unreviewed():
            yield (
                self.order_of(event),
                self._gap(
                    event,
                    BookGapCode.UNREVIEWED_SEND,
                    self.unit.quantity[event],
                    _DETAIL[BookGapCode.UNREVIEWED_SEND],
                ),
            )
        for short in self.result.shorts:
            yield self.order_of(short.event), self._short(short.event, short.quantity, short.value)
        if self.result.undecided:
            event, units = self.result.undecided
            at = min(event, len(self.unit) - 1)
            yield (
                self.order_of(at),
                self._gap(at, BookGapCode.NO_ALLOCATION, units, _DETAIL[BookGapCode.NO_ALLOCATION]),
            )
        rows = self.result.rows
        for row, piece in enumerate(rows.piece):
            if piece >= 0 and not self.known(piece) and self.note(rows.event[row]).unknown is None:
                event = rows.event[row]
                source = self.id_of(self.result.pieces.source[piece])
                detail = f"sold from {source}, whose basis is not known: proceeds of the sale are not in the totals"
                yield (
                    self.order_of(event),
                    self._gap(event, BookGapCode.UNKNOWN_BASIS, rows.quantity[row], detail),
                )

    def _noted(self) -> Iterator[tuple[int, Extra]]:
        extras = self.tape.extras
        if extras:
            for event, ref in enumerate(self.unit.ref):
                if ref in extras:
                    yield event, extras[ref]

    def _unreviewed(self) -> Iterator[int]:
        for event, extra in self._noted():
            if self.unit.kind[event] == REMOVE and extra.reason == "send":
                yield event

    def _short(self, event: int, quantity: int, value: int) -> BookGap:
        kind = self.unit.kind[event]
        what = {SELL: "sold", REMOVE: "sent", MOVE: "moved"}.get(kind, "asked for")
        detail = f"{what} more than the books hold: an acquisition is missing"
        if kind == SELL and self.note(event).unknown is None:
            detail += f"; proceeds of {value} (10^-18 {self.plan.currency}) are not in the totals"
        return self._gap(event, BookGapCode.SOLD_MORE_THAN_HELD, quantity, detail)

    def _gap(self, event: int, code: BookGapCode, quantity: int, detail: str) -> BookGap:
        asset = self.tape.places[self.unit.place[event]].asset
        return BookGap(self.id_of(event), code, asset, quantity, detail)


_DETAIL = {
    BookGapCode.UNKNOWN_BASIS: "arrived from elsewhere: what it cost is not known, and a sale of it is not in the totals",
    BookGapCode.UNKNOWN_PRICE: "no price is known at that instant: the movement is booked without a figure",
    BookGapCode.MISSING_PORTFOLIO_VALUE: "the value of the whole portfolio at the sale is not known: no gain can be computed",
    BookGapCode.UNREVIEWED_SEND: "sent to a stranger: not realized until you say whether it was a sale, a gift or yours",
    BookGapCode.UNMATCHED_BRIDGE: "left for another chain and its arrival is not known: cost leaves with it",
    BookGapCode.NO_ALLOCATION: "lots were one pool before and are kept per wallet from here on: these units were dealt out "
    "without a recorded allocation (Rev. Proc. 2024-28)",
    BookGapCode.SOLD_MORE_THAN_HELD: "more than the books hold",
}


class Disposals(Sequence[Disposal]):
    """Disposal values over the units' columns, in time order, built on access."""

    def __init__(self, views: Sequence[UnitView]) -> None:
        self._views = views

    @cached_property
    def _index(self) -> list[tuple[int, int]]:
        """(unit, row) in order of time, then `order`, then row."""
        keyed = [
            (view.order_of(event), number, row)
            for number, view in enumerate(self._views)
            for row, event in enumerate(view.result.rows.event)
            if view.is_final(row)
        ]
        keyed.sort()
        return [(number, row) for _, number, row in keyed]

    def __len__(self) -> int:
        return len(self._index)

    @overload
    def __getitem__(self, index: int) -> Disposal: ...
    @overload
    def __getitem__(self, index: slice) -> list[Disposal]: ...
    def __getitem__(self, index: int | slice) -> Disposal | list[Disposal]:
        if isinstance(index, slice):
            return [self._views[number].disposal(row) for number, row in self._index[index]]
        number, row = self._index[index]
        return self._views[number].disposal(row)

    def __iter__(self) -> Iterator[Disposal]:
        for number, row in self._index:
            yield self._views[number].disposal(row)


@dataclass(frozen=True)
class TaxBook:
    """The engine's book. Reading it never changes it; amending it makes another one."""

    plan: Plan
    tape: Tape
    runs: tuple[UnitRun, ...]
    gaps_given: tuple[BookGap, ...] = ()
    """Gaps found before booking (a bridge whose other half is unknown)."""
    meta: Mapping[str, str] = field(default_factory=dict)

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.plan.currency

    @cached_property
    def views(self) -> tuple[UnitView, ...]:
        """The units, read as values."""
        return tuple(UnitView(self.plan, self.tape, run) for run in self.runs)

    @cached_property
    def lots(self) -> Sequence[Lot]:
        """Open lots by asset, wallet and acquisition."""
        found = [lot for view in self.views for lot in view.lots()]
        return sorted(found, key=lambda lot: (lot.asset, lot.wallet))

    @cached_property
    def disposals(self) -> Disposals:
        """Disposals in time order."""
        return Disposals(self.views)

    @cached_property
    def income(self) -> Sequence[Income]:
        """Income in time order."""
        found = [income for view in self.views for income in view.income()]
        return sorted(found, key=lambda income: (income.time, income.movement))

    @cached_property
    def removals(self) -> Sequence[Removal]:
        """What left without a disposal, in time order."""
        found = [removal for view in self.views for removal in view.removals()]
        return sorted(found, key=lambda removal: (removal.time, removal.movement))

    @cached_property
    def gaps(self) -> Sequence[BookGap]:
        """What is not final, in time order; then what was found before booking."""
        keyed = [pair for view in self.views for pair in view.gaps()]
        keyed.sort(key=lambda pair: (pair[0], pair[1].code, pair[1].asset, pair[1].quantity))
        return [gap for _, gap in keyed] + list(self.gaps_given)

    @cached_property
    def pools(self) -> Mapping[str, PoolTotal]:
        """Units and cost held, by asset."""
        totals: dict[str, list[int]] = {}
        for view in self.views:
            for place in set(view.unit.place):
                totals.setdefault(self.tape.places[place].asset, [0, 0])
            pieces = view.result.pieces
            for piece, quantity in enumerate(pieces.quantity):
                if quantity and view.is_own(pieces.place[piece]):
                    total = totals[self.tape.places[pieces.place[piece]].asset]
                    total[0] += quantity
                    total[1] += pieces.cost[piece]
            for asset, (quantity, cost) in view.result.pooled.items():
                total = totals.setdefault(asset, [0, 0])
                total[0] += quantity
                total[1] += cost
        return {asset: PoolTotal(*totals[asset]) for asset in sorted(totals)}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over events and rules."""
        digest = hashlib.sha256(f"{ENGINE}|{self.plan.profiles!r}|{self.plan.allocation!r}".encode())
        for view in sorted(self.views, key=lambda view: view.unit.assets):
            digest.update(repr(view.unit.assets).encode())
            places = self.tape.places
            for time, kind, place, quantity, value, ref in zip(*view.unit.columns(), strict=True):
                extra = self.tape.extras.get(ref, NO_EXTRA)
                to_place = places[extra.to_place] if extra.to_place >= 0 else None
                digest.update(
                    f"{time}|{kind}|{places[place]!r}|{quantity}|{value}|{self.tape.ids[ref]}"
                    f"|{self.tape.orders[ref]}|{replace(extra, to_place=-1)!r}|{to_place!r}\n".encode()
                )
        return digest.hexdigest()
