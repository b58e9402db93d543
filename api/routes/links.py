"""Cross-chain links of the portfolio, and the owner's word about them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, status

from api.deps import Caller, Id, Reader, ThisInstance, Writer, no_parameters
from api.schemas.base import FreshList, Listed, fresh
from api.schemas.link_decisions import DecidedOut, DecisionOut, NewDecision, NewDecisions, Undoing
from api.schemas.link_detail import LinkDetailOut, LinkSummaryOut
from api.schemas.links import LinkOut, LinkQuery
from api.tagged import TaggedRoute
from indexer.flows import decide
from indexer.flows.decide import Word
from indexer.flows.link import list_links
from indexer.flows.link_detail import link_detail
from indexer.flows.link_outcome import outcomes_of
from indexer.flows.link_summary import link_summary
from indexer.model.judgment import LinkDecision
from indexer.model.links import Treatment

router = APIRouter(prefix="/v1/links", tags=["ledger"], route_class=TaggedRoute)

MOST_READINGS = 50
"""Rows of a page that shows both readings: each may cost as much as the book up to that move."""


@router.get("")
async def links(
    instance: ThisInstance, caller: Reader, query: Annotated[LinkQuery, Query()]
) -> FreshList[LinkOut]:
    """Moves that left one chain and arrived on another, newest departure first."""
    page = await list_links(
        instance.services,
        caller.portfolio,
        where=query.where(),
        wallet=query.wallet,
        cursor=query.cursor,
        limit=min(query.limit, MOST_READINGS) if query.outcomes else query.limit,
    )
    shown = [view.link for view in page.items]
    both = await outcomes_of(instance.services, caller.portfolio, shown) if query.outcomes else {}
    return FreshList[LinkOut](
        data=[LinkOut.of(view, both.get(view.link.id)) for view in page.items],
        next_cursor=page.next_cursor,
        **fresh(page.freshness),
    )


@router.get("/summary", dependencies=[Depends(no_parameters)])
async def links_summary(instance: ThisInstance, caller: Reader) -> LinkSummaryOut:
    """What waits for you, and how much is at stake."""
    return LinkSummaryOut.of(await link_summary(instance.services, caller.portfolio))


@router.get("/decisions", dependencies=[Depends(no_parameters)])
async def link_decisions(instance: ThisInstance, caller: Reader) -> Listed[DecisionOut]:
    """Everything you ever said about links, undone words too, oldest first."""
    said = await decide.decisions(instance.services, caller.portfolio)
    return Listed[DecisionOut](data=[DecisionOut.of(one) for one in said], next_cursor=None)


@router.post("/decisions", status_code=status.HTTP_201_CREATED, dependencies=[Depends(no_parameters)])
async def decide_links(body: NewDecisions, instance: ThisInstance, caller: Writer) -> DecidedOut:
    """Confirm or reject every open link of a protocol, or pair two halves by hand."""
    word = _word(caller, body.decision, body.treatment, body.why)
    if body.protocol is not None:
        made = await decide.decide_protocol(instance.services, caller.portfolio, body.protocol, word)
    else:
        made = await decide.pair(
            instance.services, caller.portfolio, body.source or "", body.destination or "", word
        )
    instance.wake()
    return DecidedOut.of(made)


@router.post(
    "/{link_id}/decisions", status_code=status.HTTP_201_CREATED, dependencies=[Depends(no_parameters)]
)
async def decide_link(link_id: Id, body: NewDecision, instance: ThisInstance, caller: Writer) -> DecidedOut:
    """Confirm, reject or split one link."""
    word = _word(caller, body.decision, body.treatment, body.why)
    made = await decide.decide(instance.services, caller.portfolio, link_id, word)
    instance.wake()
    return DecidedOut.of(made)


@router.post(
    "/decisions/{decision_id}/undo",
    status_code=status.HTTP_201_CREATED,
    dependencies=[Depends(no_parameters)],
)
async def undo_decision(
    decision_id: Id, instance: ThisInstance, caller: Writer, body: Undoing | None = None
) -> DecidedOut:
    """Take one decision back, or all of a batch."""
    return await _undo(decision_id, instance, caller, body)


@router.post("/{link_id}/undo", status_code=status.HTTP_201_CREATED, dependencies=[Depends(no_parameters)])
async def undo_link(
    link_id: Id, instance: ThisInstance, caller: Writer, body: Undoing | None = None
) -> DecidedOut:
    """Take back the decision that holds for a link."""
    return await _undo(link_id, instance, caller, body)


async def _undo(name: str, instance: ThisInstance, caller: Caller, body: Undoing | None) -> DecidedOut:
    who, why = caller.key_id or "owner", body.why if body is not None else ""
    made = await decide.undo(instance.services, caller.portfolio, name, who, why)
    instance.wake()
    return DecidedOut.of(made)


def _word(caller: Caller, decision: str, treatment: str | None, why: str) -> Word:
    chosen = None if treatment is None else Treatment(treatment)
    return Word(LinkDecision(decision), chosen, caller.key_id or "owner", why)


@router.get("/{link_id}", dependencies=[Depends(no_parameters)])
async def get_link(link_id: Id, instance: ThisInstance, caller: Reader) -> LinkDetailOut:
    """One link with its evidence, its rivals, both readings and what was decided."""
    return LinkDetailOut.of(await link_detail(instance.services, caller.portfolio, link_id))
