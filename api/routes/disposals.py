"""Disposals: what was realized, and how each figure came about."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from api.deps import Reader, ThisInstance, no_parameters
from api.schemas.base import FreshList, fresh
from api.schemas.disposals import DisposalOut, DisposalQuery, ExplainedOut
from api.tagged import TaggedRoute
from indexer.flows.disposals import explain_disposal, list_disposals

router = APIRouter(prefix="/v1/disposals", tags=["books"], route_class=TaggedRoute)

DisposalId = Annotated[
    str,
    Path(
        pattern=r"^[-_.:#+0-9a-zA-Z]{1,4000}$",
        description="As `GET /v1/disposals` gives it out; a `#` in it is written `%23`.",
    ),
]


@router.get("")
async def disposals(
    instance: ThisInstance, caller: Reader, query: Annotated[DisposalQuery, Query()]
) -> FreshList[DisposalOut]:
    """Realized gains and losses, one row for each lot that a sale took, oldest first."""
    page = await list_disposals(
        instance.services,
        caller.portfolio,
        year=query.year,
        asset=query.asset,
        term=query.term,
        cursor=query.cursor,
        limit=query.limit,
    )
    return FreshList[DisposalOut](
        data=[DisposalOut.of(view) for view in page.items],
        next_cursor=page.next_cursor,
        **fresh(page.freshness),
    )


@router.get("/{disposal_id}", dependencies=[Depends(no_parameters)])
async def explain(disposal_id: DisposalId, instance: ThisInstance, caller: Reader) -> ExplainedOut:
    """One disposal down to its transactions: the lots taken, the rule, the parts of the cost."""
    return ExplainedOut.of(await explain_disposal(instance.services, caller.portfolio, disposal_id))
