"""The worker of one process: the flows as handlers of the embedded queue."""

import gc
from datetime import timedelta
from functools import partial

from indexer.flows.collect import Collector
from indexer.flows.follow import Follower
from indexer.flows.progress import OnProgress, ignore_progress
from indexer.flows.refresh import refresh_portfolio
from indexer.flows.sweep import Sweeper
from indexer.jobs.embedded import EmbeddedQueue
from indexer.jobs.queue import Handlers
from indexer.model.stored import DISCOVER, PROVE
from indexer.wiring import App

GARBAGE_EVERY = (50_000, 20, 50)
"""New objects before cycles are looked for, and how often older ones are looked at.

Facts hold no cycles and come by the ten thousand: with Python's default of 700 the search was a fifth of all work
(https://docs.python.org/3/library/gc.html#gc.set_threshold).
"""


def open_queue(app: App, on_progress: OnProgress = ignore_progress) -> EmbeddedQueue:
    """A queue over the app's ledger; nothing runs before `drain` or `run`. Sets the process's `GARBAGE_EVERY`."""
    gc.set_threshold(*GARBAGE_EVERY)
    services = app.services
    lease = timedelta(seconds=app.settings.lease_seconds)
    collector = Collector(services, lease, on_progress)
    sweeper = Sweeper(services, lease, on_progress)
    follower = Follower(services, lease, on_progress)

    async def refresh(portfolio: str) -> None:
        await refresh_portfolio(services, portfolio)

    def swept(chain: str) -> frozenset[str]:
        return services.readers[chain].swept | {DISCOVER, PROVE}

    listeners = [partial(follower.listen, chain) for chain in services.readers.chains]
    return EmbeddedQueue(
        services.ledger,
        services.clock,
        Handlers(collector.collect, sweeper.sweep, follower.follow, refresh, swept, listeners),
        app.settings.concurrency,
    )
