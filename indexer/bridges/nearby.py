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
    Amount,
    Half,
    amounts_agree,
    chains_agree,
    in_order,
    lateness,
    recipient_agrees,
    tokens_agree,
)
from indexer.bridges.protocols import by_name
from indexer.model.links import BridgeLeg, Side

_PLAIN_SECONDS = {Amount.EXACT: 7 * 86_400, Amount.USUAL_FEE: 86_400}
"""Two plain transfers further apart, or less alike, are nobody's guess: no bridge's event speaks for them."""
_MILLION = 1_000_000
_OWN = "own"

Shelf = list[tuple[int, str]]
"""Sorted (amount, half)."""


@dataclass(slots=True)
class Nearby:
    """The open halves. `own` are the portfolio's addresses, `trusted` asset pairs that belong together."""

    own: Collection[str]
    wide_ppm: int
    trusted: Collection[tuple[str, str]]
    _halves: dict[str, Half] = field(default_factory=dict)
    _shelves: dict[tuple[str, str], Shelf] = field(default_factory=dict)
    """(kind, address) -> shelf; kinds: `src` by amount, `promise` by promised amount, `dst`, `raw`, `back`."""

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

    def _places(self, item: Half) -> Iterator[tuple[tuple[str, str], int]]:
        leg = item.leg
        if leg.side is Side.SOURCE:
            for address in self._addresses(leg.recipient or leg.wallet, pooled=leg.recipient is None):
                yield ("src", address), item.amount
                if item.expected is not None:
                    yield ("promise", address), item.expected
            yield ("back", f"{leg.chain}/{leg.wallet}"), leg.amount
        elif leg.refund:
            yield ("refund", f"{leg.chain}/{leg.wallet}"), leg.amount
        else:
            for address in self._addresses(leg.wallet, pooled=True):
                yield ("dst", address), item.amount
                yield ("raw", address), leg.amount

    def _addresses(self, address: str, *, pooled: bool) -> tuple[str, ...]:
        return (address, _OWN) if pooled and address in self.own else (address,)

    def _candidates(self, item: Half) -> Iterator[str]:
        leg = item.leg
        if leg.side is Side.SOURCE:
            where = leg.recipient or leg.wallet
            pooled = leg.recipient is None and where in self.own
            address = _OWN if pooled else where
            low = item.amount - item.amount * self.wide_ppm // _MILLION
            yield from self._between("dst", address, low, item.amount + item.amount * GAIN_PPM // _MILLION)
            if item.expected is not None:
                yield from self._between("raw", address, item.expected, item.expected)
            yield from self._between("refund", f"{leg.chain}/{leg.wallet}", leg.amount, leg.amount)
        elif leg.refund:
            yield from self._between("back", f"{leg.chain}/{leg.wallet}", leg.amount, leg.amount)
        else:
            low = item.amount * _MILLION // (_MILLION + GAIN_PPM)
            high = item.amount * _MILLION // (_MILLION - self.wide_ppm) + 1
            for address in self._addresses(leg.wallet, pooled=True):
                yield from self._between("src", address, low, high)
                yield from self._between("promise", address, leg.amount, leg.amount)

    def _between(self, kind: str, address: str, low: int, high: int) -> Iterator[str]:
        shelf = self._shelves.get((kind, address))
        if shelf is None:
            return
        at = bisect_left(shelf, (low, ""))
        while at < len(shelf) and shelf[at][0] <= high:
            yield shelf[at][1]
            at += 1

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
