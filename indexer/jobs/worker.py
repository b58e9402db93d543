"""The worker of one process: the flows as handlers of the embedded queue."""

from datetime import timedelta

from indexer.flows.collect import Collector, OnProgress, ignore_progress
from indexer.flows.refresh import refresh_portfolio
from indexer.jobs.embedded import EmbeddedQueue
from indexer.jobs.queue import Handlers
from indexer.wiring import App


def open_queue(app: App, on_progress: OnProgress = ignore_progress) -> EmbeddedQueue:
    """A queue over the app's ledger; nothing runs before `drain` or `run`."""
    collector = Collector(app.services, timedelta(seconds=app.settings.lease_seconds), on_progress)

    async def refresh(portfolio: str) -> None:
        await refresh_portfolio(app.services, portfolio)

    return EmbeddedQueue(
        app.services.ledger,
        app.services.clock,
        Handlers(collector.collect, refresh),
        app.settings.concurrency,
    )
