"""Laying events out in units, and changing units that are already laid out."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from indexer.model.errors import InputError
from indexer.tax.book import TaxBook
from indexer.tax.plan import Plan
from indexer.tax.posting import Event
from indexer.tax.run import UnitRun
from indexer.tax.tape import NO_EXTRA, Extra, Growing, Place, Tape, Unit

Key = tuple[int, tuple[int, ...], str, int]


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
    together = plan.books_everything_together()
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
    ids: Growing[str] = Growing(0, str)
    orders: Growing[tuple[int, ...]] = Growing(0, lambda row: (row, 0))
    extras: dict[int, Extra] = {}
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
    return Tape(
        list(places), sorted(units.values(), key=lambda unit: unit.assets), ids, orders, extras, families
    )


def with_target(event: Event, places: dict[Place, int]) -> Extra | None:
    """An event's extra data with its target as a place number; None when there is nothing to remember."""
    extra = event.extra
    if event.to is not None:
        return replace(extra, to_place=places.setdefault(event.to, len(places)))
    return None if extra in _PLAIN else extra


_PLAIN = frozenset({Extra(), Extra(origin="buy")})


def events_of(tape: Tape) -> list[Event]:
    """The events of a tape, as they were before they were laid out."""
    found = []
    for unit in tape.units:
        for time, kind, place, quantity, value, ref in zip(*unit.columns(), strict=True):
            extra = tape.extras.get(ref, NO_EXTRA)
            to = tape.places[extra.to_place] if extra.to_place >= 0 else None
            found.append(
                Event(
                    time,
                    tape.orders[ref],
                    tape.ids[ref],
                    kind,
                    tape.places[place],
                    quantity,
                    value,
                    replace(extra, to_place=-1),
                    to,
                )
            )
    return found


def without(events: Iterable[Event], gone: Iterable[Event]) -> list[Event]:
    """Events that are not among those gone.

    Raises:
        InputError: one that is to go is not there.
    """
    kept = {sort_key(event): event for event in events}
    for event in gone:
        if kept.pop(sort_key(event), None) is None:
            raise InputError(f"movement {event.movement} is not in the book and cannot be removed")
    return list(kept.values())


def needs_regroup(book: TaxBook, new: Iterable[Event]) -> bool:
    """Whether an addition brings an asset whose unit only the whole portfolio decides."""
    known = {asset for run in book.runs for asset in run.unit.assets}
    strange = any(event.place.asset not in known for event in new)
    wide = any(len(run.unit.assets) > 1 for run in book.runs) or bool(book.tape.families)
    return strange and (wide or book.plan.books_everything_together() or not book.runs)


def lost_an_asset(tape: Tape, unit: Unit) -> bool:
    """Whether a unit of several assets has no event of one of them any more: then it is another unit."""
    if len(unit.assets) == 1 or not len(unit):
        return False
    return {tape.places[place].asset for place in set(unit.place)} != set(unit.assets)


@dataclass(slots=True)
class Change:
    """The copy of a unit that is being changed, and the first event that was: position and instant (microseconds)."""

    unit: Unit
    since: int
    instant: int

    def mark(self, position: int, instant: int) -> None:
        """Remember that something came or went. A removal leaves only its instant: another event has its position."""
        self.since = min(self.since, position)
        self.instant = min(self.instant, instant)


def open_unit(changes: list[Change], runs: Mapping[tuple[str, ...], UnitRun], event: Event) -> Change:
    """The change of an event's unit, begun where there is none yet."""
    asset = event.place.asset
    for change in changes:
        if asset in change.unit.assets:
            return change
    found = next((run.unit for assets, run in runs.items() if asset in assets), None)
    if found is None:
        change = Change(Unit((asset,)), 0, event.time)
    else:
        change = Change(
            Unit(found.assets, *(list(column) for column in found.columns())), len(found), event.time
        )
    changes.append(change)
    return change


def key_at(tape: Tape, unit: Unit, position: int) -> Key:
    """Sort key of an event of a unit."""
    ref = unit.ref[position]
    order = tape.orders[ref]
    return (unit.time[position], order[:-1], tape.ids[ref], order[-1])


def find_event(tape: Tape, unit: Unit, event: Event) -> int:
    """Position of an event in a unit.

    Raises:
        InputError: it is not there.
    """
    position = position_of(tape, unit, event)
    if position == len(unit) or key_at(tape, unit, position) != sort_key(event):
        raise InputError(f"movement {event.movement} is not in the book and cannot be removed")
    return position


def position_of(tape: Tape, unit: Unit, event: Event) -> int:
    """Where an event stands, or belongs, in a unit."""
    low = bisect_left(unit.time, event.time)
    wanted = sort_key(event)
    while low < len(unit) and unit.time[low] == event.time and key_at(tape, unit, low) < wanted:
        low += 1
    return low


def insert_event(tape: Tape, unit: Unit, event: Event, places: dict[Place, int]) -> int:
    """Put an event where it belongs in a unit; what the tape shares only grows."""

    def number(place: Place) -> int:
        if place not in places:
            places[place] = len(tape.places)
            tape.places.append(place)
        return places[place]

    position = position_of(tape, unit, event)
    place = number(event.place)
    extra = event.extra if event.to is None else replace(event.extra, to_place=number(event.to))
    ref = tape.ids.append(event.movement)
    tape.orders.append(event.order)
    if extra not in _PLAIN:
        tape.extras[ref] = extra
    values = (event.time, event.kind, place, event.quantity, event.value, ref)
    for column, value in zip(unit.columns(), values, strict=True):
        column.insert(position, value)
    return position


def safe_start(plan: Plan, change: Change) -> int:
    """The first position whose booking a change may alter: windows look ahead."""
    reach = max(
        (
            max(window.days_before, window.days_after)
            for profile in plan.profiles
            for window in plan.rules_of(profile).windows
        ),
        default=0,
    )
    first_day = plan.day(change.instant) - reach - 1
    return min(change.since, bisect_left(change.unit.time, first_day, key=plan.day))
