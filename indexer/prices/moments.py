"""Which block's state a need asks for, on one chain and for one round of questions."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from indexer.model.errors import RetryableError
from indexer.model.ports import ChainReader
from indexer.prices.context import SourceContext


@dataclass(frozen=True, slots=True)
class Moment:
    """A block whose state was in force at an instant. `block` None is the newest; `instant` is what it vouches for."""

    block: int | None
    instant: datetime


class Moments:
    """Finds moments of one chain; each instant is looked up once.

    A block's state holds until the next block, so it is the exact answer for any instant between them. Past the
    newest block nothing is certain: a live moment is then the newest block's own time, so that the judge sees the lag,
    and a past one cannot be answered yet.
    """

    def __init__(self, context: SourceContext, reader: ChainReader) -> None:
        self._context = context
        self._reader = reader
        self._head: datetime | None = None
        self._blocks: dict[datetime, int | None] = {}
        self._lock = asyncio.Lock()

    async def of(self, instant: datetime) -> Moment | None:
        """The moment of an instant, None before the chain's first block."""
        head = await self._head_time()
        if self._context.is_live(instant):
            return Moment(None, min(head, instant))
        if instant not in self._blocks:
            self._blocks[instant] = await self._reader.block_at(instant)
        block = self._blocks[instant]
        if block is None:
            return None
        if (
            instant > head
        ):  # a later block may still lie before the instant: nothing that could be kept for ever
            behind = f"{self._reader.spec.name} is known up to {head.isoformat()}, not yet to {instant.isoformat()}"
            raise RetryableError(behind)
        return Moment(block, instant)

    async def _head_time(self) -> datetime:
        async with self._lock:
            if self._head is None:
                self._head = (await self._reader.head()).time
            return self._head
