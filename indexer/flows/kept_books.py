"""The engine's books of the last rebuilds, remembered while the process runs, so that a change books what it touches.

The memory decides how much is booked again and never what comes out: a book amended from its checkpoints is the book
that a full rebuild makes, byte for byte (`indexer.tax.engine.amend`, property-tested), and what was remembered is
compared movement by movement with what is asked for.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.model.movement import Movement
from indexer.model.profile import TaxProfile
from indexer.tax.book import TaxBook
from indexer.tax.changeover import Allocation
from indexer.tax.engine import amend, build

REMEMBERED = 16
"""Portfolios whose book is remembered; the one unused for longest goes first."""
LARGEST = 1_000_000
"""Movements of a book that is still remembered: about a gigabyte with its movements."""
FEW = 8
"""One in so many movements may change before booking everything anew is the shorter way."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a book is a function of beside its movements."""

    profiles: tuple[TaxProfile, ...]
    families: Mapping[str, str]
    allocation: Allocation | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    terms: Terms
    movements: tuple[Movement, ...]
    book: TaxBook


class KeptBooks:
    """One book a portfolio. Threads may ask at once: two that ask for one portfolio both get their answer."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self.amended = 0
        """Books that were made from an earlier one, for tests and measurements."""

    def book(self, portfolio: str, movements: Sequence[Movement], terms: Terms) -> TaxBook:
        """The book of a portfolio's movements.

        Raises:
            InputError: as `indexer.tax.engine.build`.
        """
        with self._lock:
            known = self._kept.get(portfolio)
        book = self._from(known, movements, terms)
        if book is None:
            book = build(movements, terms.profiles, families=terms.families, allocation=terms.allocation)
        with self._lock:
            self._kept.pop(portfolio, None)
            if len(movements) <= LARGEST:
                self._kept[portfolio] = _Kept(terms, tuple(movements), book)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return book

    def _from(self, known: _Kept | None, movements: Sequence[Movement], terms: Terms) -> TaxBook | None:
        """The book made of the one before, None where that is not there or would not be shorter."""
        if known is None or known.terms != terms or _is_worn(known.book):
            return None
        removed, added = changes(known.movements, movements)
        if FEW * max(len(removed), len(added)) > len(movements):
            return None
        if removed or added:
            self.amended += 1
            return amend(known.book, added=added, removed=removed)
        return known.book


def _is_worn(book: TaxBook) -> bool:
    """Whether most of what a book carries is what earlier books were amended by: names are added and never removed."""
    return len(book.tape.ids) > 2 * sum(len(run.unit) for run in book.runs)


def changes(before: Sequence[Movement], after: Sequence[Movement]) -> tuple[list[Movement], list[Movement]]:
    """Movements that are gone and that are new; both halves of a link whose one half is.

    A movement that is not what it was is both gone and new.
    """
    old = {movement.id: movement for movement in before}
    new = {movement.id: movement for movement in after}
    touched = {id_ for id_ in old.keys() | new.keys() if old.get(id_) != new.get(id_)}
    links = {
        movement.link
        for id_ in touched
        for movement in (old.get(id_), new.get(id_))
        if movement is not None and movement.link
    }
    removed = [one for one in before if one.id in touched or (one.link and one.link in links)]
    added = [one for one in after if one.id in touched or (one.link and one.link in links)]
    return removed, added
