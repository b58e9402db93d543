"""The engine: movements and a profile in, a book out. A pure function; the same input gives the same bytes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from indexer.model.movement import Movement
from indexer.model.profile import TaxProfile
from indexer.tax.acb import AcbKernel
from indexer.tax.book import TaxBook
from indexer.tax.fourweeks import FourWeekKernel
from indexer.tax.jurisdiction import Effect, Kernel
from indexer.tax.lots import LotKernel
from indexer.tax.plan import Plan, Segment
from indexer.tax.portfolio import PortfolioKernel
from indexer.tax.posting import Event, post
from indexer.tax.run import run_unit
from indexer.tax.section104 import Section104Kernel
from indexer.tax.tape import Extra, Place, Tape, Unit
from indexer.tax.wash import WashKernel


def build(
    movements: Sequence[Movement],
    profile: TaxProfile | Sequence[TaxProfile],
    *,
    families: Mapping[str, str] | None = None,
) -> TaxBook:
    """Book movements under a profile, or under dated ones.

    `families` maps pool assets to their broad identity group; it is used where a profile asks for it.

    Raises:
        InputError: an unknown country or zone, profiles in several currencies, or a method that the country's
            wash window cannot work with.
    """
    plan = Plan(profile)
    events = post(movements, plan)
    return book_tape(plan, lay(events, plan, families or {}))


def book_tape(plan: Plan, tape: Tape) -> TaxBook:
    """Book a tape that is already laid out in columns."""
    runs = tuple(run_unit(plan, tape, unit, make_kernel) for unit in tape.units)
    return TaxBook(plan, tape, runs)


def make_kernel(segment: Segment) -> type[LotKernel]:
    """The machine for a segment's rules."""
    if segment.kernel is not Kernel.LOTS:
        return _POOLED[segment.kernel]
    if segment.window is None:
        return LotKernel
    return FourWeekKernel if segment.window.effect is Effect.RING_FENCE else WashKernel


_POOLED: Mapping[Kernel, type[LotKernel]] = {
    Kernel.SECTION_104: Section104Kernel,
    Kernel.ACB: AcbKernel,
    Kernel.PORTFOLIO: PortfolioKernel,
}


class _Groups:
    """Union-find over pool assets."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, asset: str) -> str:
        parent = self._parent.setdefault(asset, asset)
        if parent != asset:
            parent = self._parent[asset] = self.find(parent)
        return parent

    def join(self, one: str, other: str) -> None:
        roots = sorted((self.find(one), self.find(other)))
        self._parent[roots[1]] = roots[0]


def sort_key(event: Event) -> tuple[int, tuple[int, ...], str, int]:
    """Total order of events: time, the movement's order, its id, then the event's place inside it."""
    return (event.time, event.order[:-1], event.movement, event.order[-1])


def lay(events: Iterable[Event], plan: Plan, families: Mapping[str, str]) -> Tape:
    """Sort events by time and order and lay them out in columns, one set for each unit."""
    ordered = sorted(events, key=sort_key)
    groups = _Groups()
    together = any(
        segment.kernel is Kernel.PORTFOLIO
        for segment in (plan.segments(ordered[0].time, ordered[-1].time) if ordered else ())
    )
    broad = any(profile.wash_group == "broad" for profile in plan.profiles)
    for event in ordered:
        asset = event.place.asset
        groups.find(asset)
        if event.to:
            groups.join(asset, event.to.asset)
        if together:
            groups.join(asset, ordered[0].place.asset)
        if broad and asset in families:
            groups.join(asset, f"family:{families[asset]}")
    members: dict[str, set[str]] = {}
    for event in ordered:
        for place in (event.place, event.to):
            if place:
                members.setdefault(groups.find(place.asset), set()).add(place.asset)
    units = {root: Unit(tuple(sorted(assets))) for root, assets in sorted(members.items())}
    places: dict[Place, int] = {}
    ids, orders, extras = list[str](), list[tuple[int, ...]](), dict[int, Extra]()
    for ref, event in enumerate(ordered):
        unit = units[groups.find(event.place.asset)]
        unit.time.append(event.time)
        unit.kind.append(event.kind)
        unit.place.append(places.setdefault(event.place, len(places)))
        unit.quantity.append(event.quantity)
        unit.value.append(event.value)
        unit.ref.append(ref)
        ids.append(event.movement)
        orders.append(event.order)
        extra = with_target(event, places)
        if extra is not None:
            extras[ref] = extra
    return Tape(list(places), sorted(units.values(), key=lambda unit: unit.assets), ids, orders, extras)


def with_target(event: Event, places: dict[Place, int]) -> Extra | None:
    """An event's extra data with its target as a place number; None when there is nothing to remember."""
    extra = event.extra
    if event.to is not None:
        return replace(extra, to_place=places.setdefault(event.to, len(places)))
    return None if extra in _PLAIN else extra


_PLAIN = frozenset({Extra(), Extra(origin="buy")})
