"""The owner's word about cross-chain moves: confirm, reject, pair by hand, split, whole protocols, undo.

A decision is a judgment that is appended, never edited; undoing appends another one. Nothing about the links is
edited either: they are derived anew from facts and judgments, and the portfolio's book is stale until it is too.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from indexer.bridges.decisions import (
    Ruling,
    payload_of,
    read_ruling,
    refs_of_transfers,
)
from indexer.flows.link import find_link, relink, views_of
from indexer.flows.services import Services
from indexer.flows.views import LinkView
from indexer.model.errors import ConflictError, InputError, NotFoundError
from indexer.model.facts import TransferKind
from indexer.model.judgment import FactRef, Judgment, JudgmentKind, LinkDecision, standing
from indexer.model.ledger import UnitOfWork
from indexer.model.links import BridgeLeg, CrossChainLink, LinkFilter, Side, Treatment
from indexer.model.stored import TransferFilter

MOST_AT_ONCE = 10_000
"""Links that one decision about a protocol may cover."""


@dataclass(frozen=True, slots=True)
class Word:
    """What the owner says, and who says so. `treatment` None keeps the default of the jurisdiction."""

    decision: LinkDecision
    treatment: Treatment | None = None
    who: str = "owner"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was appended, and the links that now hold the halves it is about."""

    decisions: tuple[str, ...]
    """Ids of the judgments."""
    batch: str | None
    """Joins the judgments of one decision about a protocol; `undo` takes it as well."""
    links: tuple[LinkView, ...]


async def decide(services: Services, portfolio: str, link_id: str, word: Word) -> Decided:
    """Confirm, reject or split one link.

    Raises:
        NotFoundError: there is no such link.
        InputError: the word does not fit the link.
    """
    async with services.ledger.write() as work:
        found = await find_link(work, portfolio, link_id)
        ruling = _ruling(found, word)
        await work.judgments.add(_judgment(services, portfolio, ruling, word))
    return await _answer(services, portfolio, [ruling.id], None, ruling.halves)


async def decide_protocol(services: Services, portfolio: str, protocol: str, word: Word) -> Decided:
    """Confirm or reject every open link of a protocol, in one commit.

    Each link gets a judgment of its own: what is found later is not decided by it, and is flagged as ever.

    Raises:
        InputError: the word is none for many links, or more are open than one decision may cover.
    """
    if word.decision not in {LinkDecision.CONFIRM, LinkDecision.REJECT}:
        raise InputError(f"{word.decision.value} is about one link; a protocol can be confirmed or rejected")
    batch = f"bat_{uuid.uuid4().hex}"
    made: list[Ruling] = []
    async with services.ledger.write() as work:
        where = LinkFilter(protocol=protocol, open_only=True)
        page = await work.links.list(portfolio, where, None, MOST_AT_ONCE)
        if page.next_cursor is not None:
            raise InputError(f"more than {MOST_AT_ONCE} links of {protocol} are open: decide some one by one")
        for found in page.items:
            ruling = _ruling(found, word)
            await work.judgments.add(_judgment(services, portfolio, ruling, word, batch))
            made.append(ruling)
    halves = [ref for ruling in made for ref in ruling.halves]
    return await _answer(services, portfolio, [ruling.id for ruling in made], batch, halves)


async def pair(services: Services, portfolio: str, source: str, destination: str, word: Word) -> Decided:
    """Say that two halves are one move, whatever the evidence says.

    Each is named by a link that holds it (its departure, or its arrival, is taken) or by a transfer's id
    `<chain>/<tx>/<position>`.

    Raises:
        NotFoundError: one of them is not there.
        InputError: they cannot be the two sides of one move; the text says why.
    """
    async with services.ledger.write() as work:
        left = await _half(work, portfolio, source, Side.SOURCE)
        arrived = await _half(work, portfolio, destination, Side.DESTINATION)
        if left.chain == arrived.chain and left.tx == arrived.tx:
            raise InputError("both halves are in one transaction: that is no move between chains")
        ruling = Ruling(_new_id(), LinkDecision.PAIR, word.treatment, left, arrived)
        await work.judgments.add(_judgment(services, portfolio, ruling, word))
    return await _answer(services, portfolio, [ruling.id], None, ruling.halves)


async def undo(services: Services, portfolio: str, name: str, who: str = "owner", why: str = "") -> Decided:
    """Take decisions back: those of a judgment's id, of a batch, or the one that holds for a link.

    Raises:
        NotFoundError: there is nothing of that name here.
        ConflictError: it is undone already, or nothing was decided about the link.
    """
    async with services.ledger.write() as work:
        judgments = await work.judgments.all(portfolio)
        found = await work.links.get(portfolio, name)
        if found is not None and found.decision is None:
            raise ConflictError(f"nothing was decided about {name}: there is nothing to undo")
        wanted = name if found is None else found.decision
        about = [
            one
            for one in judgments
            if one.kind is JudgmentKind.LINK and wanted in {one.id, one.payload.get("batch")}
        ]
        if not about:
            raise NotFoundError(f"there is no decision or link {name} here")
        live = {one.id for one in standing(judgments)}
        chosen = [one for one in about if one.id in live]
        if not chosen:
            raise ConflictError(f"{name} is undone already")
        halves = {ref for one in chosen for ref in read_ruling(one).halves}
        made = [
            Judgment(_new_id(), portfolio, JudgmentKind.UNDO, one.id, {}, who, services.clock.now(), why)
            for one in chosen
        ]
        for one in made:
            await work.judgments.add(one)
    return await _answer(services, portfolio, [one.id for one in made], None, halves)


async def decisions(services: Services, portfolio: str) -> tuple[Judgment, ...]:
    """Every word about links, undone ones and the undoing too, in the order they were said."""
    async with services.ledger.read() as work:
        judgments = await work.judgments.all(portfolio)
    about = {one.id for one in judgments if one.kind is JudgmentKind.LINK}
    for one in judgments:
        if one.kind is JudgmentKind.UNDO and one.subject in about:
            about.add(one.id)
    return tuple(one for one in judgments if one.id in about)


def _ruling(found: CrossChainLink, word: Word) -> Ruling:
    if word.decision is LinkDecision.PAIR:
        raise InputError("to pair by hand, name the two halves: POST /v1/links/decisions")
    if word.decision is LinkDecision.SPLIT and len(found.halves) == 1:
        raise InputError(f"{found.id} has one half only: there is nothing to split")
    if word.decision is not LinkDecision.CONFIRM and word.treatment is not None:
        raise InputError("a treatment is chosen when a move is confirmed")
    if word.treatment is Treatment.REVIEW:
        raise InputError("a confirmed move is not_taxable or taxable")
    return Ruling(
        id=_new_id(),
        decision=word.decision,
        treatment=word.treatment,
        source=None if found.source is None else _name(found.source),
        destination=None if found.destination is None else _name(found.destination),
        further=tuple(_name(leg) for leg in found.further),
    )


def _name(leg: BridgeLeg) -> FactRef:
    if leg.ref is None:
        raise InputError("this link was made by an older version and is being derived anew: try again")
    return leg.ref


async def _half(work: UnitOfWork, portfolio: str, name: str, side: Side) -> FactRef:
    """A half by the link or the transfer that names it."""
    found = await work.links.get(portfolio, name)
    if found is not None:
        leg = found.source if side is Side.SOURCE else found.destination
        if leg is None:
            what = "departure" if side is Side.SOURCE else "arrival"
            raise InputError(f"{name} holds no {what}")
        return _name(leg)
    chain, _, rest = name.partition("/")
    tx, _, position = rest.partition("/")
    if not position:
        raise NotFoundError(f"there is no link {name} here, and a transfer is named <chain>/<tx>/<position>")
    rows = await work.facts.transfers(portfolio, TransferFilter(chain=chain, tx=tx), None, 10_000)
    refs = refs_of_transfers(row.transfer for row in rows.items)
    for ref, transfer in refs.items():
        if transfer.position == position:
            if transfer.kind is TransferKind.GAS:
                raise InputError("gas is no half of a move")
            own = {wallet.address for wallet in await work.wallets.all(portfolio)}
            if (transfer.sender if side is Side.SOURCE else transfer.recipient) not in own:
                what = "leave" if side is Side.SOURCE else "arrive at"
                raise InputError(f"{name} does not {what} a wallet of yours")
            return ref
    raise NotFoundError(f"there is no transfer {name} here")


def _judgment(
    services: Services, portfolio: str, ruling: Ruling, word: Word, batch: str | None = None
) -> Judgment:
    return Judgment(
        id=ruling.id,
        portfolio=portfolio,
        kind=JudgmentKind.LINK,
        subject=">".join(ref.tx for ref in ruling.halves),
        payload=payload_of(ruling, batch),
        who=word.who,
        when=services.clock.now(),
        why=word.why,
    )


def _new_id() -> str:
    return f"jdg_{uuid.uuid4().hex}"


async def _answer(
    services: Services, portfolio: str, made: Sequence[str], batch: str | None, halves: Iterable[FactRef]
) -> Decided:
    """Derive the links at once, so that the answer shows what the decision did."""
    await relink(services, portfolio, only_newest=True)
    wanted = set(halves)
    async with services.ledger.read() as work:
        links = await work.links.all(portfolio)
        about = [found for found in links if any(leg.ref in wanted for leg in found.halves)]
        return Decided(tuple(made), batch, await views_of(work, about))
