"""Rank open lots by what can be harvested: largest loss first, whatever chain or wallet it lies on."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from indexer.model.lots import Term


@dataclass(frozen=True, slots=True)
class Position:
    """An open lot at today's price. Money in 10**-18 currency units; None is what nobody could say."""

    pool: str
    """Pool asset: identity group or CAIP-19 id."""
    chain: str
    wallet: str
    quantity: int
    cost: int | None
    value: int | None
    term: Term

    @property
    def unrealized(self) -> int | None:
        """Value minus cost; negative is a loss. Unknown when either is."""
        return None if self.value is None or self.cost is None else self.value - self.cost


@dataclass(frozen=True, slots=True)
class Ranked:
    """Positions under one key. Losses and gains are of the single lots: they do not cancel each other out."""

    key: str
    positions: tuple[Position, ...]

    @property
    def cost(self) -> int:
        """Cost of the positions whose basis is known."""
        return sum(position.cost for position in self.positions if position.cost is not None)

    @property
    def value(self) -> int | None:
        """Value of the priced positions, None when none is priced."""
        values = [position.value for position in self.positions if position.value is not None]
        return sum(values) if values else None

    @property
    def unrealized(self) -> int | None:
        """Value minus cost of the positions that have both, None when none has."""
        known = [position.unrealized for position in self.positions if position.unrealized is not None]
        return sum(known) if known else None

    def loss(self, term: Term | None = None) -> int:
        """Sum of the losing lots as a positive number: what a sale of just these would realize."""
        return -sum(min(0, position.unrealized or 0) for position in self._of(term))

    def gain(self, term: Term | None = None) -> int:
        """Sum of the winning lots."""
        return sum(max(0, position.unrealized or 0) for position in self._of(term))

    @property
    def unpriced(self) -> int:
        """How many positions have no price."""
        return sum(position.value is None for position in self.positions)

    @property
    def without_basis(self) -> int:
        """How many positions have no known cost."""
        return sum(position.cost is None for position in self.positions)

    def _of(self, term: Term | None) -> Iterable[Position]:
        return (position for position in self.positions if term is None or position.term is term)


def rank(positions: Iterable[Position], key: Callable[[Position], str]) -> tuple[Ranked, ...]:
    """Group positions and put the largest harvestable loss first; equal losses in order of their keys."""
    groups: dict[str, list[Position]] = defaultdict(list)
    for position in positions:
        groups[key(position)].append(position)
    ranked = [Ranked(name, tuple(members)) for name, members in groups.items()]
    return tuple(sorted(ranked, key=lambda group: (-group.loss(), group.key)))
