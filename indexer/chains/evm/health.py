"""How well an endpoint has answered lately, and when a slow answer is worth a second question (pure)."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

SAMPLES = 128
FEW_SAMPLES = 8
"""Fewer light answers than this say nothing about a percentile."""
PERCENTILE = 0.95
HEDGE_UNKNOWN_SECONDS = 2.0
HEDGE_LEAST_SECONDS = 0.1
SMOOTHING = 0.2
LIGHT_CALLS = 25
CREDIT_PER_REQUEST = 0.1
"""At most so many hedges for every light request: when all endpoints are slow, asking twice makes them slower."""
MOST_CREDIT = 5.0
CLEARLY_FASTER = 0.6
"""Another endpoint is preferred to one that stands before it in the file when it takes less than this share."""

_HEAVY = ("eth_getLogs", "trace_", "debug_", "eth_getBlockReceipts", "alchemy_")


def is_light(methods: Sequence[str]) -> bool:
    """Whether a request may be sent twice: few calls, none over a range or a whole block's traces."""
    return len(methods) <= LIGHT_CALLS and not any(method.startswith(_HEAVY) for method in methods)


@dataclass(slots=True)
class Health:
    """Figures of one endpoint. `latency` (seconds) and `errors` (0 to 1) are moving averages."""

    latency: float = 0.0
    errors: float = 0.0
    light: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    """Seconds that the last light requests took."""
    hedges: int = 0
    """Requests that were asked elsewhere as well because this endpoint was slow."""
    overtaken: int = 0
    """Hedges that the other endpoint answered first."""
    credit: float = 1.0

    def answered(self, seconds: float, *, light: bool) -> None:
        """Note a good answer."""
        self.latency = seconds if self.latency == 0 else (1 - SMOOTHING) * self.latency + SMOOTHING * seconds
        self.errors *= 1 - SMOOTHING
        if light:
            self.light.append(seconds)
            self.credit = min(MOST_CREDIT, self.credit + CREDIT_PER_REQUEST)

    def failed(self) -> None:
        """Note a fault."""
        self.errors = (1 - SMOOTHING) * self.errors + SMOOTHING

    def was_overtaken(self, seconds: float) -> None:
        """Note that an answer did not come before another endpoint's, in at least so many seconds."""
        self.overtaken += 1
        self.light.append(seconds)

    @property
    def usual(self) -> float:
        """Median seconds of a light request; 0 while too few are known."""
        return self._share(0.5)

    @property
    def patience(self) -> float:
        """Seconds after which a light request is hedged."""
        slow = self._share(PERCENTILE)
        return max(HEDGE_LEAST_SECONDS, 1.5 * slow) if slow else HEDGE_UNKNOWN_SECONDS

    def may_hedge(self) -> bool:
        """Take a hedge if there is credit for one."""
        if self.credit < 1:
            return False
        self.credit -= 1
        self.hedges += 1
        return True

    def _share(self, share: float) -> float:
        if len(self.light) < FEW_SAMPLES:
            return 0.0
        ordered = sorted(self.light)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """What is known of an endpoint, for people. Times in seconds; `label` is scheme and host, never a key."""

    label: str
    usable: bool
    requests: int
    latency: float
    lag: int | None
    """Blocks behind the newest head that any endpoint of the chain told; None before it told its own."""
    errors: float
    doubted: int
    hedges: int
    overtaken: int
    rate: float | None
    """Requests a second it bears, None while no limit was met."""
    log_window: int
    log_cap: int | None
    refused: tuple[str, ...]
    problem: str = ""

    def __str__(self) -> str:
        """One line."""
        parts = [f"{self.requests} requests", f"{self.latency * 1000:.0f} ms"]
        if self.lag:
            parts.append(f"{self.lag} blocks behind")
        if self.errors >= 0.05:
            parts.append(f"{self.errors:.0%} errors")
        if self.doubted:
            parts.append(f"{self.doubted} answers that did not fit")
        if self.hedges:
            parts.append(f"{self.hedges} hedged, {self.overtaken} overtaken")
        if self.rate is not None:
            parts.append(f"{self.rate:.1f} requests/s")
        if self.refused:
            parts.append(f"no {', '.join(self.refused)}")
        return f"{self.label}: {self.problem or ', '.join(parts)}"


def preferred(usual: Sequence[float]) -> int:
    """Which of some endpoints to ask, by their usual seconds in the order of the file; 0 is unknown.

    The first one, unless another is known to be clearly faster: a ranking that follows every fluctuation would
    send every question elsewhere.
    """
    best = 0
    for place, seconds in enumerate(usual):
        if 0 < seconds < CLEARLY_FASTER * usual[best]:
            best = place
    return best
