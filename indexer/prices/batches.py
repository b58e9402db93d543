"""Batches of one source: asked side by side, each failing for itself."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from indexer.model.errors import GleanerError, RefusedError
from indexer.model.prices import PriceMissing, PriceNeed, PriceResult, PriceStatus
from indexer.prices.upstream import RateLimitedError

B = TypeVar("B")

Ask = Callable[[B], Awaitable[Mapping[PriceNeed, PriceResult]]]
NeedsOf = Callable[[B], Sequence[PriceNeed]]


async def ask_all(
    batches: Sequence[B], ask: Ask[B], needs_of: NeedsOf[B], at_once: int = 4
) -> dict[PriceNeed, PriceResult]:
    """Ask every batch, at most `at_once` together. A batch that fails leaves its reason on its own needs."""
    answers: dict[PriceNeed, PriceResult] = {}
    gate = asyncio.Semaphore(at_once)

    async def one(batch: B) -> None:
        async with gate:
            try:
                answers.update(await ask(batch))
            except GleanerError as error:
                answers.update({need: failed(need, error) for need in needs_of(batch)})

    async with asyncio.TaskGroup() as group:
        for batch in batches:
            group.create_task(one(batch))
    return answers


def failed(need: PriceNeed, error: GleanerError) -> PriceMissing:
    """What a failure means for a need: refused for now, out of reach, or not known there."""
    if isinstance(error, RateLimitedError):
        status = PriceStatus.RATE_LIMITED
    elif isinstance(error, RefusedError):
        status = PriceStatus.UNKNOWN
    else:
        status = PriceStatus.UNAVAILABLE
    return PriceMissing(need.asset, need.currency, need.instant, status, str(error))
