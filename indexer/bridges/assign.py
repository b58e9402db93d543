"""Who meets whom: a deterministic assignment over the candidate pairs of one connected group of halves."""

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.bridges.pairs import Amount, Half


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

    @property
    def rank(self) -> tuple[int, ...]:
        """Lower is better: decoded recipient, amount, known tokens, time, protocol."""
        return (
            not self.decoded,
            self.amount,
            self.tokens is not True,
            not self.same_protocol,
            self.fee_ppm // 500,
        )


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


def assign(edges: Sequence[Edge], halves: dict[str, Half]) -> list[Chosen]:
    """Make pairs, best evidence first; among equals the earliest departure meets the earliest arrival.

    The answer depends on the set of edges alone, not on the order in which halves were seen.
    """
    if len(edges) == 1:
        return [Chosen(edges[0], (), ())]

    def order(edge: Edge) -> tuple[object, ...]:
        return (edge.rank, _when(halves[edge.source]), _when(halves[edge.arrival]))

    used: set[str] = set()
    made: list[Edge] = []
    for edge in sorted(edges, key=order):
        if edge.source not in used and edge.arrival not in used:
            used |= {edge.source, edge.arrival}
            made.append(edge)
    by_end: dict[str, list[Edge]] = {}
    for edge in edges:
        by_end.setdefault(edge.source, []).append(edge)
        by_end.setdefault(edge.arrival, []).append(edge)
    return [_with_rivals(edge, by_end) for edge in made]


def _with_rivals(chosen: Edge, by_end: dict[str, list[Edge]]) -> Chosen:
    bar = chosen.rank[:3]
    return Chosen(
        chosen,
        tuple(sorted(e.arrival for e in by_end[chosen.source] if e is not chosen and e.rank[:3] <= bar)),
        tuple(sorted(e.source for e in by_end[chosen.arrival] if e is not chosen and e.rank[:3] <= bar)),
    )


def _when(item: Half) -> tuple[float, str]:
    """Untimed halves come last; the id decides what the time does not."""
    return (float("inf") if item.seconds is None else item.seconds, item.leg.id)
