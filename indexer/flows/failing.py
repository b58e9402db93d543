"""What becomes of work that failed: the error is kept for the user, and it is tried again after a while."""

from datetime import timedelta

from indexer.model.errors import GleanerError, InputError, RetryableError

LONGEST_BACKOFF = timedelta(hours=1)


def backoff(error: GleanerError, failures: int) -> timedelta:
    """How long to wait after so many failures in a row, longer where the other side said for how long."""
    if isinstance(error, InputError):
        return LONGEST_BACKOFF  # only a person can mend it
    wait = min(timedelta(seconds=2 ** min(failures, 12)), LONGEST_BACKOFF)
    if isinstance(error, RetryableError) and error.retry_after is not None:
        return max(wait, timedelta(seconds=error.retry_after))
    return wait
