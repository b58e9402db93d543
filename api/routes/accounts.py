"""Accounts that your transfers name, and your word on which of them pester you."""

from fastapi import APIRouter, Depends, status

from api.deps import ThisInstance, Writer, no_parameters
from api.routes.movements import said_by
from api.schemas.base import AccountRef
from api.schemas.movements import JudgmentOut, NewSpam
from api.tagged import TaggedRoute
from indexer.flows import judge

router = APIRouter(
    prefix="/v1/accounts", tags=["ledger"], route_class=TaggedRoute, dependencies=[Depends(no_parameters)]
)


@router.post("/{account}/spam", status_code=status.HTTP_201_CREATED)
async def mark_account(
    account: AccountRef, body: NewSpam, instance: ThisInstance, caller: Writer
) -> JudgmentOut:
    """Say that an account's transfers are spam, or that you know it: an imitation of nobody."""
    decision = await judge.mark_account(
        instance.services, caller.portfolio, account, spam=body.spam, said=said_by(caller, body.why)
    )
    instance.wake()
    return JudgmentOut.of(decision)
