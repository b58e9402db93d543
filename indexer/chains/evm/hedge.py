"""Ask a second endpoint when the first one is slow, and take the first good answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from indexer.chains.evm.endpoint import Endpoint

Ask = Callable[[Endpoint], Awaitable[list[Any]]]


async def race(
    ask: Ask, first: Endpoint, second: Endpoint, good: Callable[[list[Any]], bool]
) -> tuple[Endpoint, list[Any]]:
    """Answers and who gave them. The slower question is cancelled.

    The second endpoint is asked only when the first has not answered within its own 95th percentile, and only while it
    has credit for it: one request in ten on average.

    Raises:
        RetryableError, LyingSourceError: neither gives a good answer; what the first one raised.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    one = asyncio.ensure_future(ask(first))
    tasks = {one: first}
    try:
        await asyncio.wait(tasks, timeout=first.health.patience)
        if one.done() or not first.health.may_hedge():
            return first, await one
        tasks[asyncio.ensure_future(ask(second))] = second
        pending = set(tasks)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task.exception() is None and good(task.result()):
                    if not one.done():
                        first.health.was_overtaken(loop.time() - started)
                    return tasks[task], task.result()
        return first, one.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
