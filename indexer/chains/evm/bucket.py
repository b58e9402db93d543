"""How many requests a second an endpoint bears, learned from its refusals (pure; seconds of any steady clock)."""

from dataclasses import dataclass

SLOWEST = 1.0
"""Requests a second below which no refusal presses; slower limits are kept to by resting."""
CUT = 0.6
GROWTH = 1.1
STEP = 0.25
"""Per second of use without a refusal the rate grows by a tenth and a quarter: a high limit is probed again after some
hundred requests, and endpoints that refuse at random do not stand still."""
IDLE_SECONDS = 600.0
"""A limit that was not met for so long is forgotten: it was another hour's, or a neighbour's."""
WINDOW_SECONDS = 2.0
"""Over which the rate that led to a refusal is measured."""


@dataclass(slots=True)
class Bucket:
    """A token bucket whose rate is learned: unlimited until the first refusal, then cut and grown back (AIMD).

    `rate` is in requests a second while it is learned (how long a batch may be is learned beside it), and in calls
    a second once the endpoint has stated one, as providers count. One second's worth may be taken at once.
    """

    rate: float | None = None
    stated: float | None = None
    """A limit the endpoint has named itself, in calls a second; the rate never grows past it."""
    refusals: int = 0
    _tokens: float = 0.0
    _at: float = 0.0
    _cut_at: float = float("-inf")
    _opened: float | None = None
    _taken: float = 0.0
    _before: float = 0.0
    """Requests in this window and in the one before it."""

    def take(self, calls: int, now: float) -> float:
        """Take as many tokens; returns the seconds to wait before the calls may be sent."""
        self._count(now)
        if self.rate is None:
            return 0.0
        if now - self._cut_at > IDLE_SECONDS and self.stated is None:
            self.rate = None
            return 0.0
        self._refill(now)
        self._tokens -= 1 if self.stated is None else calls
        return max(0.0, -self._tokens / self.rate)

    def due(self, now: float) -> float:
        """Seconds until a call may be sent, without taking anything."""
        if self.rate is None:
            return 0.0
        return max(0.0, -(self._tokens + (now - self._at) * self.rate) / self.rate)

    def refused(self, now: float, stated: float | None = None) -> None:
        """A call was refused for its rate; `stated` is the limit in calls a second, if it was named.

        Refusals of requests that were sent side by side count once.
        """
        self.refusals += 1
        if stated is not None and stated > 0:
            self.stated = stated
            self._set(max(SLOWEST, stated), now)
            return
        if now - self._cut_at < WINDOW_SECONDS / 2 and self.rate is not None:
            return
        used = max(self._before, self._taken) / WINDOW_SECONDS
        current = used if self.rate is None else min(self.rate, max(used, SLOWEST))
        self._set(max(SLOWEST, current * CUT), now)

    def _set(self, rate: float, now: float) -> None:
        self.rate = rate
        self._tokens = min(self._tokens, 0.0)
        self._at = self._cut_at = now

    def _refill(self, now: float) -> None:
        if self.rate is None:
            return
        seconds = max(0.0, now - self._at)
        self._at = now
        if self._tokens < self.rate:  # it is used: an idle endpoint proves nothing about its limit
            grown = self.rate * GROWTH ** min(seconds, 60.0) + STEP * min(seconds, 60.0)
            self.rate = grown if self.stated is None else min(grown, max(SLOWEST, self.stated))
        self._tokens = min(self.rate, self._tokens + seconds * self.rate)

    def _count(self, now: float) -> None:
        if self._opened is None or now - self._opened >= WINDOW_SECONDS:
            recent = self._opened is not None and now - self._opened < 2 * WINDOW_SECONDS
            self._before = self._taken if recent else 0.0
            self._opened, self._taken = now, 0.0
        self._taken += 1
