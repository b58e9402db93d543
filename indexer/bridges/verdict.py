"""From a pair that was made to a link with its confidence, state, reasons and evidence."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace

from indexer.bridges.assign import MOST_RIVALS, Chosen, Edge
from indexer.bridges.pairs import PLAIN, Amount
from indexer.bridges.treatment import default_treatment
from indexer.model.links import BridgeLeg, CrossChainLink, LinkState, Mechanism, ReasonCode, Side, Tier

_BASE = {
    Tier.EXACT_ID: 0.999,
    Tier.DERIVED_ID: 0.99,
    Tier.RECIPIENT: 0.98,
    Tier.HEURISTIC: 0.93,
}
_AMOUNT = {
    Amount.EXACT: 1.0,
    Amount.USUAL_FEE: 0.97,
    Amount.WIDE_FEE: 0.8,
    Amount.UNKNOWN: 0.7,
    Amount.WRONG: 0.3,
}
_AMOUNT_BY_ID = {**dict.fromkeys(Amount, 1.0), Amount.UNKNOWN: 0.99, Amount.WRONG: 0.6}
"""A shared id outweighs an unusual fee: real fees of routers pass 5 % in 2 of 100 moves."""
_HALF_PPM = 500_000
_LATE = (1.0, 0.93, 0.8)
_LATE_PLAIN = (1.0, 0.5, 0.3)
_RIVALS = (1.0, 0.98, 0.955, 0.91, 0.87, 0.83)
"""By how many other halves fit as well. Measured on the invented world of `bench/linking.py`."""
_AUTOMATIC_FROM = 0.95


@dataclass(frozen=True, slots=True)
class Judge:
    """What verdicts depend on besides the halves."""

    own: Collection[str]
    """Own addresses; empty when nobody said, then sender and recipient are compared."""
    jurisdiction: str

    def link(self, source: BridgeLeg, arrival: BridgeLeg, tier: Tier, chosen: Chosen) -> CrossChainLink:
        """A link between two halves."""
        edge = chosen.edge
        confidence = self._confidence(source, arrival, tier, chosen)
        automatic = (
            chosen.unique
            and confidence >= _AUTOMATIC_FROM
            and edge.tokens is not False
            and tier is not Tier.HEURISTIC
            and (tier is Tier.EXACT_ID or PLAIN not in {source.protocol, arrival.protocol})
        )
        reasons = self.reasons(source, arrival)
        return CrossChainLink(
            id=link_id(source, arrival),
            source=source,
            destination=arrival,
            protocol=source.protocol if source.protocol != PLAIN else arrival.protocol,
            tier=tier,
            confidence=confidence,
            state=LinkState.CONFIRMED if automatic else LinkState.PROPOSED,
            reasons=reasons,
            treatment=default_treatment(reasons, self.jurisdiction),
            evidence=_evidence(source, arrival, tier, chosen),
            fee=_fee(source, arrival),
            candidates=chosen.source_rivals + chosen.arrival_rivals,
        )

    def refund(self, source: BridgeLeg, refund: BridgeLeg) -> CrossChainLink:
        """A deposit that came back: nothing crossed, nothing is open."""
        by_id = source.join_key is not None and source.join_key == refund.join_key
        return CrossChainLink(
            id=link_id(source, refund),
            source=source,
            destination=refund,
            protocol=source.protocol,
            tier=Tier.EXACT_ID if by_id else Tier.RECIPIENT,
            confidence=0.999 if by_id else 0.97,
            state=LinkState.CONFIRMED if by_id else LinkState.PROPOSED,
            reasons=(ReasonCode.REFUND,),
            treatment=default_treatment((ReasonCode.REFUND,), self.jurisdiction),
            evidence=(
                f"{source.event} in {source.tx} on {source.chain}.",
                f"{refund.event} in {refund.tx} paid it back on the same chain.",
            ),
            fee=_fee(source, refund),
        )

    def open(self, leg: BridgeLeg, note: str) -> CrossChainLink:
        """A half without its other side, flagged so that the owner sees it."""
        source = leg.side is Side.SOURCE
        reasons = [ReasonCode.UNMATCHED_SOURCE if source else ReasonCode.UNMATCHED_DESTINATION]
        if source and leg.recipient is not None and self._third_party(leg, leg.recipient):
            reasons.insert(0, ReasonCode.THIRD_PARTY_RECIPIENT)
        return CrossChainLink(
            id=link_id(leg, None) if source else link_id(None, leg),
            source=leg if source else None,
            destination=None if source else leg,
            protocol=leg.protocol,
            tier=Tier.EXACT_ID if leg.join_key is not None else Tier.HEURISTIC,
            confidence=0.0,
            state=LinkState.PROPOSED,
            reasons=tuple(reasons),
            treatment=default_treatment(reasons, self.jurisdiction),
            evidence=(f"{leg.event or leg.protocol} in {leg.tx} on {leg.chain}.", note),
        )

    def reasons(self, source: BridgeLeg, arrival: BridgeLeg) -> tuple[ReasonCode, ...]:
        """What the move is: how the asset changed first, then to whom and at what cost."""
        found = [_kind(source, arrival)]
        if self._third_party(source, arrival.wallet):
            found.append(ReasonCode.THIRD_PARTY_RECIPIENT)
        fee = _fee(source, arrival)
        if fee is not None and fee > 0:
            found.append(ReasonCode.FEE_LOST)
        return tuple(found)

    def _third_party(self, source: BridgeLeg, recipient: str) -> bool:
        if self.own:
            return recipient not in self.own
        return recipient not in {source.wallet, source.tx_sender}

    def _confidence(self, source: BridgeLeg, arrival: BridgeLeg, tier: Tier, chosen: Chosen) -> float:
        edge = chosen.edge
        value = _BASE[tier] * (_AMOUNT_BY_ID if tier is Tier.EXACT_ID else _AMOUNT)[edge.amount]
        if tier is not Tier.EXACT_ID:
            # an id is not made less sure by time and look-alikes; a guess is
            rivals = max(len(chosen.source_rivals), len(chosen.arrival_rivals))
            value *= _RIVALS[min(rivals, len(_RIVALS) - 1)]
            value *= 1.0 if edge.tokens else 0.98
            plain = PLAIN in {source.protocol, arrival.protocol}
            value *= (_LATE_PLAIN if plain else _LATE)[edge.late]
            value *= 1.0 if edge.same_protocol else 0.98 if edge.decoded else 0.9
            if plain and source.join_key is not None:
                value *= 0.6  # a bridge that writes ids would have written one on the arrival
        if edge.tokens is False or edge.fee_ppm > _HALF_PPM:
            value *= 0.5
        return round(min(value, 0.999), 4)


def link_id(source: BridgeLeg | None, arrival: BridgeLeg | None) -> str:
    """Stable across re-indexing and reorgs: a hash of the halves' ids, which name transactions and counts."""
    text = f"{source.id if source else ''}>{arrival.id if arrival else ''}"
    return "lnk_" + hashlib.sha256(text.encode()).hexdigest()[:24]


def with_further(link: CrossChainLink, further: tuple[BridgeLeg, ...]) -> CrossChainLink:
    """The same departure with more than one arrival: the fee is what none of them paid out."""
    if not further:
        return link
    fee = None if link.fee is None else link.fee - sum(leg.amount for leg in further)
    reasons = tuple(code for code in link.reasons if code is not ReasonCode.FEE_LOST)
    return replace(
        link,
        further=further,
        fee=fee,
        reasons=(*reasons, ReasonCode.FEE_LOST) if fee else reasons,
        evidence=(*link.evidence, *(f"Also paid out by {leg.event} in {leg.tx}." for leg in further)),
    )


def _kind(source: BridgeLeg, arrival: BridgeLeg) -> ReasonCode:
    mechanism = source.mechanism or arrival.mechanism
    same_group = source.group is not None and source.group == arrival.group
    if mechanism is Mechanism.SWAP and not same_group:
        return ReasonCode.DIFFERENT_ASSET
    if source.group is not None and arrival.group is not None and not same_group:
        bound = mechanism in {Mechanism.CANONICAL, Mechanism.WRAPPED}
        return ReasonCode.WRAPPED_REPRESENTATION if bound else ReasonCode.DIFFERENT_ASSET
    if mechanism is Mechanism.CANONICAL:
        return ReasonCode.SAME_ASSET_CANONICAL
    if mechanism is Mechanism.BURN_MINT:
        return ReasonCode.SAME_ISSUER_BURN_MINT
    if mechanism is Mechanism.WRAPPED:
        return ReasonCode.WRAPPED_REPRESENTATION
    return ReasonCode.LIQUIDITY_SAME_SYMBOL


def _fee(source: BridgeLeg, arrival: BridgeLeg) -> int | None:
    """Base units kept on the way; None where the scales differ or the assets do not belong together."""
    if source.decimals is not None and arrival.decimals is not None and source.decimals != arrival.decimals:
        return None
    if source.group != arrival.group:
        return None
    if source.mechanism is Mechanism.SWAP and source.group is None:
        return None
    return source.amount - arrival.amount if source.amount >= arrival.amount else None


def _evidence(source: BridgeLeg, arrival: BridgeLeg, tier: Tier, chosen: Chosen) -> tuple[str, ...]:
    edge: Edge = chosen.edge
    lines = [
        f"{source.event or source.protocol} in {source.tx} on {source.chain}.",
        f"{arrival.event or arrival.protocol} in {arrival.tx} on {arrival.chain}.",
    ]
    if tier in {Tier.EXACT_ID, Tier.DERIVED_ID}:
        shared = source.join_key or f"of the arrival's transaction {source.arrives_in}"
        lines.append(f"Both carry the id {shared}.")
    elif edge.decoded:
        lines.append(f"The departure names {arrival.wallet} on {arrival.chain} as the recipient.")
    if edge.late:
        lines.append("It took longer than this bridge usually does.")
    if not chosen.unique:
        rivals = len(chosen.source_rivals) + len(chosen.arrival_rivals)
        least = "or more " if MOST_RIVALS in {len(chosen.source_rivals), len(chosen.arrival_rivals)} else ""
        lines.append(f"{rivals} {least}other halves would fit as well.")
    return tuple(lines)
