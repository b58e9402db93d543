"""In which blocks an account changed: bisection over its history (asks through a function, does no I/O of its own).

Two blocks with another balance or nonce have a change between them. A movement that comes and goes between two
blocks that were asked, and leaves both as they were, cannot be seen.
"""

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from indexer.chains.evm.state import State

Ask = Callable[[Sequence[int]], Awaitable[Sequence[State]]]
"""States at the end of these blocks, in their order."""


class Change(NamedTuple):
    """A block in which the account is not what is known of it; states before and after it."""

    block: int
    before: State
    after: State


class Known:
    """What is known to have moved the balance, by block; sums over ranges in logarithmic time."""

    def __init__(self, deltas: Mapping[int, int]) -> None:
        self._blocks = sorted(deltas)
        self._sums = [0, *accumulate(deltas[block] for block in self._blocks)]

    def between(self, low: int, high: int) -> int:
        """Sum over the blocks above `low` up to and including `high`."""
        return self._sums[bisect_right(self._blocks, high)] - self._sums[bisect_right(self._blocks, low)]


async def changes(ask: Ask, points: Sequence[int], known: Known | None = None) -> list[Change]:
    """Blocks between the first and the last point whose change `known` does not explain, ascending.

    `points` are ascending block numbers to begin with; without `known` every change of balance or nonce counts, with
    it only the balance does, less what is known. Every level of the search is one question.
    """
    edges = list(points)
    states = dict(zip(edges, await ask(edges), strict=True))
    open_ranges = [
        (low, high) for low, high in pairwise(edges) if _differs(states[low], states[high], low, high, known)
    ]
    found: list[Change] = []
    while open_ranges:
        wide = []
        for low, high in open_ranges:
            if high - low == 1:
                found.append(Change(high, states[low], states[high]))
            else:
                wide.append((low, high))
        middles = [(low + high) // 2 for low, high in wide]
        states.update(zip(middles, await ask(middles) if middles else (), strict=True))
        open_ranges = [
            part
            for (low, high), middle in zip(wide, middles, strict=True)
            for part in ((low, middle), (middle, high))
            if _differs(states[part[0]], states[part[1]], *part, known)
        ]
    return sorted(found)


def _differs(before: State, after: State, low: int, high: int, known: Known | None) -> bool:
    if known is None:
        return before != after
    return after.balance - before.balance != known.between(low, high)
