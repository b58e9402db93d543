"""Which logs to ask for: the topic filters that together find every standard transfer of some addresses (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass

from indexer.chains.evm.decode import (
    DEPOSIT,
    LOG_FEE_TRANSFER,
    LOG_TRANSFER,
    TRANSFER,
    TRANSFER_BATCH,
    TRANSFER_SINGLE,
    WITHDRAWAL,
    Log,
)
from indexer.model.errors import LyingSourceError

LONGEST_LIST = 1_000
"""Addresses in one topic list; more are asked for by further queries."""
MANY_ADDRESSES = 200
"""From so many on it is looked whether asking for all logs is less."""
ENOUGH_LOGS = 500
WASTE = 4
"""Times as many logs as were kept may come unasked for before addresses are asked for again."""

_MULTI = [TRANSFER_SINGLE, TRANSFER_BATCH]
_COIN = [LOG_TRANSFER, LOG_FEE_TRANSFER]
"""What Polygon logs of its coin: who moved it and who paid a fee stand in topic 2, who received it in topic 3."""


@dataclass(frozen=True, slots=True)
class Query:
    """One topic filter. `place` is where an address stands, None: any log of these kinds, watched ones are kept."""

    topics: list[list[str] | None]
    kinds: frozenset[str]
    place: int | None
    watched: frozenset[str]

    def kept(self, logs: list[Log]) -> list[Log]:
        """Those that concern a watched address.

        Raises:
            LyingSourceError: a log does not answer the query.
        """
        kinds, place, watched = self.kinds, self.place, self.watched
        fits = {log[1][:1] for log in logs} <= {(kind,) for kind in kinds}
        if place is None:
            kept = [log for log in logs if not watched.isdisjoint(log[1][1:])]
        else:
            kept = [log for log in logs if place < len(log[1]) and log[1][place] in watched]
            fits = fits and len(kept) == len(logs)
        if not fits:
            raise LyingSourceError("a node answered a log that does not match the query")
        return kept


class Filters:
    """The queries of one scan.

    Sender of ERC-20/721 and owner of a wrap stand in topic 1; recipient of ERC-20/721 and sender of ERC-1155 in
    topic 2; recipient of ERC-1155 in topic 3. Three queries for every thousand addresses see all of it. Where the
    watched addresses make most of a chain's transfers, each log would come twice: one query without addresses is
    then less, and what nobody watches is dropped here. `coin`: the chain logs its coin as Polygon does.
    """

    def __init__(self, addresses: Iterable[str], *, coin: bool = False) -> None:
        topics = sorted("0x" + address[2:].rjust(64, "0") for address in addresses)
        self._watched = frozenset(topics)
        self._by_address = [
            query
            for start in range(0, len(topics), LONGEST_LIST)
            for query in _of(topics[start : start + LONGEST_LIST], coin=coin)
        ]
        every = [TRANSFER, DEPOSIT, WITHDRAWAL, *_MULTI, *(_COIN if coin else [])]
        self._open = Query([every], frozenset(every), None, self._watched)
        self._probed = len(topics) < MANY_ADDRESSES
        self.queries: list[Query] = self._by_address

    @property
    def undecided(self) -> bool:
        """Whether it is still to be found out if all logs are fewer."""
        return not self._probed

    def worth_probing(self, received: int, kept: int) -> bool:
        """Whether to find out now, once, if all logs are fewer; drops the open query where it wastes.

        `received` logs came, `kept` of them concern a watched address.
        """
        if self.queries is not self._by_address:
            if received > ENOUGH_LOGS and received > WASTE * kept:
                self.queries = self._by_address
            return False
        if self._probed or kept < ENOUGH_LOGS:
            return False
        self._probed = True
        return True

    def probe(self, block: int) -> dict[str, object]:
        """The query that finds out."""
        return {"fromBlock": hex(block), "toBlock": hex(block), "topics": self._open.topics}

    def probed(self, there: int, came: int) -> None:
        """`there` logs are in the block that was probed; those that were found came once for every side that is watched."""
        if there <= came:
            self.queries = [self._open]


def _of(topics: list[str], *, coin: bool) -> list[Query]:
    watched = frozenset(topics)
    kinds: list[tuple[list[str], int]] = [
        ([TRANSFER, DEPOSIT, WITHDRAWAL], 1),
        ([TRANSFER, *_MULTI, *(_COIN if coin else [])], 2),
        ([*_MULTI, *([LOG_TRANSFER] if coin else [])], 3),
    ]
    return [
        Query([names, *([None] * (place - 1)), topics], frozenset(names), place, watched)
        for names, place in kinds
    ]
