"""What the owner decided about cross-chain moves, applied to what the linker finds. Pure.

A decision names its halves by what a re-index and a reorg keep (`FactRef`), so that it finds them again. The latest
word about a half holds: a later decision takes the place of every earlier one that it shares a half with, as a whole.
While one of its halves is missing (its block was reorganised away) a decision sleeps and the other half is linked
by its evidence; when the half comes back, so does the decision.

A word about an open half alone is weaker: `reject` keeps the half out of linking, `confirm` holds for as long as no
other side is found, since a move with an arrival is another question than one without.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.bridges.link import LinkSettings, link
from indexer.bridges.pairs import PLAIN
from indexer.bridges.treatment import default_treatment
from indexer.bridges.verdict import Judge, link_id, with_further
from indexer.model.errors import InputError
from indexer.model.facts import Transfer
from indexer.model.judgment import FactRef, Judgment, JudgmentKind, LinkDecision, standing
from indexer.model.links import BridgeLeg, CrossChainLink, LinkState, Side, Tier, Treatment

_SIDES = frozenset(side.value for side in Side)
"""Kinds of the names of halves; a transfer that a decision made a half keeps its own kind."""

_STATE = {
    LinkDecision.CONFIRM: LinkState.CONFIRMED,
    LinkDecision.PAIR: LinkState.CONFIRMED,
    LinkDecision.REJECT: LinkState.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """A judgment about a cross-chain move, read. `further` are more arrivals of the same departure."""

    id: str
    decision: LinkDecision
    treatment: Treatment | None
    source: FactRef | None
    destination: FactRef | None
    further: tuple[FactRef, ...] = ()

    @property
    def halves(self) -> tuple[FactRef, ...]:
        """Every half it is about, the departure first."""
        return tuple(ref for ref in (self.source, self.destination, *self.further) if ref is not None)


def rulings(judgments: Sequence[Judgment]) -> list[Ruling]:
    """The decisions about links that are not undone, oldest first.

    Raises:
        InputError: a judgment cannot be read; the text names it.
    """
    return [read_ruling(one) for one in standing(judgments) if one.kind is JudgmentKind.LINK]


def read_ruling(judgment: Judgment) -> Ruling:
    """Read a judgment about a link.

    Raises:
        InputError: it is not one of this version's.
    """
    payload = judgment.payload
    try:
        treatment = payload.get("treatment")
        ruling = Ruling(
            id=judgment.id,
            decision=LinkDecision(str(payload["decision"])),
            treatment=None if treatment is None else Treatment(str(treatment)),
            source=_read_ref(payload.get("source")),
            destination=_read_ref(payload.get("destination")),
            further=_read_refs(payload.get("further")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"judgment {judgment.id} about a link cannot be read: {error}") from error
    least = 2 if ruling.decision in {LinkDecision.PAIR, LinkDecision.SPLIT} else 1
    if len(ruling.halves) < least:
        raise InputError(f"judgment {judgment.id} about a link names too few halves")
    return ruling


def payload_of(ruling: Ruling, batch: str | None = None) -> dict[str, object]:
    """The judgment's payload that `read_ruling` reads back. `batch` joins decisions that were made in one go."""
    return {
        "decision": ruling.decision.value,
        "treatment": None if ruling.treatment is None else ruling.treatment.value,
        "source": _document(ruling.source),
        "destination": _document(ruling.destination),
        "further": [_document(ref) for ref in ruling.further],
        "batch": batch,
    }


def _document(ref: FactRef | None) -> dict[str, object] | None:
    if ref is None:
        return None
    return {
        "chain": ref.chain,
        "tx": ref.tx,
        "kind": ref.kind,
        "from": ref.sender,
        "to": ref.recipient,
        "asset": ref.asset,
        "amount": str(ref.amount),
        "ordinal": ref.ordinal,
    }


def _read_refs(documents: object) -> tuple[FactRef, ...]:
    if not isinstance(documents, list):
        raise TypeError("further is no list")
    return tuple(ref for ref in map(_read_ref, documents) if ref is not None)


def _read_ref(document: object) -> FactRef | None:
    if document is None:
        return None
    if not isinstance(document, dict):
        raise TypeError("a half is no object")
    return FactRef(
        chain=str(document["chain"]),
        tx=str(document["tx"]),
        kind=str(document["kind"]),
        sender=str(document["from"]),
        recipient=str(document["to"]),
        asset=str(document["asset"]),
        amount=int(str(document["amount"])),
        ordinal=int(str(document["ordinal"])),
    )


def refs_of_halves(legs: Iterable[BridgeLeg]) -> dict[FactRef, BridgeLeg]:
    """Halves by name, which they also carry. They must be all of their transactions: equal ones are counted."""
    counted: dict[FactRef, int] = defaultdict(int)
    found: dict[FactRef, BridgeLeg] = {}
    for leg in sorted(legs, key=lambda leg: leg.id):
        ref = _as_half(leg, 0)
        name = replace(ref, ordinal=counted[ref])
        found[name] = replace(leg, ref=name)
        counted[ref] += 1
    return found


def refs_of_transfers(transfers: Iterable[Transfer]) -> dict[FactRef, Transfer]:
    """Transfers by name. They must be all of their transactions."""
    counted: dict[FactRef, int] = defaultdict(int)
    found: dict[FactRef, Transfer] = {}
    for one in sorted(transfers, key=lambda one: one.key):
        ref = FactRef(one.chain, one.tx, one.kind.value, one.sender, one.recipient, one.asset, one.amount)
        found[replace(ref, ordinal=counted[ref])] = one
        counted[ref] += 1
    return found


def half_of_transfer(ref: FactRef, transfer: Transfer, side: Side) -> BridgeLeg:
    """A half that no bridge's event tells, made of a plain transfer that the owner named."""
    own = transfer.sender if side is Side.SOURCE else transfer.recipient
    return BridgeLeg(
        id=f"{ref.chain}/{ref.tx}/{PLAIN}:{side.value}:{ref.kind}:{ref.sender}:{ref.recipient}:{ref.asset}:"
        f"{ref.amount}:{ref.ordinal}",
        side=side,
        protocol=PLAIN,
        chain=transfer.chain,
        tx=transfer.tx,
        time=transfer.block.time,
        asset=transfer.asset,
        amount=transfer.amount,
        wallet=own,
        event=f"{ref.kind} transfer",
        ref=ref,
    )


@dataclass(frozen=True, slots=True)
class InForce:
    """The decisions whose halves are here, and those halves by name."""

    pairs: tuple[Ruling, ...]
    """About two halves or more."""
    alone: Mapping[FactRef, Ruling]
    """About single halves."""
    halves: Mapping[FactRef, BridgeLeg]

    @property
    def taken(self) -> frozenset[FactRef]:
        """Halves that the linker is not asked about."""
        return frozenset(self._paired | self.refused)

    @property
    def refused(self) -> set[FactRef]:
        """Halves that are no part of a move, the owner says."""
        said = {ref for ref, ruling in self.alone.items() if ruling.decision is LinkDecision.REJECT}
        return said - self._paired

    @property
    def _paired(self) -> set[FactRef]:
        return {ref for ruling in self.pairs for ref in ruling.halves}


def linked(
    halves: Mapping[FactRef, BridgeLeg], decided: Sequence[Ruling], settings: LinkSettings
) -> tuple[CrossChainLink, ...]:
    """Every flag of the portfolio: what linking all halves at once finds, with the owner's decisions in force.

    `halves` are all present halves by name. Those that a decision made of plain transfers count only where it holds.
    """
    force = in_force(decided, halves)
    taken = force.taken | shadowed(force, halves)
    free = [leg for ref, leg in halves.items() if ref not in taken and ref.kind in _SIDES]
    return with_decisions(link(free, settings).flags, force, settings)


def shadowed(force: InForce, halves: Mapping[FactRef, BridgeLeg]) -> frozenset[FactRef]:
    """Halves that are the same thing as a transfer which a decision in force names: nothing moves twice."""
    found: set[FactRef] = set()
    for ref in sorted(force.halves, key=repr):
        if ref.kind in _SIDES:
            continue
        leg, ordinal = force.halves[ref], 0
        while (same := _as_half(leg, ordinal)) in halves:
            if same not in found and same not in force.halves:
                found.add(same)
                break
            ordinal += 1
    return frozenset(found)


def _as_half(leg: BridgeLeg, ordinal: int) -> FactRef:
    """The name of a half that a bridge's event, or an awaited receipt, tells."""
    sender, recipient = (leg.wallet, "") if leg.side is Side.SOURCE else ("", leg.wallet)
    return FactRef(leg.chain, leg.tx, leg.side.value, sender, recipient, leg.asset, leg.amount, ordinal)


def with_decisions(
    found: Iterable[CrossChainLink], force: InForce, settings: LinkSettings
) -> tuple[CrossChainLink, ...]:
    """The flags of the halves that no decision takes, and those of the halves that one does, in a stable order."""
    judge = Judge(settings.own, settings.jurisdiction)
    flags = list(found)
    for ruling in force.pairs:
        legs = [force.halves[ref] for ref in ruling.halves]
        if ruling.decision is LinkDecision.SPLIT:
            flags += [judge.open(leg, "You parted it from its other side.") for leg in legs]
        else:
            flags.append(_ruled(_joined(legs, ruling, settings, judge), ruling))
    flags += [judge.open(force.halves[ref], "You said that it is no bridge move.") for ref in force.refused]
    by_half = {force.halves[ref].id: ruling for ref, ruling in force.alone.items()}
    ended = [_alone(made, by_half) for made in flags]
    return tuple(sorted(ended, key=lambda made: made.id))


def in_force(decided: Sequence[Ruling], halves: Mapping[FactRef, BridgeLeg]) -> InForce:
    """Of the decisions, oldest first, those that hold and whose halves are all among `halves`."""
    pair_of: dict[FactRef, Ruling] = {}
    alone: dict[FactRef, Ruling] = {}
    for ruling in decided:
        refs = ruling.halves
        if len(refs) == 1:
            alone[refs[0]] = ruling
            continue
        for ref in refs:
            alone.pop(ref, None)
            replaced = pair_of.get(ref)
            for other in replaced.halves if replaced is not None else ():
                pair_of.pop(other, None)
        pair_of.update(dict.fromkeys(refs, ruling))
    unique = {ruling.id: ruling for ruling in pair_of.values()}
    here = tuple(ruling for ruling in unique.values() if all(ref in halves for ref in ruling.halves))
    single = {ref: ruling for ref, ruling in alone.items() if ref in halves}
    named = {*single, *(ref for ruling in here for ref in ruling.halves)}
    return InForce(here, single, {ref: halves[ref] for ref in named})


def _joined(
    legs: Sequence[BridgeLeg], ruling: Ruling, settings: LinkSettings, judge: Judge
) -> CrossChainLink:
    """The link of exactly these halves: as the linker makes it, else as the owner said."""
    if ruling.decision is not LinkDecision.PAIR:
        wanted = {leg.id for leg in legs}
        for made in link(legs, settings).flags:
            if {leg.id for leg in made.halves} == wanted:
                return made
    source, arrival, *further = legs
    reasons = judge.reasons(source, arrival)
    same = source.group == arrival.group and source.decimals == arrival.decimals
    same = same and (source.group is not None or source.asset == arrival.asset)
    return with_further(
        CrossChainLink(
            id=link_id(source, arrival),
            source=source,
            destination=arrival,
            protocol=source.protocol if source.protocol != PLAIN else arrival.protocol,
            tier=Tier.MANUAL,
            confidence=1.0,
            state=LinkState.CONFIRMED,
            reasons=reasons,
            treatment=default_treatment(reasons, settings.jurisdiction),
            evidence=(
                f"{source.event or source.protocol} in {source.tx} on {source.chain}.",
                f"{arrival.event or arrival.protocol} in {arrival.tx} on {arrival.chain}.",
                "You paired them.",
            ),
            fee=source.amount - arrival.amount if same and source.amount >= arrival.amount else None,
        ),
        tuple(further),
    )


def _ruled(made: CrossChainLink, ruling: Ruling) -> CrossChainLink:
    """The link with the owner's word on it; the default stays readable beside it."""
    return replace(
        made,
        state=_STATE[ruling.decision],
        treatment=ruling.treatment or made.treatment,
        default_treatment=made.treatment,
        decision=ruling.id,
        candidates=(),
    )


def _alone(made: CrossChainLink, by_half: Mapping[str, Ruling]) -> CrossChainLink:
    if len(made.halves) != 1:
        return made
    ruling = by_half.get(made.halves[0].id)
    return made if ruling is None else _ruled(made, ruling)
