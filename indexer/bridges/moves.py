"""The cross-chain moves of one portfolio, kept up to date transaction by transaction. Pure.

A transaction that is told, told otherwise or forgotten touches the halves that it holds and those they could pair
with. What comes out is a function of what is present: it equals linking everything at once (`decisions.linked`).

Besides what bridges' events tell, receipts take part that a departure may wait for: on a chain and at a wallet that
it names. Coin out of a rollup's own bridge arrives without any log. Nothing is suggested that no bridge's event asks
for.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from indexer.bridges.candidates import own_legs, plain_halves
from indexer.bridges.decisions import Ruling, in_force, refs_of_halves, shadowed, with_decisions
from indexer.bridges.link import Linker, LinkSettings
from indexer.model.asset import Asset
from indexer.model.facts import Transfer
from indexer.model.judgment import FactRef
from indexer.model.links import BridgeLeg, CrossChainLink, Side

Key = tuple[str, str]
"""(CAIP-2 chain, transaction hash)"""

Doorstep = tuple[str | None, str]
"""(CAIP-2 chain, address) at which a departure says that it arrives"""


@dataclass(slots=True)
class Moves:
    """One portfolio's halves, and what is linked. Not thread-safe."""

    settings: LinkSettings
    _linker: Linker = field(init=False)
    _flags: dict[str, CrossChainLink] = field(default_factory=dict)
    _halves: dict[FactRef, BridgeLeg] = field(default_factory=dict)
    """Every half that takes part in linking, or would if no decision took it."""
    _told: dict[Key, tuple[FactRef, ...]] = field(default_factory=dict)
    """Halves that bridges' events tell, by transaction."""
    _receipts: dict[Key, tuple[FactRef, ...]] = field(default_factory=dict)
    """Receipts that no event explains, by transaction."""
    _waiting: dict[Doorstep, dict[FactRef, BridgeLeg]] = field(default_factory=dict)
    """The same receipts by where they came."""
    _named: Counter[Doorstep] = field(default_factory=Counter)
    """How many departures name a place."""
    _taken: frozenset[FactRef] = frozenset()
    """Halves that decisions keep from the linker."""

    def __post_init__(self) -> None:
        self._linker = Linker(self.settings)

    def tell(
        self,
        key: Key,
        legs: Sequence[BridgeLeg],
        transfers: Sequence[Transfer],
        assets: Mapping[str, Asset],
    ) -> None:
        """What a transaction holds: the halves that its events tell, and all its transfers of this portfolio."""
        self.forget(key)
        own = self.settings.own
        mine = refs_of_halves(own_legs(legs, own, transfers, assets))
        if mine:
            self._told[key] = tuple(mine)
            for ref, leg in mine.items():
                self._enter(ref, leg)
                if (place := _place(leg)) is not None:
                    self._named[place] += 1
                    if self._named[place] == 1:
                        self._enter_all(self._waiting.get(place, {}))
            return
        received = [leg for leg in plain_halves(transfers, assets, own) if leg.side is Side.DESTINATION]
        if received:
            found = refs_of_halves(received)
            self._receipts[key] = tuple(found)
            for ref, leg in found.items():
                place = (leg.chain, leg.wallet)
                self._waiting.setdefault(place, {})[ref] = leg
                if self._named[place]:
                    self._enter(ref, leg)

    def forget(self, key: Key) -> None:
        """The transaction is gone (a reorg, a wallet that is watched no more), or is told anew."""
        for ref in self._told.pop(key, ()):
            place = _place(self._halves[ref])
            self._leave(ref)
            if place is not None:
                self._named[place] -= 1
                if not self._named[place]:
                    del self._named[place]
                    for waiting in self._waiting.get(place, ()):
                        self._leave(waiting)
        for ref in self._receipts.pop(key, ()):
            place = (ref.chain, ref.recipient)
            del self._waiting[place][ref]
            self._leave(ref)

    def flags(
        self, decided: Sequence[Ruling] = (), by_hand: Mapping[FactRef, BridgeLeg] | None = None
    ) -> tuple[CrossChainLink, ...]:
        """Every flag, with the decisions in force. `by_hand` are halves that decisions made of plain transfers."""
        halves = {**self._halves, **by_hand} if by_hand else self._halves
        force = in_force(decided, halves)
        taken = force.taken | shadowed(force, halves)
        self._linker.remove(self._halves[ref].id for ref in taken - self._taken if ref in self._halves)
        self._linker.add(self._halves[ref] for ref in self._taken - taken if ref in self._halves)
        self._taken = taken
        changes = self._linker.changes()
        for name in changes.gone:
            del self._flags[name]
        self._flags.update((flag.id, flag) for flag in changes.made)
        return with_decisions(self._flags.values(), force, self.settings)

    def _enter_all(self, legs: Mapping[FactRef, BridgeLeg]) -> None:
        for ref, leg in legs.items():
            self._enter(ref, leg)

    def _enter(self, ref: FactRef, leg: BridgeLeg) -> None:
        self._halves[ref] = leg
        if ref not in self._taken:
            self._linker.add((leg,))

    def _leave(self, ref: FactRef) -> None:
        leg = self._halves.pop(ref, None)
        if leg is not None:
            self._linker.remove((leg.id,))


def _place(leg: BridgeLeg) -> Doorstep | None:
    """Where a departure says that it arrives."""
    if leg.side is not Side.SOURCE or leg.other_chain is None:
        return None
    return leg.other_chain, leg.recipient or leg.wallet
