"""Which instant is asked of the sources: the planning that lets one quote serve many needs."""

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from indexer.model.prices import Granularity, PriceNeed, PricePolicy


class Slot(NamedTuple):
    """What is asked once: an asset at an instant, live or of the past. Prices are asked for in dollars."""

    asset: str
    instant: datetime
    live: bool


def slot_of(need: PriceNeed, policy: PricePolicy, now: datetime) -> Slot:
    """Return the slot that answers a need.

    Live instants are rounded down to `live_for`, so that requests of the same seconds share an answer. Under
    `DAILY` a day that has not closed yet is asked live: its close is not known.
    """
    instant = need.instant
    if instant > now - policy.live_window:
        return Slot(need.asset, _floor(now, policy.live_for), live=True)
    if policy.granularity is Granularity.MINUTE:
        return Slot(need.asset, instant.replace(second=0, microsecond=0), live=False)
    if policy.granularity is Granularity.DAILY:
        close = day_close(instant)
        if close > now - policy.live_window:
            return Slot(need.asset, _floor(now, policy.live_for), live=True)
        return Slot(need.asset, close, live=False)
    if instant.microsecond:
        instant = instant.replace(microsecond=0)
    return Slot(need.asset, instant, live=False)


def day_close(instant: datetime) -> datetime:
    """Return the midnight that ends the instant's UTC day; a midnight itself closes the day before it."""
    start = datetime.combine(instant.astimezone(UTC).date(), time(), tzinfo=UTC)
    return start if start == instant else start + timedelta(days=1)


def bound_of(slot: Slot, policy: PricePolicy) -> timedelta:
    """How far a quote may be from the slot's instant before it is stale."""
    return policy.live_within if slot.live else past_bound(policy)


def past_bound(policy: PricePolicy) -> timedelta:
    """How far a quote of the past may be from its slot's instant."""
    return policy.minute_within if policy.granularity is Granularity.MINUTE else policy.within


def _floor(instant: datetime, step: timedelta) -> datetime:
    seconds = max(1, int(step.total_seconds()))
    stamp = int(instant.timestamp())
    return datetime.fromtimestamp(stamp - stamp % seconds, UTC)
