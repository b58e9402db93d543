"""How long one source may hold a revaluation up."""

from indexer.prices.throttle import Waiter
from indexer.prices.upstream import RateLimitedError


class Patience:
    """Time for one call of a source. What it has no time for is rate limited: the next revaluation goes on there."""

    def __init__(self, name: str, seconds: float, waiter: Waiter) -> None:
        self._name = name
        self._seconds = seconds
        self._waiter = waiter
        self._until = waiter.now() + seconds

    def check(self) -> None:
        """Raise `RateLimitedError` when the time is over."""
        if self._waiter.now() > self._until:
            raise RateLimitedError(
                f"{self._name} answers too slowly for more in one go ({self._seconds:.0f} s); what is kept stays, "
                "the rest is asked at the next revaluation.",
                0.0,
            )
