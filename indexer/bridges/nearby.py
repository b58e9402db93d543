"""Halves without a settled id, found by bridge, address and amount; the possible pairs among them.

A lookup costs the logarithm of what is open at one address, whatever the history. Halves of different bridges never
meet and are not looked at; halves that only their time tells apart are looked at as one.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf

from indexer.bridges.assign import Alike, Meeting
from indexer.bridges.keyed import window_of
from indexer.bridges.pairs import (
    GAIN_PPM,
    PLAIN,
    SKEW_SECONDS,
    Amount,
    Half,
    amounts_agree,
    chains_agree,
    recipient_agrees,
    tokens_agree,
)
from indexer.bridges.protocol import Window
from indexer.bridges.protocols import by_name
from indexer.model.links import BridgeLeg, Side

_WEEK = 7 * 86_400
_PLAIN_SECONDS = {Amount.EXACT: _WEEK, Amount.USUAL_FEE: 86_400}
"""Two plain transfers further apart, or less alike, are nobody's guess: no bridge's event speaks for them."""
_MILLION = 1_000_000
_OWN = "own"
_PLAIN_FEE_PPM = Window().fee_ppm
_NO_WINDOW = Window(claim=True)
Place = tuple[str, str, str, str]
"""Kind, bridge, address, and week or chain"""

Shelf = list[tuple[int, int]]
"""Sorted (amount, number of halves that are alike)."""

_OPEN = "?"
"""The shelves of what leaves the bridge open."""


@dataclass(slots=True)
class Nearby:
    """The open halves. `own` are the portfolio's addresses, `trusted` asset pairs that belong together."""

    own: Collection[str]
    wide_ppm: int
    trusted: Collection[tuple[str, str]]
    _alike_of: dict[str, int] = field(default_factory=dict)
    _alikes: dict[int, Alike] = field(default_factory=dict)
    _numbers: dict[Hashable, int] = field(default_factory=dict)
    _next: int = 0
    _bridges: set[str] = field(default_factory=set)
    """Bridges that ever had a shelf."""
    _shelves: dict[Place, Shelf] = field(default_factory=dict)
    """`src` and `dst` by amount, `promise` by what is promised, `raw` by base units where the scale is another,
    `back` and `refund` by wallet and chain."""

    def __contains__(self, leg_id: str) -> bool:
        return leg_id in self._alike_of

    def add(self, item: Half) -> bool:
        """Make a half findable; False when it is already."""
        if item.leg.id in self._alike_of:
            return False
        look = _look(item)
        number = self._numbers.get(look)
        if number is None:
            number = self._numbers[look] = self._next = self._next + 1
            self._alikes[number] = Alike(item)
            for place, amount in self._places(item):
                self._bridges.add(place[1])
                insort(self._shelves.setdefault(place, []), (amount, number))
        insort(self._alikes[number].places, _when(item))
        self._alike_of[item.leg.id] = number
        return True

    def discard(self, item: Half) -> bool:
        """Take a half out; False when it was not in."""
        number = self._alike_of.pop(item.leg.id, None)
        if number is None:
            return False
        places = self._alikes[number].places
        del places[bisect_left(places, _when(item))]
        if not places:
            del self._alikes[number], self._numbers[_look(item)]
            for place, amount in self._places(item):
                shelf = self._shelves[place]
                del shelf[bisect_left(shelf, (amount, number))]
                if not shelf:
                    del self._shelves[place]
        return True

    def connected(self, start: str) -> tuple[set[str], list[Meeting]]:
        """Every half that possible pairs connect with `start`, and what may meet what among them."""
        first = self._alike_of[start]
        members, meetings, queue = {first}, {}, [first]
        while queue:
            number = queue.pop()
            alike = self._alikes[number]
            is_source = alike.sample.leg.side is Side.SOURCE
            for other in self._candidates(alike.sample):
                pair = (number, other) if is_source else (other, number)
                if pair in meetings:
                    continue
                meeting = self._meeting(self._alikes[pair[0]], self._alikes[pair[1]])
                if meeting is None or not meeting.happens:
                    continue
                meetings[pair] = meeting
                if other not in members:
                    members.add(other)
                    queue.append(other)
        if not meetings:
            return {start}, []
        found = {name for number in members for _, name in self._alikes[number].places}
        return found, [meetings[pair] for pair in sorted(meetings)]

    def _places(self, item: Half) -> Iterator[tuple[Place, int]]:
        """Where a half is found; plain ones among themselves by week."""
        leg = item.leg
        if leg.refund:
            yield ("refund", leg.protocol, leg.wallet, leg.chain), leg.amount
            return
        source = leg.side is Side.SOURCE
        kind = "src" if source else "dst"
        week = _week(item.seconds) if leg.protocol == PLAIN else None
        where, pooled = (leg.recipient or leg.wallet, leg.recipient is None) if source else (leg.wallet, True)
        for address in self._addresses(where, pooled=pooled):
            for bridge in _shelved(leg.protocol, leg.join_key is not None):
                yield (kind, bridge, address, ""), item.amount
                if source and item.expected is not None:
                    yield ("promise", bridge, address, ""), item.expected
                if not source and item.amount != leg.amount:
                    yield ("raw", bridge, address, ""), leg.amount
            if week is not None:
                yield (kind, PLAIN, address, week), item.amount
        if source and leg.protocol != PLAIN:
            yield ("back", leg.protocol, leg.wallet, leg.chain), leg.amount

    def _addresses(self, address: str, *, pooled: bool) -> tuple[str, ...]:
        return (address, _OWN) if pooled and address in self.own else (address,)

    def _candidates(self, item: Half) -> list[int]:
        leg = item.leg
        if leg.refund:
            return self._between(("back", leg.protocol, leg.wallet, leg.chain), leg.amount, leg.amount)
        return self._arrivals_for(item) if leg.side is Side.SOURCE else self._departures_for(item)

    def _arrivals_for(self, item: Half) -> list[int]:
        leg = item.leg
        where = leg.recipient or leg.wallet
        address = _OWN if leg.recipient is None and where in self.own else where
        low = item.amount - item.amount * self.wide_ppm // _MILLION
        high = item.amount + item.amount * GAIN_PPM // _MILLION
        found: list[int] = []
        for bridge in self._asked(leg):
            found += self._between(("dst", bridge, address, ""), low, high)
            if item.expected is not None:
                for kind in ("dst", "raw"):
                    found += self._between((kind, bridge, address, ""), item.expected, item.expected)
        if leg.protocol != PLAIN:
            return found + self._between(
                ("refund", leg.protocol, leg.wallet, leg.chain), leg.amount, leg.amount
            )
        low = item.amount - item.amount * _PLAIN_FEE_PPM // _MILLION
        for week in _weeks(item.seconds, -SKEW_SECONDS, _WEEK):
            found += self._between(("dst", PLAIN, address, week), low, item.amount)
        return found

    def _departures_for(self, item: Half) -> list[int]:
        leg = item.leg
        low = item.amount * _MILLION // (_MILLION + GAIN_PPM)
        high = item.amount * _MILLION // (_MILLION - self.wide_ppm) + 1
        found: list[int] = []
        for address in self._addresses(leg.wallet, pooled=True):
            for bridge in self._asked(leg):
                found += self._between(("src", bridge, address, ""), low, high)
                for promised in {leg.amount, item.amount}:
                    found += self._between(("promise", bridge, address, ""), promised, promised)
            if leg.protocol == PLAIN:
                most = item.amount * _MILLION // (_MILLION - _PLAIN_FEE_PPM) + 1
                for week in _weeks(item.seconds, -_WEEK, SKEW_SECONDS):
                    found += self._between(("src", PLAIN, address, week), item.amount, most)
        return found

    def _asked(self, leg: BridgeLeg) -> list[str]:
        """The bridges of which a half's other side may be. Of one bridge, two ids that did not settle never meet."""
        name = leg.protocol
        if _open_ended(name):
            apart = {PLAIN, _OPEN} if name == PLAIN else {_OPEN}
            return sorted(self._bridges - apart)
        asked = (name, _OPEN) if leg.join_key is not None else (name, f"{name}#", _OPEN)
        return [bridge for bridge in asked if bridge in self._bridges]

    def _between(self, place: Place, low: int, high: int) -> list[int]:
        shelf = self._shelves.get(place)
        if shelf is None:
            return []
        first = bisect_left(shelf, (low, 0))
        return [number for _, number in shelf[first : bisect_left(shelf, (high + 1, 0), first)]]

    def _meeting(self, departures: Alike, arrivals: Alike) -> Meeting | None:
        """What speaks for their being one move, None when they cannot be, whatever their times."""
        source, arrival = departures.sample, arrivals.sample
        left, came = source.leg, arrival.leg
        if came.refund:
            return _refund(departures, arrivals)
        if not (chains_agree(left, came) and recipient_agrees(left, came)):
            return None
        both_plain = left.protocol == came.protocol == PLAIN
        tokens = True if (left.asset, came.asset) in self.trusted else tokens_agree(left, came)
        if not _may_meet(left, came) or tokens is False:
            return None
        same_protocol = left.protocol == came.protocol and not both_plain
        window = window_of(source, arrival)
        amount = amounts_agree(source, arrival, window, self.wide_ppm)
        if amount is Amount.WRONG or (amount is Amount.UNKNOWN and not same_protocol):
            return None
        if both_plain and (tokens is None or amount not in _PLAIN_SECONDS):
            return None
        fee = source.amount - arrival.amount
        return Meeting(
            departures,
            arrivals,
            amount,
            tokens,
            decoded=left.recipient is not None and left.other_chain is not None,
            same_protocol=same_protocol,
            fee_ppm=fee * _MILLION // source.amount if 0 < fee <= source.amount else 0,
            window=window,
            within=_PLAIN_SECONDS[amount] if both_plain else None,
        )


def _look(item: Half) -> Hashable:
    """Everything about a half that pairing asks for, but for its time."""
    leg = item.leg
    return (
        leg.side, leg.protocol, leg.chain, leg.asset, leg.amount, leg.wallet, leg.recipient, leg.other_chain,
        leg.expected_amount, leg.group, leg.decimals, leg.mechanism, leg.other_asset, leg.refund,
        leg.join_key is None, leg.arrives_in, _week(item.seconds) if leg.protocol == PLAIN else None,
    )  # fmt: skip


def _when(item: Half) -> tuple[float, str]:
    """Untimed halves come last; the id decides what the time does not."""
    return (inf if item.seconds is None else item.seconds, item.leg.id)


@lru_cache(maxsize=512)
def _shelved(protocol: str, keyed: bool) -> tuple[str, ...]:  # noqa: FBT001 - a cache wants plain arguments
    """The bridges under which a half is found; ids that did not settle stand apart."""
    if protocol == PLAIN:
        return (PLAIN, _OPEN)
    own = f"{protocol}#" if keyed else protocol
    return (own, _OPEN) if _open_ended(protocol) else (own,)


def _week(seconds: float | None) -> str | None:
    return None if seconds is None else str(int(seconds // _WEEK))


def _weeks(seconds: float | None, before: int, after: int) -> list[str]:
    """The weeks that an interval around an instant touches; none when the instant is unknown."""
    if seconds is None:
        return []
    first, last = int((seconds + before) // _WEEK), int((seconds + after) // _WEEK)
    return [str(week) for week in range(first, last + 1)]


def _may_meet(left: BridgeLeg, came: BridgeLeg) -> bool:
    """Halves of one bridge whose ids do not contradict, or halves that leave the bridge open."""
    if left.arrives_in is not None:
        return False  # the transaction it arrives in is known, and what came there was compared with it
    if left.protocol == came.protocol:
        return left.join_key is None or came.join_key is None
    return _open_ended(left.protocol) or _open_ended(came.protocol)


def _refund(departures: Alike, refunds: Alike) -> Meeting | None:
    left, back = departures.sample.leg, refunds.sample.leg
    fits = left.protocol == back.protocol and left.asset == back.asset and left.amount == back.amount
    if not fits or left.wallet != back.wallet or (left.join_key is not None and back.join_key is not None):
        return None
    return Meeting(
        departures,
        refunds,
        Amount.EXACT,
        tokens=True,
        decoded=False,
        same_protocol=True,
        fee_ppm=0,
        window=_NO_WINDOW,
    )


@lru_cache(maxsize=256)
def _open_ended(protocol: str) -> bool:
    """Whether halves of this protocol may meet another's: plain transfers, and wrappers over unknown bridges."""
    if protocol == PLAIN:
        return True
    known = by_name().get(protocol)
    return known is not None and (known.wrapper or known.plain)
