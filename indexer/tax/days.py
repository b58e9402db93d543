"""Tax days: the calendar day of an instant in the taxpayer's zone, fast enough to ask a million times."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from indexer.model.errors import InputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = EPOCH.toordinal()
DAY_US = 86_400_000_000
QUARTER_US = 900_000_000
"""Zone offsets since 1972 are whole quarters of an hour, so that no day begins inside one."""


def to_us(instant: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exact."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """The UTC instant of `to_us`."""
    return EPOCH + timedelta(microseconds=us)


class Days:
    """Day numbers (proleptic Gregorian ordinals) of instants in one zone.

    Raises:
        InputError: the zone is not in the IANA database.
    """

    def __init__(self, timezone: str) -> None:
        try:
            self.zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InputError(
                f"unknown time zone {timezone!r}: use an IANA name such as Europe/London"
            ) from error
        self._utc = timezone in ("UTC", "Etc/UTC", "Etc/GMT", "GMT")
        self._known: dict[int, int] = {}

    def day(self, us: int) -> int:
        """The local day of an instant in microseconds."""
        if self._utc:
            return us // DAY_US + EPOCH_DAY
        quarter = us // QUARTER_US
        known = self._known.get(quarter)
        if known is None:
            known = from_us(quarter * QUARTER_US).astimezone(self.zone).toordinal()
            self._known[quarter] = known
        return known

    def start(self, day: date) -> int:
        """The instant at which a local day begins, in microseconds."""
        return to_us(datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC))
