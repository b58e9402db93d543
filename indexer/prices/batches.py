"""Batches of one source: asked side by side, each failing for itself."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from indexer.model.errors import GleanerError, RefusedError, RetryableError
from indexer.model.prices import PriceMissing, PriceNeed, PriceResult, PriceStatus
from indexer.prices.patience import Patience
from indexer.prices.upstream import RateLimitedError, TurnedAwayError

B = TypeVar("B")

Ask = Callable[[B], Awaitable[Mapping[PriceNeed, PriceResult]]]
NeedsOf = Callable[[B], Sequence[PriceNeed]]


async def ask_all(
    batches: Sequence[B], ask: Ask[B], needs_of: NeedsOf[B], patience: Patience, at_once: int = 4
) -> dict[PriceNeed, PriceResult]:
    """Ask every batch, at most `at_once` together, while the patience lasts.

    A batch that fails, or whose turn does not come, leaves its reason on its own needs.
    """
    answers: dict[PriceNeed, PriceResult] = {}
    gate = asyncio.Semaphore(at_once)

    async def one(batch: B) -> None:
        async with gate:
            try:
                patience.check()
                answers.update(await ask(batch))
            except GleanerError as error:
                answers.update({need: failed(need, error) for need in needs_of(batch)})

    async with asyncio.TaskGroup() as group:
        for batch in batches:
            group.create_task(one(batch))
    return answers


def status_of(error: GleanerError) -> PriceStatus:
    """What a failure means for what was asked: refused for now, not known there, or out of reach."""
    asks_for_rest = isinstance(error, RetryableError) and error.retry_after is not None
    if asks_for_rest or isinstance(error, RateLimitedError):
        return PriceStatus.RATE_LIMITED
    if isinstance(error, RefusedError) and not isinstance(error, TurnedAwayError):
        return PriceStatus.UNKNOWN
    return PriceStatus.UNAVAILABLE


def failed(need: PriceNeed, error: GleanerError) -> PriceMissing:
    """The answer to a need whose question failed."""
    return PriceMissing(need.asset, need.currency, need.instant, status_of(error), str(error))
