"""Which raw transactions the ledger already has from this process, so that each is handed over once.

A transaction that touches a hundred wallets is found a hundred times, and its payload is the heaviest part of a page.
"""

from collections import OrderedDict
from collections.abc import Iterable

from indexer.model.facts import RawTransaction

REMEMBERED = 50_000

_Richness = tuple[bool, int]


class KeptRaws:
    """Payloads that were committed, by transaction and block. A richer one is handed over again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], _Richness] = OrderedDict()

    def fresh(self, raws: Iterable[RawTransaction]) -> tuple[RawTransaction, ...]:
        """Those that the ledger does not have, or has poorer."""
        return tuple(r for r in raws if self._kept.get((r.tx, r.block_hash), (False, -1)) < _richness(r))

    def committed(self, raws: Iterable[RawTransaction]) -> None:
        """The page that carried them was written: its reader has asked for the next one."""
        for raw in raws:
            self._kept[raw.tx, raw.block_hash] = _richness(raw)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)

    def forget(self) -> None:
        """A reorganisation took blocks back, and what was kept of them."""
        self._kept.clear()


def _richness(raw: RawTransaction) -> _Richness:
    return (raw.source == "node", len(raw.payload))
