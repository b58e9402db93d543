"""Halves without a settled id, found by address and amount; the possible pairs among them.

A lookup costs the logarithm of what is open at one address, whatever the history.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from indexer.bridges.assign import Edge
from indexer.bridges.keyed import window_of
from indexer.bridges.pairs import (
    GAIN_PPM,
    PLAIN,
    SKEW_SECONDS,
    Amount,
    Half,
    amounts_agree,
    chains_agree,
    in_order,
    lateness,
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
_KINDS = {
    (True, True): "plain_src",
    (True, False): "src",
    (False, True): "plain_dst",
    (False, False): "dst",
}

Place = tuple[str, str, str]
"""Kind, address, and week or chain"""

Shelf = list[tuple[int, str]]
"""Sorted (amount, half)."""


@dataclass(slots=True)
class Nearby:
    """The open halves. `own` are the portfolio's addresses, `trusted` asset pairs that belong together."""

    own: Collection[str]
    wide_ppm: int
    trusted: Collection[tuple[str, str]]
    _halves: dict[str, Half] = field(default_factory=dict)
    _shelves: dict[Place, Shelf] = field(default_factory=dict)
    """`src` and `dst` by amount, `promise` by what is promised, `raw` by base units where the scale is another,
    `back` and `refund` by wallet and chain."""

    def __contains__(self, leg_id: str) -> bool:
        return leg_id in self._halves

    def add(self, item: Half) -> bool:
        """Make a half findable; False when it is already."""
        if item.leg.id in self._halves:
            return False
        self._halves[item.leg.id] = item
        for shelf, amount in self._places(item):
            insort(self._shelves.setdefault(shelf, []), (amount, item.leg.id))
        return True

    def discard(self, item: Half) -> bool:
        """Take a half out; False when it was not in."""
        if self._halves.pop(item.leg.id, None) is None:
            return False
        for shelf, amount in self._places(item):
            entries = self._shelves[shelf]
            del entries[bisect_left(entries, (amount, item.leg.id))]
        return True

    def connected(self, start: str) -> tuple[set[str], list[Edge]]:
        """Every half that possible pairs connect with `start`, and those pairs."""
        members, edges, queue = {start}, {}, [start]
        while queue:
            item = self._halves[queue.pop()]
            is_source = item.leg.side is Side.SOURCE
            for other_id in self._candidates(item):
                pair = (item.leg.id, other_id) if is_source else (other_id, item.leg.id)
                if pair in edges:
                    continue
                edge = self._edge(self._halves[pair[0]], self._halves[pair[1]])
                if edge is None:
                    continue
                edges[pair] = edge
                if other_id not in members:
                    members.add(other_id)
                    queue.append(other_id)
        return members, list(edges.values())

    def _places(self, item: Half) -> Iterator[tuple[Place, int]]:
        """Where a half is found. Plain ones stand apart, and among themselves by week."""
        leg = item.leg
        if leg.refund:
            yield ("refund", leg.wallet, leg.chain), leg.amount
            return
        plain = leg.protocol == PLAIN
        source = leg.side is Side.SOURCE
        kind = _KINDS[source, plain]
        week = _week(item.seconds) if plain else None
        where, pooled = (leg.recipient or leg.wallet, leg.recipient is None) if source else (leg.wallet, True)
        for address in self._addresses(where, pooled=pooled):
            yield (kind, address, ""), item.amount
            if week is not None:
                yield (kind, address, week), item.amount
            if source and item.expected is not None:
                yield ("promise", address, ""), item.expected
            if not source and item.amount != leg.amount:
                yield ("raw", address, ""), leg.amount
        if source and not plain:
            yield ("back", leg.wallet, leg.chain), leg.amount

    def _addresses(self, address: str, *, pooled: bool) -> tuple[str, ...]:
        return (address, _OWN) if pooled and address in self.own else (address,)

    def _candidates(self, item: Half) -> list[str]:
        leg = item.leg
        if leg.refund:
            return self._between(("back", leg.wallet, leg.chain), leg.amount, leg.amount)
        return self._arrivals_for(item) if leg.side is Side.SOURCE else self._departures_for(item)

    def _arrivals_for(self, item: Half) -> list[str]:
        leg, plain = item.leg, item.leg.protocol == PLAIN
        where = leg.recipient or leg.wallet
        address = _OWN if leg.recipient is None and where in self.own else where
        low = item.amount - item.amount * self.wide_ppm // _MILLION
        high = item.amount + item.amount * GAIN_PPM // _MILLION
        found = self._between(("dst", address, ""), low, high)
        if plain:
            low = item.amount - item.amount * _PLAIN_FEE_PPM // _MILLION
            for week in _weeks(item.seconds, -SKEW_SECONDS, _WEEK):
                found += self._between(("plain_dst", address, week), low, item.amount)
            return found
        found += self._between(("plain_dst", address, ""), low, high)
        if item.expected is not None:
            for kind in ("dst", "plain_dst", "raw"):
                found += self._between((kind, address, ""), item.expected, item.expected)
        return found + self._between(("refund", leg.wallet, leg.chain), leg.amount, leg.amount)

    def _departures_for(self, item: Half) -> list[str]:
        leg, plain = item.leg, item.leg.protocol == PLAIN
        low = item.amount * _MILLION // (_MILLION + GAIN_PPM)
        high = item.amount * _MILLION // (_MILLION - self.wide_ppm) + 1
        found: list[str] = []
        for address in self._addresses(leg.wallet, pooled=True):
            found += self._between(("src", address, ""), low, high)
            for promised in {leg.amount, item.amount}:
                found += self._between(("promise", address, ""), promised, promised)
            if not plain:
                found += self._between(("plain_src", address, ""), low, high)
                continue
            most = item.amount * _MILLION // (_MILLION - _PLAIN_FEE_PPM) + 1
            for week in _weeks(item.seconds, -_WEEK, SKEW_SECONDS):
                found += self._between(("plain_src", address, week), item.amount, most)
        return found

    def _between(self, place: Place, low: int, high: int) -> list[str]:
        shelf = self._shelves.get(place)
        if shelf is None:
            return []
        first = bisect_left(shelf, (low, ""))
        return [name for _, name in shelf[first : bisect_left(shelf, (high + 1, ""), first)]]

    def _edge(self, source: Half, arrival: Half) -> Edge | None:
        """The pair's comparison, None when they cannot be one move."""
        left, came = source.leg, arrival.leg
        if came.refund:
            return _refund_edge(source, arrival)
        if not (chains_agree(left, came) and recipient_agrees(left, came) and in_order(source, arrival)):
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
        if both_plain and (tokens is None or not _soon(source, arrival, amount)):
            return None
        fee = source.amount - arrival.amount
        return Edge(
            left.id,
            came.id,
            amount,
            lateness(source, arrival, window),
            tokens,
            decoded=left.recipient is not None and left.other_chain is not None,
            same_protocol=same_protocol,
            fee_ppm=fee * _MILLION // source.amount if 0 < fee <= source.amount else 0,
        )


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
    if left.arrives_in is not None and left.arrives_in != came.tx:
        return False
    if left.protocol == came.protocol:
        return left.join_key is None or came.join_key is None
    return _open_ended(left.protocol) or _open_ended(came.protocol)


def _refund_edge(source: Half, refund: Half) -> Edge | None:
    left, back = source.leg, refund.leg
    fits = left.protocol == back.protocol and left.asset == back.asset and left.amount == back.amount
    if not fits or left.wallet != back.wallet or not in_order(source, refund):
        return None
    if left.join_key is not None and back.join_key is not None:
        return None
    return Edge(left.id, back.id, Amount.EXACT, 0, tokens=True, decoded=False, same_protocol=True, fee_ppm=0)


def _soon(source: Half, arrival: Half, amount: Amount) -> bool:
    if source.seconds is None or arrival.seconds is None:
        return False
    return arrival.seconds - source.seconds <= _PLAIN_SECONDS.get(amount, -1)


@lru_cache(maxsize=256)
def _open_ended(protocol: str) -> bool:
    """Whether halves of this protocol may meet another's: plain transfers, and wrappers over unknown bridges."""
    if protocol == PLAIN:
        return True
    known = by_name().get(protocol)
    return known is not None and (known.wrapper or known.plain)
