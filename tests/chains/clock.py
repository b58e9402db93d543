"""A clock that stands still."""

from datetime import UTC, datetime


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)
