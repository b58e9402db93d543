"""What was linked of each portfolio, remembered while the process runs, so that a change is linked and not everything.

The memory decides what is looked at again and never what comes out: the links are those of the snapshot that is
handed in, whatever was remembered before (`indexer.bridges.moves`).
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from indexer.bridges.decisions import Ruling
from indexer.bridges.link import LinkSettings
from indexer.bridges.moves import Key, Moves
from indexer.model.asset import Asset
from indexer.model.facts import Transfer
from indexer.model.judgment import FactRef
from indexer.model.links import BridgeLeg, CrossChainLink

REMEMBERED = 100
"""Portfolios whose linking is remembered; the one unused for longest goes first."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One snapshot of a portfolio, as linking sees it."""

    settings: LinkSettings
    content: Mapping[Key, Sequence[Transfer]]
    """The portfolio's transfers by transaction."""
    stamps: Mapping[Key, str]
    """What changes when anything about the transaction does."""
    assets: Mapping[str, Asset]


@dataclass(slots=True)
class Pairing:
    """What was told of one portfolio, and what is linked of it."""

    told: int = 0
    """Transactions told so far, for tests and measurements."""
    _moves: Moves = field(default_factory=lambda: Moves(LinkSettings()))
    _stamps: dict[Key, str] = field(default_factory=dict)
    _assets: dict[str, Asset | None] = field(default_factory=dict)
    """As they were told, None for those that nobody knew."""

    def strangers(self, known: Collection[str]) -> set[str]:
        """Assets that halves are in and none of the portfolio's transfers is."""
        return self._assets.keys() - set(known)

    def news(self, seen: Seen) -> tuple[Key, ...]:
        """Transactions that are new, or not what they were; all, where owners or assets are not what they were."""
        if seen.settings != self._moves.settings or self._renamed(seen.assets):
            self._moves = Moves(seen.settings)
            self._stamps.clear()
            self._assets.clear()
        return tuple(key for key, stamp in seen.stamps.items() if self._stamps.get(key) != stamp)

    def flags(
        self,
        seen: Seen,
        legs: Mapping[Key, Sequence[BridgeLeg]],
        decided: Sequence[Ruling],
        by_hand: Mapping[FactRef, BridgeLeg],
    ) -> tuple[CrossChainLink, ...]:
        """The links of the snapshot. `legs` are the decoded halves of the transactions in `news`."""
        for key in [key for key in self._stamps if key not in seen.stamps]:
            self._moves.forget(key)
            del self._stamps[key]
        for key in self.news(seen):
            transfers, said = seen.content[key], legs.get(key, ())
            self._moves.tell(key, said, transfers, seen.assets)
            self._stamps[key] = seen.stamps[key]
            for name in {*(leg.asset for leg in said), *(one.asset for one in transfers)}:
                self._assets[name] = seen.assets.get(name)
            self.told += 1
        return self._moves.flags(decided, by_hand)

    def _renamed(self, assets: Mapping[str, Asset]) -> bool:
        """Whether an asset has another scale or group than it was told, or is spam now or no longer."""
        return any(_read(then) != _read(assets.get(name)) for name, then in self._assets.items())


@dataclass(slots=True)
class Pairings:
    """The memory of one process. A portfolio is linked by one caller at a time."""

    _known: OrderedDict[str, Pairing] = field(default_factory=OrderedDict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    @asynccontextmanager
    async def of(self, portfolio: str) -> AsyncIterator[Pairing]:
        """A portfolio's memory, held until the block ends; forgotten when the block fails."""
        async with self._locks.setdefault(portfolio, asyncio.Lock()):
            pairing = self._known.pop(portfolio, None) or Pairing()
            yield pairing
            self._known[portfolio] = pairing
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def _read(asset: Asset | None) -> tuple[int | None, str | None, bool] | None:
    return None if asset is None else (asset.decimals, asset.group, asset.spam.spam)
