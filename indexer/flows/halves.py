"""Bridge halves decoded from kept raw transactions, remembered while the process runs.

What a transaction says never changes while its block and its payload stay the same, so each is read and decoded once;
a reorg or a richer payload changes its stamp, and it is decoded anew.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from indexer.bridges.protocols import decode
from indexer.flows.raw import transaction_view
from indexer.model.facts import RawTransaction
from indexer.model.ledger import UnitOfWork
from indexer.model.links import BridgeLeg

RAW_BATCH = 500
"""Raw transactions held in memory at a time."""

REMEMBERED = 200_000
"""Transactions whose halves are remembered: some 100 MB when full; the ones unused for longest go first."""

Key = tuple[str, str]
"""(CAIP-2 chain, transaction hash)."""


@dataclass(slots=True)
class DecodedHalves:
    """Halves by transaction and stamp. One per process; it holds facts alone, so portfolios may share it."""

    decoded: int = 0
    """Transactions decoded so far, for tests and measurements."""
    _known: OrderedDict[Key, tuple[str, tuple[BridgeLeg, ...]]] = field(default_factory=OrderedDict)

    async def of(
        self,
        work: UnitOfWork,
        times: Mapping[Key, datetime],
        raw_stamps: Mapping[Key, str],
        contracts: Mapping[str, Mapping[str, frozenset[str]]],
        natives: Mapping[str, str],
    ) -> dict[Key, tuple[BridgeLeg, ...]]:
        """The halves of these transactions by their block times and the store's stamps of what is kept of them."""
        stamps = {key: f"{stamp}@{times[key].timestamp()}" for key, stamp in raw_stamps.items()}
        new = [key for key, stamp in stamps.items() if self._known.get(key, ("",))[0] != stamp]
        found: dict[Key, tuple[BridgeLeg, ...]] = {}
        for start in range(0, len(new), RAW_BATCH):
            raws = await work.facts.raws(new[start : start + RAW_BATCH])
            for key, raw in raws.items():
                found[key] = self._decode(raw, times[key], contracts, natives)
                self._known[key] = (stamps[key], found[key])
        for key in stamps:
            if key in self._known:
                self._known.move_to_end(key)
                found.setdefault(key, self._known[key][1])
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _decode(
        self,
        raw: RawTransaction,
        time: datetime,
        contracts: Mapping[str, Mapping[str, frozenset[str]]],
        natives: Mapping[str, str],
    ) -> tuple[BridgeLeg, ...]:
        self.decoded += 1
        return tuple(decode(transaction_view(raw, time), extra=contracts, natives=natives))
