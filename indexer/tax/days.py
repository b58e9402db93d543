"""Tax days: the calendar day of an instant in the taxpayer's zone, fast enough to ask a million times."""

from collections.abc import Iterable
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
        self._shifts = _Shifts(self.zone)

    def day(self, us: int) -> int:
        """The local day of an instant in microseconds."""
        if self._utc:
            return us // DAY_US + EPOCH_DAY
        shift = self._shifts[us // DAY_US]
        return self._exactly(us) if shift is None else (us + shift) // DAY_US

    def days(self, instants: Iterable[int]) -> list[int]:
        """`day` of many instants, without a call for each."""
        if self._utc:
            return [us // DAY_US + EPOCH_DAY for us in instants]
        shifts, exactly = self._shifts, self._exactly
        return [
            exactly(us) if (shift := shifts[us // DAY_US]) is None else (us + shift) // DAY_US
            for us in instants
        ]

    def _exactly(self, us: int) -> int:
        return from_us(us).astimezone(self.zone).toordinal()

    def start(self, day: date) -> int:
        """The instant at which a local day begins, in microseconds."""
        return to_us(datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC))


class _Shifts(dict[int, int | None]):
    """What turns instants of a UTC day into a zone's: offset and epoch in microseconds, None where the offset changes."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, utc_day: int) -> int | None:
        """Look a day up and keep it. Zones change their offset at most once a day."""
        first, last = (
            from_us(at).astimezone(self._zone).utcoffset()
            for at in (utc_day * DAY_US, (utc_day + 1) * DAY_US)
        )
        shift = None
        if first is not None and first == last:
            shift = first // timedelta(microseconds=1) + EPOCH_DAY * DAY_US
        self[utc_day] = shift
        return shift
