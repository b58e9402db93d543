"""Who meets whom: a deterministic assignment over the candidate pairs of one connected group of halves.

Halves that nothing but their time tells apart stand together (`Alike`), so that a wallet which moves the same amount
a thousand times costs a thousand steps and not a million.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from indexer.bridges.pairs import SKEW_SECONDS, Amount, Half, lateness
from indexer.bridges.protocol import Window

MOST_RIVALS = 20
"""Of the halves that would fit as well, the earliest this many are named."""

Rank = tuple[int, ...]
Place = tuple[float, str]
"""Seconds (infinite: unknown) and id of a half: the order among equals."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A possible pair. `rank` orders kinds of evidence: pairs of a lower rank are made first."""

    source: str
    arrival: str
    amount: Amount
    late: int
    tokens: bool | None
    decoded: bool
    """The source event names recipient and chain, and both are the arrival's."""
    same_protocol: bool
    fee_ppm: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """A pair that was made, with the ids of those that would have fitted as well."""

    edge: Edge
    source_rivals: tuple[str, ...]
    """Other arrivals that fit the source."""
    arrival_rivals: tuple[str, ...]
    """Other departures that fit the arrival."""

    @property
    def unique(self) -> bool:
        """Nothing else fits as well."""
        return not self.source_rivals and not self.arrival_rivals


@dataclass(slots=True, eq=False)  # compared by identity: there is one of a kind
class Alike:
    """Halves of one side that nothing but their time tells apart."""

    sample: Half
    places: list[Place] = field(default_factory=list)
    """The halves, earliest first."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Departures and arrivals of which every two may be one move, as far as their times allow."""

    source: Alike
    arrival: Alike
    amount: Amount
    tokens: bool | None
    decoded: bool
    same_protocol: bool
    fee_ppm: int
    window: Window
    within: float | None = None
    """Seconds that an arrival may come after a departure, where nothing but time speaks for them."""

    @property
    def rank(self) -> Rank:
        """Lower is better: decoded recipient, amount, known tokens, protocol, fee."""
        return (
            not self.decoded,
            self.amount,
            self.tokens is not True,
            not self.same_protocol,
            self.fee_ppm // 500,
        )

    @property
    def happens(self) -> bool:
        """Whether any arrival comes after any departure."""
        first, last = self.source.places[0][0], self.arrival.places[-1][0]
        return self.source.places[-1][0] == inf or last >= first - SKEW_SECONDS

    def arrivals_from(self, seconds: float) -> int:
        """The place of the first arrival that a departure at this time may have."""
        return 0 if seconds == inf else bisect_left(self.arrival.places, (seconds - SKEW_SECONDS, ""))

    def soon(self, left: float, came: float) -> bool:
        """Whether an arrival that is not too early is not too late either."""
        if self.within is None:
            return True
        return left != inf != came and came - left <= self.within

    def edge(self, source: str, arrival: str, halves: Mapping[str, Half]) -> Edge:
        """The pair of two of them."""
        late = lateness(halves[source], halves[arrival], self.window)
        return Edge(
            source, arrival, self.amount, late, self.tokens, self.decoded, self.same_protocol, self.fee_ppm
        )


class _Free:
    """Which places of a list are not taken yet, found without walking over those that are."""

    def __init__(self, size: int) -> None:
        self._next = list(range(size + 1))

    def first(self, start: int) -> int:
        """The first free place from `start` on; the list's length when there is none."""
        root = start
        while self._next[root] != root:
            root = self._next[root]
        while self._next[start] != root:
            self._next[start], start = root, self._next[start]
        return root

    def take(self, place: int) -> None:
        """Take a free place."""
        self._next[place] = place + 1


def assign(meetings: Sequence[Meeting], halves: Mapping[str, Half]) -> list[Chosen]:
    """Make pairs, best evidence first; among equals the earliest departure meets the earliest arrival.

    The answer depends on the set of halves alone, not on the order in which they were seen.
    """
    if len(meetings) == 1 and len(meetings[0].source.places) == len(meetings[0].arrival.places) == 1:
        (only,) = meetings
        (left, source), (came, arrival) = only.source.places[0], only.arrival.places[0]
        fits = only.happens and only.soon(left, came)
        return [Chosen(only.edge(source, arrival, halves), (), ())] if fits else []
    made = _greedy(meetings)
    from_source: dict[Alike, list[Meeting]] = {}
    to_arrival: dict[Alike, list[Meeting]] = {}
    for one in meetings:
        from_source.setdefault(one.source, []).append(one)
        to_arrival.setdefault(one.arrival, []).append(one)
    return [
        Chosen(
            one.edge(source[1], arrival[1], halves),
            _other_arrivals(one, source, arrival, from_source[one.source]),
            _other_departures(one, source, arrival, to_arrival[one.arrival]),
        )
        for one, source, arrival in made
    ]


def _greedy(meetings: Sequence[Meeting]) -> list[tuple[Meeting, Place, Place]]:
    """Rank by rank; within one, every departure in order takes the earliest arrival that is left."""
    by_rank: dict[Rank, dict[Alike, list[Meeting]]] = {}
    for one in meetings:
        by_rank.setdefault(one.rank, {}).setdefault(one.source, []).append(one)
    free = {one.arrival: _Free(len(one.arrival.places)) for one in meetings}
    used: set[str] = set()
    made = []
    for rank in sorted(by_rank):
        turn = by_rank[rank]
        waiting = [(place, alike) for alike in turn for place in alike.places if place[1] not in used]
        waiting.sort(key=lambda item: item[0])
        for place, alike in waiting:
            best = min(_offers(turn[alike], place, free), key=lambda offer: offer[0], default=None)
            if best is not None:
                arrival, at, one = best
                free[one.arrival].take(at)
                used.add(place[1])
                made.append((one, place, arrival))
    return made


def _offers(
    meetings: Sequence[Meeting], source: Place, free: Mapping[Alike, _Free]
) -> Iterator[tuple[Place, int, Meeting]]:
    """The earliest free arrival of each kind that a departure may have."""
    for one in meetings:
        places = one.arrival.places
        at = free[one.arrival].first(one.arrivals_from(source[0]))
        if at < len(places) and one.soon(source[0], places[at][0]):
            yield places[at], at, one


def _other_arrivals(
    chosen: Meeting, source: Place, arrival: Place, meetings: Sequence[Meeting]
) -> tuple[str, ...]:
    """Arrivals that fit the departure as well as the one it has."""
    bar, found = chosen.rank[:3], []
    for one in meetings:
        if one.rank[:3] <= bar:
            start = one.arrivals_from(source[0])
            some = one.arrival.places[start : start + MOST_RIVALS + 1]
            found += [place for place in some if place != arrival and one.soon(source[0], place[0])]
    return _named(found)


def _other_departures(
    chosen: Meeting, source: Place, arrival: Place, meetings: Sequence[Meeting]
) -> tuple[str, ...]:
    """Departures that fit the arrival as well as the one it has."""
    bar, found = chosen.rank[:3], []
    for one in meetings:
        if one.rank[:3] <= bar:
            places = one.source.places
            first = 0 if one.within is None else bisect_left(places, (arrival[0] - one.within, ""))
            unknown = bisect_left(places, (inf, ""))
            last = bisect_right(places, (arrival[0] + SKEW_SECONDS, "\U0010ffff"), hi=unknown)
            some = places[first : min(last, first + MOST_RIVALS + 1)]
            some += places[unknown : unknown + MOST_RIVALS + 1]
            found += [place for place in some if place != source and one.soon(place[0], arrival[0])]
    return _named(found)


def _named(rivals: list[Place]) -> tuple[str, ...]:
    return tuple(sorted(name for _, name in sorted(rivals)[:MOST_RIVALS]))
