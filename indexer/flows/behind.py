"""Write what was read while the next is on its way: reading keeps the node busy, writing the database."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class WriteBehind:
    """One write at a time, in order, beside the task that starts it.

    An error of a write comes out of the next `settled`, or of the block's end. A block that ends with an error lets the
    last write finish, whose facts are as good as ever; a cancelled one takes it along.
    """

    def __init__(self) -> None:
        self._writing: asyncio.Task[None] | None = None

    async def settled(self) -> None:
        """Wait until nothing is being written; raises what the write raised."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await writing  # whoever cancels us cancels it, too

    def start(self, write: Coroutine[Any, Any, None]) -> None:
        """Write beside the caller. Only ever behind `settled`."""
        self._writing = asyncio.create_task(write)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, asyncio.CancelledError) and self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        else:
            await self.settled()
