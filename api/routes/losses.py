"""The consolidated unrealized losses of the portfolio."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Reader, ThisInstance
from api.schemas.losses import LossesOut, LossQuery
from api.tagged import TaggedRoute
from indexer.flows.losses import losses as loss_report

router = APIRouter(prefix="/v1/losses", tags=["books"], route_class=TaggedRoute)


@router.get("")
async def losses(instance: ThisInstance, caller: Reader, query: Annotated[LossQuery, Query()]) -> LossesOut:
    """Unrealized losses over every wallet and chain by asset, chain or wallet, largest first."""
    report = await loss_report(instance.services, caller.portfolio, group_by=query.group_by)
    return LossesOut.of(report, query.group_by)
