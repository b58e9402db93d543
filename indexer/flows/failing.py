"""What becomes of work that failed: the error is kept for the user, and it is tried again after a while."""

import logging
from datetime import timedelta

from indexer.flows.services import Services
from indexer.model.errors import FencedError, GleanerError, InputError, RefusedError, RetryableError
from indexer.model.facts import Gap, GapCode
from indexer.model.stored import SyncTarget

log = logging.getLogger(__name__)

LONGEST_BACKOFF = timedelta(hours=1)


def backoff(error: GleanerError, failures: int) -> timedelta:
    """How long to wait after so many failures in a row, longer where the other side said for how long."""
    if isinstance(error, InputError):
        return LONGEST_BACKOFF  # only a person can mend it
    wait = min(timedelta(seconds=2 ** min(failures, 12)), LONGEST_BACKOFF)
    if isinstance(error, RetryableError) and error.retry_after is not None:
        return max(wait, timedelta(seconds=error.retry_after))
    return wait


async def record_failure(services: Services, target: SyncTarget, error: GleanerError) -> None:
    """Keep the error for the user and try again later, sooner when the other side said when."""
    key, wait = target.key, backoff(error, target.failures)
    log.warning("%s on %s (%s): %s; next try in %s", key.address, key.chain, key.source, error, wait)
    try:
        async with services.ledger.write() as work:
            await work.targets.fail(key, target.epoch, str(error), services.clock.now() + wait)
    except FencedError as fenced:
        log.info("%s", fenced)


def refused_gap(target: SyncTarget, refusal: RefusedError) -> Gap:
    """What a target lacks whose source will not answer: waiting would not help."""
    key = target.key
    return Gap(
        chain=key.chain,
        address=key.address,
        code=GapCode.SOURCE_UNAVAILABLE,
        source=f"collect:{key.source}",
        subject=key.source,
        detail=str(refusal),
        from_block=target.covered_to + 1,
    )
