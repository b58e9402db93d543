"""Tax days: the calendar day of an instant in the taxpayer's zone, fast enough to ask a million times."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from indexer.model.errors import InputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = EPOCH.toordinal()
DAY_US = 86_400_000_000


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
        self._offsets: dict[int, int | None] = {}
        """Zone offset in microseconds by UTC day, None on days on which it changes."""

    def day(self, us: int) -> int:
        """The local day of an instant in microseconds."""
        if self._utc:
            return us // DAY_US + EPOCH_DAY
        utc_day = us // DAY_US
        if utc_day not in self._offsets:
            self._offsets[utc_day] = self._offset_of(utc_day)
        offset = self._offsets[utc_day]
        if offset is None:
            return from_us(us).astimezone(self.zone).toordinal()
        return (us + offset) // DAY_US + EPOCH_DAY

    def _offset_of(self, utc_day: int) -> int | None:
        """The offset that holds all through a UTC day. Zones change theirs at most once a day."""
        first, last = (
            from_us(at).astimezone(self.zone).utcoffset() for at in (utc_day * DAY_US, (utc_day + 1) * DAY_US)
        )
        if first is None or first != last:
            return None
        return first // timedelta(microseconds=1)

    def start(self, day: date) -> int:
        """The instant at which a local day begins, in microseconds."""
        return to_us(datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC))
