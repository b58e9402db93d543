"""Assets that your transfers move, and your word on which are spam."""

from fastapi import APIRouter, Depends, status

from api.deps import Reader, ThisInstance, Writer, no_parameters
from api.routes.movements import said_by
from api.schemas.base import AssetRef, Listed
from api.schemas.movements import AssetOut, JudgmentOut, NewSpam
from api.tagged import TaggedRoute
from indexer.flows import judge
from indexer.flows.assets import list_assets

router = APIRouter(
    prefix="/v1/assets", tags=["ledger"], route_class=TaggedRoute, dependencies=[Depends(no_parameters)]
)


@router.get("")
async def assets(instance: ThisInstance, caller: Reader) -> Listed[AssetOut]:
    """Every asset that your transfers move, by id; all of them on one page."""
    found = await list_assets(instance.services, caller.portfolio)
    return Listed[AssetOut](data=[AssetOut.of(asset) for asset in found], next_cursor=None)


@router.post("/{asset:path}/spam", status_code=status.HTTP_201_CREATED)
async def mark_spam(asset: AssetRef, body: NewSpam, instance: ThisInstance, caller: Writer) -> JudgmentOut:
    """Overrule the verdict whether an asset is spam, for your books alone."""
    decision = await judge.mark_spam(
        instance.services, caller.portfolio, asset, spam=body.spam, said=said_by(caller, body.why)
    )
    instance.wake()
    return JudgmentOut.of(decision)
