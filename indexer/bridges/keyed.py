"""Halves that carry one id: which of them are one move, and what the others are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from indexer.bridges.assign import Chosen, Edge
from indexer.bridges.pairs import (
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
from indexer.bridges.verdict import Judge, with_further
from indexer.model.links import CrossChainLink, Side, Tier

_DEFAULT = Window()
_MILLION = 1_000_000


@dataclass(slots=True)
class KeyedOutcome:
    """What one id settles. `notes` say of halves that carry the id and are no part of the move why not."""

    pairs: list[tuple[Chosen, tuple[str, ...]]] = field(default_factory=list)
    """A pair, and further arrivals of the same departure."""
    refund_pairs: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def settled(self) -> frozenset[str]:
        """Halves that need no other search."""
        ids = {leg_id for leg_id, _ in self.notes}
        for chosen, further in self.pairs:
            ids |= {chosen.edge.source, chosen.edge.arrival, *further}
        for pair in self.refund_pairs:
            ids |= set(pair)
        return frozenset(ids)

    def flags(self, judge: Judge, halves: Mapping[str, Half]) -> list[CrossChainLink]:
        """The links of this id, and its deposits that came back."""
        made = []
        for chosen, further in self.pairs:
            source, arrival = halves[chosen.edge.source].leg, halves[chosen.edge.arrival].leg
            tier = Tier.DERIVED_ID if source.derived or arrival.derived else Tier.EXACT_ID
            one = judge.link(source, arrival, tier, chosen)
            made.append(with_further(one, tuple(halves[leg_id].leg for leg_id in further)))
        return made + [judge.refund(halves[a].leg, halves[b].leg) for a, b in self.refund_pairs]


def window_of(source: Half, arrival: Half) -> Window:
    """The window of the bridge that either half names."""
    protocol = by_name().get(source.leg.protocol) or by_name().get(arrival.leg.protocol)
    return protocol.window(arrival.leg.chain) if protocol is not None else _DEFAULT


def settle(members: Sequence[Half]) -> KeyedOutcome:
    """Pair the halves of one id. The first arrival that passes every check is the move's; fills add up to it."""
    outcome = KeyedOutcome()
    if len(members) < 2:
        return outcome
    sources = [item for item in members if item.leg.side is Side.SOURCE]
    arrivals = [item for item in members if item.leg.side is Side.DESTINATION]
    if not sources or not arrivals:
        return outcome
    if len(sources) == len(arrivals) == 1 and not arrivals[0].leg.refund and _fits(sources[0], arrivals[0]):
        outcome.pairs.append((Chosen(_edge(sources[0], arrivals[0], arrivals[0].amount), (), ()), ()))
        return outcome
    sources.sort(key=_when)
    arrivals.sort(key=_when)
    free = [item for item in arrivals if not item.leg.refund]
    for source in sources:
        fitting = _best_first(source, [item for item in free if _fits(source, item)])
        if fitting:
            rivals = tuple(
                other.leg.id for other in sources if other is not source and _fits(other, fitting[0])
            )
            further = _fills(source, fitting) if not rivals else []
            # an id that is computed from content is shared by equal moves: others may be meant
            also = [item for item in fitting[1:] if item not in further] if source.leg.derived else []
            came = fitting[0].amount + sum(item.amount for item in further)
            edge = _edge(source, fitting[0], came)
            chosen = Chosen(edge, tuple(item.leg.id for item in also), rivals)
            outcome.pairs.append((chosen, tuple(item.leg.id for item in further)))
            free = [item for item in free if item is not fitting[0] and item not in further]
    paired = {chosen.edge.source for chosen, _ in outcome.pairs}
    _refund(outcome, [item for item in sources if item.leg.id not in paired], arrivals)
    if paired or outcome.refund_pairs:
        note = "It repeats an id that another arrival has used already: a replay, not a second arrival."
        outcome.notes += [(item.leg.id, note) for item in free]
    else:
        outcome.notes += [(item.leg.id, _collision(sources[0], item)) for item in free]
    return outcome


def _best_first(source: Half, fitting: list[Half]) -> list[Half]:
    """One number may be in use on several origin chains: the arrival whose amount agrees best, then the earliest."""
    if len(fitting) < 2:
        return fitting
    return sorted(
        fitting,
        key=lambda item: (amounts_agree(source, item, window_of(source, item), _MILLION), _when(item)),
    )


def _fits(source: Half, arrival: Half) -> bool:
    """The four checks as far as the events say: chain, recipient, amount, token; and not before it left."""
    left, came = source.leg, arrival.leg
    if not (
        chains_agree(left, came)
        and recipient_agrees(left, came)
        and in_order(source, arrival)
        and (left.protocol == came.protocol or left.arrives_in == came.tx)
    ):
        return False
    if None in {left.decimals, came.decimals} and left.asset != came.asset:
        return _scaled(source.amount, arrival.amount)
    if arrival.amount * 100 <= source.amount * 101:
        return True
    return amounts_agree(source, arrival, window_of(source, arrival), _MILLION) in {
        Amount.EXACT,
        Amount.UNKNOWN,
    }


def _scaled(left: int, came: int) -> bool:
    """Whether some power of ten between the two assets' unknown scales makes the arrival plausible."""
    if left == 0 or came == 0:
        return left == came
    while came * 100 > left * 101:
        left *= 10
    while came * 1_000 < left:
        left //= 10
    return came * 100 <= left * 101


def _fills(source: Half, fitting: Sequence[Half]) -> list[Half]:
    """Later arrivals that the deposit still covers: partial fills. Full repetitions are not."""
    taken, further = fitting[0].amount, []
    for item in fitting[1:]:
        if item.leg.asset == fitting[0].leg.asset and taken + item.amount <= source.amount:
            taken += item.amount
            further.append(item)
    return further


def _edge(source: Half, arrival: Half, came: int) -> Edge:
    """`came` is what all fills paid together."""
    window = window_of(source, arrival)
    left, amount = source.amount, amounts_agree(source, arrival, window, _MILLION)
    comparable = amount in {Amount.USUAL_FEE, Amount.WIDE_FEE}
    return Edge(
        source.leg.id,
        arrival.leg.id,
        amount,
        lateness(source, arrival, window),
        tokens_agree(source.leg, arrival.leg),
        decoded=source.leg.recipient is not None,
        same_protocol=True,
        fee_ppm=(left - came) * _MILLION // left if comparable and 0 < came <= left else 0,
    )


def _refund(outcome: KeyedOutcome, sources: Sequence[Half], arrivals: Sequence[Half]) -> None:
    refunds = [item for item in arrivals if item.leg.refund]
    for source in sources:
        back = next(
            (item for item in refunds if item.leg.chain == source.leg.chain and in_order(source, item)), None
        )
        if back is not None:
            refunds.remove(back)
            outcome.refund_pairs.append((source.leg.id, back.leg.id))


def _collision(source: Half, arrival: Half) -> str:
    if not chains_agree(source.leg, arrival.leg):
        return "It carries the id of a departure that names another chain: an id reused or forged."
    if not recipient_agrees(source.leg, arrival.leg):
        return "It carries the id of a departure that names another recipient: an id reused or forged."
    if not in_order(source, arrival):
        return "It carries the id of a departure that came later: an id reused or forged."
    return "It carries the id of a departure of another amount: an id reused or forged."


def _when(item: Half) -> tuple[float, str]:
    return (float("inf") if item.seconds is None else item.seconds, item.leg.id)
