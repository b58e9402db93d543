"""Transfers of the portfolio's wallets."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Reader, ThisInstance
from api.schemas.base import FreshList, fresh
from api.schemas.transfers import TransferOut, TransferQuery
from api.tagged import TaggedRoute
from indexer.flows.transfers import list_transfers

router = APIRouter(prefix="/v1/transfers", tags=["ledger"], route_class=TaggedRoute)


@router.get("")
async def transfers(
    instance: ThisInstance, caller: Reader, query: Annotated[TransferQuery, Query()]
) -> FreshList[TransferOut]:
    """Transfers that touch a wallet on a chain it is watched on, oldest first."""
    page = await list_transfers(
        instance.services,
        caller.portfolio,
        wallet=query.wallet,
        chain=query.chain,
        asset=query.asset,
        kind=query.kind,
        tx=query.tx,
        include_spam=query.include_spam,
        cursor=query.cursor,
        limit=query.limit,
    )
    return FreshList[TransferOut](
        data=[TransferOut.of(row) for row in page.items],
        next_cursor=page.next_cursor,
        **fresh(page.freshness),
    )
