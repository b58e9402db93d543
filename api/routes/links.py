"""Cross-chain links of the portfolio."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Reader, ThisInstance
from api.schemas.base import FreshList, fresh
from api.schemas.links import LinkOut, LinkQuery
from api.tagged import TaggedRoute
from indexer.flows.link import list_links

router = APIRouter(prefix="/v1/links", tags=["ledger"], route_class=TaggedRoute)


@router.get("")
async def links(
    instance: ThisInstance, caller: Reader, query: Annotated[LinkQuery, Query()]
) -> FreshList[LinkOut]:
    """Moves that left one chain and arrived on another, newest departure first."""
    page = await list_links(
        instance.services, caller.portfolio, state=query.state, cursor=query.cursor, limit=query.limit
    )
    return FreshList[LinkOut](
        data=[LinkOut.of(view) for view in page.items], next_cursor=page.next_cursor, **fresh(page.freshness)
    )
