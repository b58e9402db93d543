"""Why a disposal has the figures it has: every lot it took, the rule that took it, and what changed that lot before."""

from dataclasses import dataclass

from indexer.model.errors import NotFoundError
from indexer.model.lots import Disposal, Term
from indexer.tax.book import TaxBook
from indexer.tax.views import UnitView

RULES = {
    "fifo": "first in, first out",
    "lifo": "last in, first out",
    "hifo": "highest unit cost first, acquisition fees included",
    "lofo": "lowest unit cost first, acquisition fees included",
    "average": "average cost of the pool",
    "pooled": "average cost of the pool",
    "spec-id": "named by the owner",
    "same_day": "acquired on the day of the disposal",
    "30_day": "acquired within 30 days after the disposal",
    "s104": "average cost of the section 104 pool",
    "acb": "adjusted cost base of all identical property",
    "four_weeks": "acquired within the four weeks before the disposal",
    "portfolio": "share of the whole portfolio's cost",
}
"""What a rule's name means, in words."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a disposal with the acquisitions behind it and one sentence for each thing that shaped it."""

    disposal: Disposal
    acquisitions: tuple[str, ...]
    """Ids of the movements that the cost comes from; empty for a pool."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A disposal, followed to the transactions it was made of."""

    id: str
    steps: tuple[Step, ...]

    @property
    def gain(self) -> int:
        """Gain of all rows, 10**-18 currency units."""
        return sum(step.disposal.gain for step in self.steps)


def explain(book: TaxBook, disposal: str) -> Explanation:
    """Explain a disposal by its id, or by the id of one movement that is part of it.

    Raises:
        NotFoundError: there is no such disposal, or its figures are missing; the text says which.
    """
    steps = [
        step
        for view in book.views
        for step in _steps(view)
        if disposal in (step.disposal.id, *step.disposal.id.split("+"))
    ]
    if not steps:
        gaps = [gap.detail for gap in book.gaps if gap.movement == disposal]
        why = f": {gaps[0]}" if gaps else ""
        raise NotFoundError(f"the book has no disposal {disposal!r}{why}")
    return Explanation(disposal, tuple(steps))


def _steps(view: UnitView) -> list[Step]:
    rows = view.result.rows
    return [
        Step(view.disposal(row), _acquisitions(view, row), tuple(_notes(view, row)))
        for row in range(len(rows.event))
        if view.is_final(row)
    ]


def _acquisitions(view: UnitView, row: int) -> tuple[str, ...]:
    rows = view.result.rows
    piece = rows.piece[row]
    if piece >= 0:
        return (view.id_of(view.result.pieces.source[piece]),)
    return tuple(view.id_of(event) for event in rows.matched.get(row, ()))


def _notes(view: UnitView, row: int) -> list[str]:
    disposal, notes = view.disposal(row), list[str]()
    words = RULES.get(disposal.rule, disposal.rule)
    if disposal.matched:
        notes.append(f"took {disposal.matched}: {words}")
    else:
        notes.append(f"took the pool: {words}")
    piece = view.result.rows.piece[row]
    if piece >= 0:
        notes += _lot_notes(view, piece, disposal)
    if disposal.disallowed > 0:
        where = f", added to the basis of {disposal.washed_into}" if disposal.washed_into else ""
        notes.append(f"part of the loss is disallowed{where}")
    elif disposal.disallowed < 0:
        notes.append("an earlier loss that waited on these units lowers the gain")
    if disposal.term is Term.LONG:
        notes.append("held long enough to be long-term")
    return notes


def _lot_notes(view: UnitView, piece: int, disposal: Disposal) -> list[str]:
    pieces, notes = view.result.pieces, list[str]()
    source = pieces.source[piece]
    bought = view.tape.places[view.unit.place[source]]
    if bought.wallet != disposal.wallet:
        notes.append(
            f"acquired in {bought.wallet or 'the default wallet'}, moved here with its cost and date"
        )
    if piece in pieces.washed:
        notes.append("its basis holds a loss disallowed earlier; its holding period is tacked")
    if view.holding_day(piece) < view.plan.day(view.acquired_us(piece)):
        notes.append("its holding period is counted from an earlier day than its acquisition")
    origin = view.note(source).origin
    if origin.startswith("gap:"):
        notes.append(
            f"its cost is a stand-in ({origin.removeprefix('gap:')}): what it really cost is not known"
        )
    return notes
