"""One unit's columns read as lots, disposals, income and removals. Values are built when they are looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from indexer.model.lots import Disposal, Income, Lot, Term
from indexer.model.profile import Method, Scope
from indexer.tax.days import from_us
from indexer.tax.plan import Plan, Segment
from indexer.tax.run import UnitRun
from indexer.tax.tape import MOVE, NO_EXTRA, RECEIVE, Extra, Tape
from indexer.tax.term import long_day


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
        segment, place = self.segment(event), self.tape.places[self.unit.place[event]]
        key = (place.asset,) if segment.scope is Scope.UNIVERSAL else (place.asset, place.wallet)
        method = segment.method_of(key)
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
