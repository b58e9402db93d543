"""Open lots of the portfolio."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Reader, ThisInstance
from api.schemas.base import FreshList, fresh
from api.schemas.lots import LotOut, LotQuery
from api.tagged import TaggedRoute
from indexer.flows.losses import lots as open_lots

router = APIRouter(prefix="/v1/lots", tags=["books"], route_class=TaggedRoute)


@router.get("")
async def lots(
    instance: ThisInstance, caller: Reader, query: Annotated[LotQuery, Query()]
) -> FreshList[LotOut]:
    """Open lots at today's price."""
    page = await open_lots(
        instance.services,
        caller.portfolio,
        asset=query.asset,
        wallet=query.wallet,
        cursor=query.cursor,
        limit=query.limit,
    )
    return FreshList[LotOut](
        data=[LotOut.of(lot, page.currency) for lot in page.lots],
        next_cursor=page.next_cursor,
        **fresh(page.freshness),
    )
