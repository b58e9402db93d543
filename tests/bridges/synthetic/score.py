"""Run the product over an invented world, owner by owner, and count what it got right."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from itertools import pairwise

from indexer.bridges.candidates import own_legs, plain_halves
from indexer.bridges.link import LinkResult, LinkSettings, link
from indexer.bridges.protocols import decode
from indexer.model.facts import Transfer
from indexer.model.links import BridgeLeg, CrossChainLink, LinkState
from tests.bridges.synthetic.ledger import Happening, Truth, World
from tests.bridges.synthetic.money import assets

BANDS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01)
BACKGROUND = "background"


@dataclass(slots=True)
class Tally:
    """What was linked among one kind of moves."""

    true: int = 0
    """Moves that can be linked."""
    right: int = 0
    wrong: int = 0
    automatic_right: int = 0
    automatic_wrong: int = 0
    refund_as_arrival: int = 0
    open_total: int = 0
    """Halves whose other side is nowhere."""
    open_kept: int = 0

    @property
    def precision(self) -> float:
        made = self.right + self.wrong
        return self.right / made if made else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0

    @property
    def automatic_precision(self) -> float:
        made = self.automatic_right + self.automatic_wrong
        return self.automatic_right / made if made else 1.0

    def merge(self, other: "Tally") -> None:
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))


@dataclass(slots=True)
class Score:
    """Tallies by hard case, and (stated confidence, right) of every link."""

    by_tag: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    stated: list[tuple[float, bool]] = field(default_factory=list)
    legs: int = 0

    def bands(self) -> list[tuple[float, float, int, int, float]]:
        """(from, to, links, right, mean stated confidence) for each band that is not empty."""
        rows = []
        for low, high in pairwise(BANDS):
            inside = [(said, right) for said, right in self.stated if low <= said < high]
            if inside:
                rows.append((
                    low, min(high, 1.0), len(inside), sum(right for _, right in inside),
                    sum(said for said, _ in inside) / len(inside),
                ))  # fmt: skip
        return rows


def wilson(right: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    z, share = 1.959964, right / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return (middle - spread) / (1 + z * z / total), (middle + spread) / (1 + z * z / total)


def halves_of(happenings: list[Happening], own: frozenset[str]) -> list[BridgeLeg]:
    """Everything the product would hand to its linker for one portfolio."""
    known = assets()
    legs: list[BridgeLeg] = []
    transfers: list[Transfer] = []
    for one in happenings:
        mine = own_legs(decode(one.view), own, one.transfers, known)
        legs += mine
        if not mine:
            transfers += one.transfers
    return legs + plain_halves(transfers, known, own)


def by_owner(world: World) -> Iterator[tuple[int, frozenset[str], list[Happening]]]:
    """Each owner's addresses and the transactions that touch them."""
    owner_of = {wallet: number for number, wallets in enumerate(world.owners) for wallet in wallets}
    touched: dict[int, list[Happening]] = defaultdict(list)
    for happening in world.happenings:
        for number in {owner_of[end] for one in happening.transfers for end in _ends(one) if end in owner_of}:
            touched[number].append(happening)
    for number, wallets in enumerate(world.owners):
        yield number, frozenset(wallets), touched[number]


def score(world: World) -> Score:
    """Link every owner's portfolio and compare with the truth."""
    result = Score()
    truths: dict[int, list[Truth]] = defaultdict(list)
    for truth in world.truths:
        truths[truth.owner].append(truth)
    for number, own, happenings in by_owner(world):
        halves = halves_of(happenings, own)
        result.legs += len(halves)
        _count(result, truths[number], link(halves, LinkSettings(own=own)))
    return result


def _ends(one: Transfer) -> tuple[str, str]:
    return one.sender, one.recipient


def _count(result: Score, truths: list[Truth], found: LinkResult) -> None:
    by_source = {truth.source: truth for truth in truths if truth.source is not None}
    by_arrival = {(truth.arrival, truth.recipient): truth for truth in truths if truth.arrival is not None}
    for truth in truths:
        if truth.source and truth.arrival and not truth.refund:
            result.by_tag[truth.tag].true += 1
    linked: set[str] = set()
    for made in found.links:
        assert made.source is not None
        assert made.destination is not None
        linked |= {made.source.tx, made.destination.tx}
        _judge(result, made, by_source.get(made.source.tx), by_arrival)
    for truth in truths:
        if truth.refund or truth.source is None or truth.arrival is None:
            tally = result.by_tag[truth.tag]
            tally.open_total += 1
            tally.open_kept += not ({truth.source, truth.arrival} & linked)


def _judge(
    result: Score, made: CrossChainLink, truth: Truth | None, by_arrival: dict[tuple[str, str], Truth]
) -> None:
    assert made.destination is not None
    right = truth is not None and truth.arrival == made.destination.tx and not truth.refund
    named = truth or by_arrival.get((made.destination.tx, made.destination.wallet))
    tally = result.by_tag[named.tag if named is not None else BACKGROUND]
    tally.right += right
    tally.wrong += not right
    if made.state is LinkState.CONFIRMED:
        tally.automatic_right += right
        tally.automatic_wrong += not right
    other = by_arrival.get((made.destination.tx, made.destination.wallet))
    tally.refund_as_arrival += other is not None and other.refund
    result.stated.append((made.confidence, right))
