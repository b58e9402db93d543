"""Addresses that are read at the same time share their log queries: one OR-list instead of one query each."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from indexer.chains.evm.decode import Log
from indexer.chains.evm.scan import LogScanner, Scanned
from indexer.model.facts import BlockRef

TOGETHER = 16
"""Addresses of one query; providers bound the length of a topic list."""
ROUNDS = 512


@dataclass(frozen=True, slots=True)
class _Round:
    """One scan on its way or done, from its first block on, for all its addresses."""

    addresses: frozenset[str]
    task: asyncio.Task[Scanned]


class JointScanner:
    """Scans that follow each other through a chain take what another one has fetched for them.

    Whoever comes first to a block scans for all that have not passed it yet; they find the answer when they come.
    """

    def __init__(self, scanner: LogScanner) -> None:
        self.scanner = scanner
        self._at: dict[str, int] = {}
        self._runs: Counter[str] = Counter()
        self._rounds: dict[int, _Round] = {}
        self._tasks: set[asyncio.Task[Scanned]] = set()

    @asynccontextmanager
    async def reading(self, address: str) -> AsyncIterator[None]:
        """While an address is being read, others fetch for it."""
        self._runs[address] += 1
        try:
            yield
        finally:
            self._runs[address] -= 1
            if not self._runs[address]:
                del self._runs[address]
                self._at.pop(address, None)
                self._forget_passed()

    def forget(self) -> None:
        """Take nothing from before: the chain was reorganised."""
        self._rounds.clear()

    async def close(self) -> None:
        """Stop what is still being fetched for someone who may be gone."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def next(self, address: str, first: int, until: BlockRef) -> Scanned:
        """As `LogScanner.next`, with the logs of this address alone."""
        self._at[address] = first
        self._forget_passed()
        known = self._rounds.get(first)
        if known is None or address not in known.addresses:
            known = self._start(address, first, until)
        try:
            found = await asyncio.shield(known.task)
        except Exception:
            if self._rounds.get(first) is known:
                del self._rounds[first]  # whoever comes next tries again
            raise
        end = found.end
        if end.number > until.number or (end.number == until.number and end.hash != until.hash):
            found = await self.scanner.next([address], first, until)  # it was read up to another head
        return Scanned(first, found.end, [log for log in found.logs if _names(log, address)])

    def _start(self, address: str, first: int, until: BlockRef) -> _Round:
        behind = [other for other, place in self._at.items() if place <= first and other != address]
        together = [address, *sorted(behind)[: TOGETHER - 1]]
        task = asyncio.create_task(self.scanner.next(together, first, until), name=f"logs from {first}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        joint = _Round(frozenset(together), task)
        self._rounds[first] = joint
        return joint

    def _done(self, task: asyncio.Task[Scanned]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, even when everyone who waited for it is gone

    def _forget_passed(self) -> None:
        """Drop rounds that all their addresses have passed, and the oldest when there are too many."""
        for first, joint in list(self._rounds.items()):
            waiting = any(self._at.get(address, first + 1) <= first for address in joint.addresses)
            if not waiting or len(self._rounds) > ROUNDS:
                del self._rounds[first]


def _names(log: Log, address: str) -> bool:
    needle = address[2:]
    return any(needle in topic for topic in log.topics[1:])
