"""Write what was read while the next is on its way: reading keeps the node busy, writing the database."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from indexer.model.facts import Sweep

MOST = 40_000
"""Facts that wait to be written together: then reading waits for writing."""
A_FACT = 200
"""Bytes of a transaction's payload that count as one."""


class WriteBehind:
    """Writes sweeps beside the task that reads them: one write at a time, in order.

    A sweep is written at once where nothing is being written. Those that come meanwhile are written as one: the slower the
    database is, the fewer commits it has to make.

    An error of a write comes out of the next call, or of the block's end, and nothing is written behind it: cursors would
    pass what was not. A block that ends with an error of its own writes all the same what was put before, whose facts are
    as good as ever; a cancelled one takes the last write along.
    """

    def __init__(self, write: Callable[[Sweep], Awaitable[None]]) -> None:
        self._write = write
        self._writing: asyncio.Task[None] | None = None
        self._waiting: Sweep | None = None
        self._size = 0
        self._failed = False

    async def put(self, sweep: Sweep) -> None:
        """Write the sweep, now or with those that follow it. Waits where too much waits already."""
        if self._failed:
            raise RuntimeError("a write failed: its cursors may not be passed")
        self._waiting = sweep if self._waiting is None else self._waiting.joined(sweep)
        self._size += len(sweep.transfers) + sum(len(raw.payload) for raw in sweep.raws) // A_FACT
        if self._writing is not None and not self._writing.done() and self._size < MOST:
            return
        await self._settle()
        self._start()

    async def settled(self) -> None:
        """Wait until everything is written; raises what a write raised."""
        await self._settle()
        self._start()
        await self._settle()

    def _start(self) -> None:
        waiting, self._waiting, self._size = self._waiting, None, 0
        if waiting is not None:
            self._writing = asyncio.ensure_future(self._write(waiting))

    async def _settle(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            try:
                await writing  # whoever cancels us cancels it, too
            except BaseException:
                self._waiting, self._failed = None, True
                raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, asyncio.CancelledError):
            await self.settled()
        elif self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
