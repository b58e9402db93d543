"""The book: what all units hold together, in one order. Values are built when they are looked at."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import overload

from indexer.model.lots import BookGap, Disposal, Income, Lot
from indexer.tax.gaps import gaps_of
from indexer.tax.plan import Plan
from indexer.tax.run import UnitRun
from indexer.tax.tape import Tape, Unit
from indexer.tax.views import Removal, UnitView

ENGINE = 2
"""Version of the rules' arithmetic: part of every fingerprint."""


@dataclass(frozen=True, slots=True)
class PoolTotal:
    """Units and cost left in everything that is pooled under one asset."""

    quantity: int
    cost: int


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
        keyed = [pair for view in self.views for pair in gaps_of(view)]
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
        broad = any(profile.wash_group == "broad" for profile in self.plan.profiles)
        families = sorted(self.tape.families.items()) if broad else ()
        rules = f"{ENGINE}|{self.plan.profiles!r}|{self.plan.allocation!r}|{families!r}"
        digest = hashlib.sha256(rules.encode())
        for run in sorted(self.runs, key=lambda run: run.unit.assets):
            if not run.digest:
                run.digest = self._digest(run.unit)
            digest.update(run.digest)
        return digest.hexdigest()

    def _digest(self, unit: Unit) -> bytes:
        tape, places = self.tape, [repr(place) for place in self.tape.places]
        digest = hashlib.sha256(repr(unit.assets).encode())
        for time, kind, place, quantity, value, ref in zip(*unit.columns(), strict=True):
            line = f"{time}|{kind}|{places[place]}|{quantity}|{value}|{tape.ids[ref]}|{tape.orders[ref]}"
            extra = tape.extras.get(ref)
            if extra is not None:
                to_place = places[extra.to_place] if extra.to_place >= 0 else ""
                line += f"|{replace(extra, to_place=-1)!r}|{to_place}"
            digest.update(f"{line}\n".encode())
        return digest.digest()
