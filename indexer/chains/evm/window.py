"""How many blocks the next `eth_getLogs` asks for: grows while it goes well, learns from refusals (pure)."""

from dataclasses import dataclass

GROWTH = 4
FEW_LOGS = 2_000
"""A window that answers fewer logs than this may grow; a fuller one is wide enough."""
MANY_LOGS = 3_000
"""A window that answers more than this is narrowed: memory stays flat, and answers come while others are read."""


@dataclass(slots=True)
class LogWindow:
    """The adaptive width of one endpoint, in blocks.

    `cap` is the widest window the endpoint is known to accept once it has named a limit (it then never grows
    past it); `ceiling` is a width that failed without a stated limit, tried again after a long run of successes.
    """

    size: int
    cap: int | None = None
    ceiling: int | None = None
    streak: int = 0
    full: bool = False
    """Whether the last window answered so many logs that the next one does not grow."""

    @property
    def settled(self) -> bool:
        """Whether the width is known well enough to send several windows at once."""
        return self.cap is not None or self.ceiling is not None

    def succeeded(self, width: int, logs: int) -> None:
        """A window of `width` blocks answered `logs` logs."""
        self.streak += 1
        self.full = logs > FEW_LOGS
        if logs > MANY_LOGS:
            self.size = max(1, min(self.size, width * (MANY_LOGS // 2) // logs))
        if width < self.size or self.full:
            return
        if self.ceiling is not None and self.streak >= 64:
            self.ceiling, self.streak = None, 0  # the dense or slow stretch may lie behind us
        grown = self.size * GROWTH if self.ceiling is None else self.size + max(1, self.size // 4)
        if self.ceiling is not None:
            grown = min(grown, max(self.size, self.ceiling * 3 // 4))
        self.size = grown if self.cap is None else min(grown, self.cap)

    def refused(self, width: int, limit: int | None, offered: int | None) -> None:
        """A window of `width` blocks was too wide. `limit` is a stated limit, `offered` a width said to work."""
        self.streak = 0
        if limit is not None and limit < width:
            self.cap = limit if self.cap is None else min(self.cap, limit)
            self.size = max(1, min(limit, self.size))
        elif offered is not None and offered < width:
            self.ceiling = width
            self.size = max(1, offered)
        else:
            self.ceiling = width
            self.size = max(1, width // 2)
        if self.cap is not None:
            self.size = min(self.size, self.cap)
