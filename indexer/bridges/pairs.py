"""What speaks for and against two halves being one move. Pure comparisons; nothing is decided here.

Times are seconds since 1970 (None: unknown), amounts are base units at the asset's own scale.
"""

from dataclasses import dataclass
from enum import IntEnum

from indexer.bridges.protocol import Window
from indexer.model.links import BridgeLeg, Mechanism, Side

SKEW_SECONDS = 900
"""Block times of two chains may disagree by this much; an arrival earlier than that is another move's."""

PLAIN = "transfer"
"""The protocol of halves guessed from transfers that no bridge's event explains."""

GAIN_PPM = 5_000
"""What may arrive beyond what left, in parts per million."""

_SCALE = 18
_MILLION = 1_000_000


class Amount(IntEnum):
    """How well the amounts agree, best first."""

    EXACT = 0
    """Equal, or what the source event promised."""
    USUAL_FEE = 1
    WIDE_FEE = 2
    UNKNOWN = 3
    """Different assets, or scales that nobody knows."""
    WRONG = 4


@dataclass(frozen=True, slots=True)
class Half:
    """A half with what comparisons need, computed once."""

    leg: BridgeLeg
    seconds: float | None
    amount: int
    """At 18 decimals where the decimals are known, else raw."""
    expected: int | None
    key: str | None
    """What settles it exactly: the protocol's id, else the arrival's transaction where the departure fixes it."""


def half(leg: BridgeLeg) -> Half:
    """Prepare a leg for comparison."""
    scale = 10 ** (_SCALE - leg.decimals) if leg.decimals is not None and leg.decimals <= _SCALE else 1
    seconds = None if leg.time is None else leg.time.timestamp()
    return Half(leg, seconds, leg.amount * scale, leg.expected_amount, _key(leg))


def chains_agree(source: BridgeLeg, arrival: BridgeLeg) -> bool:
    """Both events name the other's chain, as far as they say."""
    return (
        source.chain != arrival.chain
        and source.other_chain in {None, arrival.chain}
        and arrival.other_chain in {None, source.chain}
    )


def recipient_agrees(source: BridgeLeg, arrival: BridgeLeg) -> bool:
    """The arrival went to whom the source event names, as far as it does."""
    return source.recipient is None or source.recipient in {arrival.wallet, arrival.recipient}


def in_order(source: Half, arrival: Half) -> bool:
    """The arrival does not come before the departure."""
    if source.seconds is None or arrival.seconds is None:
        return True
    return arrival.seconds >= source.seconds - SKEW_SECONDS


def tokens_agree(source: BridgeLeg, arrival: BridgeLeg) -> bool | None:
    """True and False where it is known, None where nobody knows whether the two tokens belong together."""
    if source.other_asset is not None and source.other_asset == arrival.asset:
        return True
    if arrival.other_asset is not None and arrival.other_asset == source.asset:
        return True
    if source.group is not None and arrival.group is not None:
        return source.group == arrival.group or _may_change(source, arrival)
    return None


def amounts_agree(source: Half, arrival: Half, window: Window, wide_ppm: int) -> Amount:
    """Compare what left, what was promised and what came."""
    if _as_promised(source.leg, arrival.leg) or source.amount == arrival.amount:
        return Amount.EXACT
    changes = _may_change(source.leg, arrival.leg) and source.leg.asset != arrival.leg.other_asset
    if changes or (source.leg.decimals is None) != (arrival.leg.decimals is None):
        return Amount.UNKNOWN
    fee = (source.amount - arrival.amount) * _MILLION
    if fee < 0:
        # a stable pool may pay a little more than it took (up to 0.3 % seen in real moves)
        gained = -fee <= GAIN_PPM * source.amount and not _one_to_one(source.leg)
        return Amount.WIDE_FEE if gained else Amount.WRONG
    if fee <= window.fee_ppm * source.amount:
        return Amount.USUAL_FEE
    return Amount.WIDE_FEE if fee <= wide_ppm * source.amount else Amount.WRONG


def lateness(source: Half, arrival: Half, window: Window) -> int:
    """0 in the usual time (or nobody knows), 1 up to thirty times as late, 2 beyond."""
    if source.seconds is None or arrival.seconds is None or window.claim:
        return 0
    took = arrival.seconds - source.seconds
    if took <= window.usual:
        return 0
    return 1 if took <= 30 * window.usual else 2


def _key(leg: BridgeLeg) -> str | None:
    if leg.join_key is not None:
        return leg.join_key
    if leg.arrives_in is not None:
        return f"tx:{leg.other_chain}/{leg.arrives_in}"
    return f"tx:{leg.chain}/{leg.tx}" if leg.side is Side.DESTINATION else None


def _as_promised(source: BridgeLeg, arrival: BridgeLeg) -> bool:
    if source.expected_amount is None:
        return False
    return source.expected_amount in {arrival.expected_amount, arrival.amount}


def _may_change(source: BridgeLeg, arrival: BridgeLeg) -> bool:
    return Mechanism.SWAP in {source.mechanism, arrival.mechanism}


def _one_to_one(source: BridgeLeg) -> bool:
    return source.mechanism in {Mechanism.CANONICAL, Mechanism.BURN_MINT}
