"""Everything you ever said, and taking it back."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, status

from api.deps import Id, Reader, ThisInstance, Writer, no_parameters
from api.routes.movements import said_by
from api.schemas.base import Listed
from api.schemas.movements import JudgmentOut, NewAllocation, NewUndo
from api.tagged import TaggedRoute
from indexer.flows import judge

router = APIRouter(
    prefix="/v1/decisions", tags=["taxes"], route_class=TaggedRoute, dependencies=[Depends(no_parameters)]
)


@router.get("")
async def decisions(instance: ThisInstance, caller: Reader) -> Listed[JudgmentOut]:
    """Every decision, undone ones and the undoing too, oldest first; all of them on one page."""
    found = await judge.decisions(instance.services, caller.portfolio)
    return Listed[JudgmentOut](data=[JudgmentOut.of(one) for one in found], next_cursor=None)


@router.post("/allocation", status_code=status.HTTP_201_CREATED)
async def allocate(body: NewAllocation, instance: ThisInstance, caller: Writer) -> JudgmentOut:
    """Allocate unused basis to wallets where one pool becomes one a wallet (US: Rev. Proc. 2024-28)."""
    allocation = body.model_dump(exclude={"why"}, exclude_none=True)
    decision = await judge.allocate(
        instance.services, caller.portfolio, allocation, said_by(caller, body.why)
    )
    instance.wake()
    return JudgmentOut.of(decision)


@router.post("/{decision_id}/undo", status_code=status.HTTP_201_CREATED)
async def undo_judgment(
    decision_id: Id,
    instance: ThisInstance,
    caller: Writer,
    body: Annotated[NewUndo | None, Body()] = None,
) -> JudgmentOut:
    """Take a decision back; what it replaced holds again."""
    why = body.why if body is not None else ""
    decision = await judge.undo(instance.services, caller.portfolio, decision_id, said_by(caller, why))
    instance.wake()
    return JudgmentOut.of(decision)
