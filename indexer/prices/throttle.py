"""How often a source is asked: a token bucket, pauses the source asked for, and a circuit breaker.

All in seconds of a monotonic clock that is passed in, so that tests wait for nothing.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol


class Waiter(Protocol):
    """Monotonic time and how to let it pass."""

    def now(self) -> float:
        """Seconds that only grow."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        ...


class RealWaiter:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        await asyncio.sleep(seconds)


class TokenBucket:
    """Lets `rate` requests a second through, `burst` at once. Waiters are served in the order they came."""

    def __init__(self, rate: float, burst: int, waiter: Waiter) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError("a token bucket needs a positive rate and a burst of at least 1")
        self._rate = rate
        self._burst = burst
        self._waiter = waiter
        self._tokens = float(burst)
        self._at = waiter.now()

    async def take(self) -> None:
        """Wait until one more request is allowed. A token is taken on credit, which keeps the order fair."""
        now = self._waiter.now()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        self._tokens -= 1
        if self._tokens < 0:
            await self._waiter.sleep(-self._tokens / self._rate)


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """After `failures` in a row nobody is asked for `open_seconds`; then one request tries."""

    failures: int = 4
    open_seconds: float = 60.0


class Breaker:
    """Stops asking a source that only fails, so that a dead one costs a revaluation nothing."""

    def __init__(self, rule: BreakerRule, waiter: Waiter) -> None:
        self._rule = rule
        self._waiter = waiter
        self._failures = 0
        self._open_until: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether requests are refused right now."""
        return self.seconds_left() > 0 or (self._open_until is not None and self._trying)

    def seconds_left(self) -> float:
        """How long until the next try, 0 when asking is allowed."""
        if self._open_until is None:
            return 0.0
        return max(0.0, self._open_until - self._waiter.now())

    def allow(self) -> bool:
        """Whether a request may start; after the pause exactly one may, until its outcome is known."""
        if self._open_until is None:
            return True
        if self.seconds_left() > 0 or self._trying:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        """The source answered: close."""
        self._failures = 0
        self._open_until = None
        self._trying = False

    def failed(self) -> None:
        """The source failed: open after enough failures in a row, and at once when the one try failed."""
        self._failures += 1
        if self._trying or self._failures >= self._rule.failures:
            self._open_until = self._waiter.now() + self._rule.open_seconds
        self._trying = False

    def abandoned(self) -> None:
        """The request ended without telling anything about the source (it was cancelled)."""
        self._trying = False
