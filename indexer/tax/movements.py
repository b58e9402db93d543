"""Movements from facts: every transaction becomes one dated event, or several when it did several things.

A guess is never taxed in silence: a send to a stranger is `send` (unreviewed), a receipt from one is `receive`
(basis unknown). Judgments change what a movement is; they refer to it by id, `<chain>:<tx>` with `#n` behind it for
the n-th further movement of one transaction.

Order: by block time, then block number, then the lowest log index of the transaction's transfers (transactions
without logs first), then chain and transaction hash. Facts hold no transaction index, so that this is the finest
order there is; it is total and does not depend on the order of the input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from indexer.model.asset import Asset, AssetKind
from indexer.model.errors import InputError
from indexer.model.facts import REBASE, Transfer
from indexer.model.judgment import Judgment, JudgmentKind
from indexer.model.links import BridgeLeg, CrossChainLink, LinkState, Treatment
from indexer.model.money import fiat_from_decimal
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.tax.netting import Net, Netter, Ownership, pool_quantity

__all__ = ["Ownership", "classify"]

_NO_LOG = -1

LIKELY = 0.75
"""Confidence from which a proposed move that is not taxable is booked as one. Below it the halves wait as a send and
a receipt: a receipt from a stranger must not inherit a cost because its amount fits."""


@dataclass(slots=True)
class Halves:
    """Bridge halves by transaction: (link, leg) that left it and that arrived in it."""

    out: dict[tuple[str, str], list[tuple[CrossChainLink, BridgeLeg]]]
    into: dict[tuple[str, str], list[tuple[CrossChainLink, BridgeLeg]]]


def classify(
    transfers: Sequence[Transfer],
    own: Ownership,
    assets: Mapping[str, Asset],
    links: Sequence[CrossChainLink],
    judgments: Sequence[Judgment],
) -> list[Movement]:
    """Net every transaction and say what it was, in order of time.

    `transfers` are all facts of the portfolio's addresses on all chains.

    Raises:
        InputError: a judgment about a movement cannot be read; the text names it.
    """
    decided = _standing(judgments)
    spam = {
        judgment.subject: bool(judgment.payload.get("spam"))
        for judgment in decided
        if judgment.kind is JudgmentKind.SPAM
    }
    netter = Netter(own, assets, spam)
    halves = _halves(links)
    by_transaction: dict[tuple[str, str], list[Transfer]] = {}
    for transfer in transfers:
        by_transaction.setdefault((transfer.chain, transfer.tx), []).append(transfer)
    movements = [
        movement
        for key, content in by_transaction.items()
        for movement in _movements(key, content, netter, halves, assets)
    ]
    movements = _judged(movements, decided)
    movements.sort(key=lambda movement: (movement.time, movement.order, movement.id))
    return movements


def _standing(judgments: Sequence[Judgment]) -> list[Judgment]:
    """Judgments that are not undone, oldest first."""
    ordered = sorted(judgments, key=lambda judgment: (judgment.when, judgment.id))
    undone: set[str] = set()
    for judgment in reversed(ordered):
        if judgment.kind is JudgmentKind.UNDO and judgment.id not in undone:
            undone.add(judgment.subject)
    return [
        judgment
        for judgment in ordered
        if judgment.id not in undone and judgment.kind is not JudgmentKind.UNDO
    ]


def _halves(links: Sequence[CrossChainLink]) -> Halves:
    """Links that hold, by the transactions of their halves."""
    found = Halves({}, {})
    for link in sorted(links, key=lambda link: link.id):
        if not _holds(link):
            continue
        if link.source is not None:
            found.out.setdefault((link.source.chain, link.source.tx), []).append((link, link.source))
        # one departure may be filled in parts: each further arrival belongs to the same link
        for half in (link.destination, *link.further):
            if half is not None:
                found.into.setdefault((half.chain, half.tx), []).append((link, half))
    return found


def _holds(link: CrossChainLink) -> bool:
    """Whether a link says what its halves are.

    Confirmed ones do, and likely ones that are not taxable. A half alone is under way, or came from nobody knows
    where; as taxable it counts when the owner said so, never by default.
    """
    if link.state is LinkState.REJECTED:
        return False
    if link.source is None or link.destination is None:
        return link.treatment is not Treatment.TAXABLE or (
            link.state is LinkState.CONFIRMED and link.decision is not None
        )
    if link.state is LinkState.CONFIRMED:
        return True
    return link.treatment is Treatment.NOT_TAXABLE and link.confidence >= LIKELY


def _movements(
    key: tuple[str, str],
    content: Sequence[Transfer],
    netter: Netter,
    halves: Halves,
    assets: Mapping[str, Asset],
) -> list[Movement]:
    chain, tx = key
    block = min((transfer.block for transfer in content), key=lambda block: (block.number, block.hash))
    net = netter.net(content)
    order = (block.number, min(_log_index(transfer) for transfer in content))
    base = Movement(
        id=f"{chain}:{tx}",
        time=block.time.astimezone(UTC),
        order=(*order, 0),
        kind=MovementKind.FEE,
        counterparty=min(net.strangers) if len(net.strangers) == 1 else None,
    )
    parts = [
        *_self_moves(net, base),
        *_bridges(net, base, halves.out.get(key, ()), assets, leaving=True),
        *_bridges(net, base, halves.into.get(key, ()), assets, leaving=False),
        *_rest(net, base, assets, accrued=tx.startswith(REBASE)),
    ]
    if net.fee:
        main = next(iter(parts), None)
        parts = (
            [replace(main, fee=(*net.fee, *main.fee)), *parts[1:]]
            if main
            else [replace(base, fee=tuple(net.fee))]
        )
    if net.spam_out or net.spam_into:
        spam = replace(base, kind=MovementKind.SPAM, out=tuple(net.spam_out), into=tuple(net.spam_into))
        parts.append(spam)
    return [
        replace(part, id=part.id if number == 0 else f"{part.id}#{number}", order=(*order, number))
        for number, part in enumerate(parts)
    ]


def _log_index(transfer: Transfer) -> int:
    name, _, rest = transfer.position.partition(":")
    index = rest.partition(":")[0]
    return int(index) if name == "log" and index.isdigit() else _NO_LOG


def _self_moves(net: Net, base: Movement) -> list[Movement]:
    if not net.moved:
        return []
    out, into = tuple(pair[0] for pair in net.moved), tuple(pair[1] for pair in net.moved)
    return [replace(base, kind=MovementKind.SELF, out=out, into=into, counterparty=None)]


def _bridges(
    net: Net,
    base: Movement,
    halves: Sequence[tuple[CrossChainLink, BridgeLeg]],
    assets: Mapping[str, Asset],
    *,
    leaving: bool,
) -> list[Movement]:
    """Carve bridge halves out of a transaction; what else left with them paid for the crossing."""
    made: list[Movement] = []
    legs = net.out if leaving else net.into
    for link, half in halves:
        carved = _carve(legs, half, assets)
        if carved is None:
            continue
        kind = MovementKind.BRIDGE_OUT if leaving else MovementKind.BRIDGE_IN
        if link.treatment is Treatment.TAXABLE:  # at market value, on either side
            kind = MovementKind.SELL if leaving else MovementKind.BUY
        out, into = ((carved,), ()) if leaving else ((), (carved,))
        made.append(replace(base, kind=kind, out=out, into=into, link=link.id))
    if made and leaving and not net.into:
        made[0] = replace(made[0], fee=tuple(net.out))
        net.out.clear()
    return made


def _carve(legs: list[Leg], half: BridgeLeg, assets: Mapping[str, Asset]) -> Leg | None:
    """Take a half's units out of a transaction's legs: its own asset first, then its group."""
    wanted = pool_quantity(assets.get(half.asset), half.amount)
    same = [leg for leg in legs if leg.asset == half.asset]
    candidates = same or [leg for leg in legs if half.group is not None and leg.pool_asset == half.group]
    candidates.sort(key=lambda leg: (leg.address != half.wallet.lower(), -leg.quantity))
    if not candidates:
        return None
    leg = candidates[0]
    take = min(leg.quantity, wanted)
    place = legs.index(leg)
    if take == leg.quantity:
        legs.pop(place)
    else:
        legs[place] = replace(leg, quantity=leg.quantity - take)
    return replace(leg, quantity=take)


def _rest(net: Net, base: Movement, assets: Mapping[str, Asset], *, accrued: bool) -> list[Movement]:
    """What is left after own moves and bridges. `accrued`: the token itself gave it to everyone who holds it."""
    if not net.out and not net.into:
        return []
    out, into = tuple(net.out), tuple(net.into)
    if net.wraps and _is_wrap(out, into, assets):
        kind = MovementKind.WRAP
    elif out and into:
        kind = MovementKind.NFT if any(_is_item(leg, assets) for leg in (*out, *into)) else MovementKind.SWAP
    elif accrued and into:
        kind = MovementKind.INCOME
    else:
        kind = MovementKind.SEND if out else MovementKind.RECEIVE
    return [replace(base, kind=kind, out=out, into=into)]


def _is_wrap(out: Sequence[Leg], into: Sequence[Leg], assets: Mapping[str, Asset]) -> bool:
    """One native leg against one token leg of the same quantity."""
    if len(out) != 1 or len(into) != 1 or out[0].quantity != into[0].quantity:
        return False
    kinds = [assets[leg.asset].kind for leg in (out[0], into[0]) if leg.asset in assets]
    return kinds.count(AssetKind.NATIVE) == 1


def _is_item(leg: Leg, assets: Mapping[str, Asset]) -> bool:
    asset = assets.get(leg.asset)
    return asset is not None and asset.kind in (AssetKind.ERC721, AssetKind.ERC1155)


def _judged(movements: Sequence[Movement], decided: Sequence[Judgment]) -> list[Movement]:
    """Apply what the owner said about single movements; the latest word on a subject holds."""
    kinds: dict[str, Judgment] = {}
    bases: dict[str, Judgment] = {}
    lots: dict[str, Judgment] = {}
    tables = {
        JudgmentKind.MOVEMENT: kinds,
        JudgmentKind.BASIS: bases,
        JudgmentKind.LOT_ALLOCATION: lots,
    }
    for judgment in decided:
        table = tables.get(judgment.kind)
        if table is not None:
            table[judgment.subject] = judgment
    judged = []
    for given in movements:
        movement = given
        if movement.id in kinds:
            movement = _with_kind(movement, kinds[movement.id])
        if movement.id in bases:
            movement = _with_basis(movement, bases[movement.id])
        if movement.id in lots:
            movement = _with_lots(movement, lots[movement.id])
        judged.append(movement)
    return judged


def _with_kind(movement: Movement, judgment: Judgment) -> Movement:
    try:
        kind = MovementKind(str(judgment.payload.get("kind")))
    except ValueError as error:
        raise InputError(
            f"judgment {judgment.id}: {judgment.payload.get('kind')!r} is no kind of movement"
        ) from error
    return replace(movement, kind=kind)


def _decimal(judgment: Judgment, field: str) -> Decimal:
    try:
        return Decimal(str(judgment.payload[field]))
    except (KeyError, InvalidOperation) as error:
        raise InputError(f"judgment {judgment.id}: {field} must be a number") from error


def _with_basis(movement: Movement, judgment: Judgment) -> Movement:
    """A cost and a date for what came: `cost` in currency units for all of it, `acquired_at` an ISO instant."""
    cost = fiat_from_decimal(_decimal(judgment, "cost"))
    at = judgment.payload.get("acquired_at")
    try:
        acquired = None if at is None else datetime.fromisoformat(str(at))
    except ValueError as error:
        raise InputError(f"judgment {judgment.id}: acquired_at {at!r} is no ISO 8601 instant") from error
    if acquired is not None and acquired.tzinfo is None:
        acquired = acquired.replace(tzinfo=UTC)
    if not movement.into:
        return movement
    into = (replace(movement.into[0], value=cost), *movement.into[1:])
    return replace(movement, kind=MovementKind.GIFT_IN, into=into, acquired_at=acquired)


def _with_lots(movement: Movement, judgment: Judgment) -> Movement:
    """The lots of one sale: `lots` is a list of {lot, quantity in tokens}."""
    given = judgment.payload.get("lots")
    if not isinstance(given, list):
        return movement
    lots = []
    for part in given:
        try:
            lots.append((str(part["lot"]), int(Decimal(str(part["quantity"])).scaleb(18))))
        except (KeyError, TypeError, InvalidOperation) as error:
            raise InputError(f"judgment {judgment.id}: lots must be a list of {{lot, quantity}}") from error
    return replace(movement, lots=tuple(lots))
