"""Movements: what each transaction was, and your word about it."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, status

from api.deps import Caller, Reader, ThisInstance, Writer, no_parameters
from api.schemas.base import FreshList, fresh
from api.schemas.movements import (
    JudgmentOut,
    MovementDetailOut,
    MovementOut,
    MovementQuery,
    NewBasis,
    NewKind,
    NewLots,
)
from api.tagged import TaggedRoute
from indexer.flows import judge
from indexer.flows.movements import list_movements, show_movement
from indexer.model.movement import MovementKind

router = APIRouter(prefix="/v1/movements", tags=["taxes"], route_class=TaggedRoute)

MovementId = Annotated[
    str,
    Path(
        pattern=r"^[-_.:#0-9a-zA-Z]{1,200}$",
        description="As `GET /v1/movements` gives it out; a `#` in it is written `%23`.",
    ),
]
PLAIN = [Depends(no_parameters)]


@router.get("")
async def movements(
    instance: ThisInstance, caller: Reader, query: Annotated[MovementQuery, Query()]
) -> FreshList[MovementOut]:
    """What each transaction was, oldest first; an unreviewed send with what it realizes if sold, and if not."""
    page = await list_movements(
        instance.services,
        caller.portfolio,
        kind=query.kind,
        wallet=query.wallet,
        needs_review=query.needs_review,
        cursor=query.cursor,
        limit=query.limit,
    )
    return FreshList[MovementOut](
        data=[MovementOut.of(view) for view in page.items],
        next_cursor=page.next_cursor,
        **fresh(page.freshness),
    )


@router.get("/{movement_id}", dependencies=PLAIN)
async def movement(movement_id: MovementId, instance: ThisInstance, caller: Reader) -> MovementDetailOut:
    """One movement; an unreviewed send with the outcome of each decision, computed by booking it so."""
    return MovementDetailOut.detailed(await show_movement(instance.services, caller.portfolio, movement_id))


@router.post("/{movement_id}/decisions", status_code=status.HTTP_201_CREATED, dependencies=PLAIN)
async def decide_movement(
    movement_id: MovementId, body: NewKind, instance: ThisInstance, caller: Writer
) -> JudgmentOut:
    """Say what a movement was; the books are derived anew."""
    kind = MovementKind(body.kind)
    decision = await judge.reclassify(
        instance.services, caller.portfolio, movement_id, kind, said_by(caller, body.why)
    )
    instance.wake()
    return JudgmentOut.of(decision)


@router.post("/{movement_id}/basis", status_code=status.HTTP_201_CREATED, dependencies=PLAIN)
async def give_basis(
    movement_id: MovementId, body: NewBasis, instance: ThisInstance, caller: Writer
) -> JudgmentOut:
    """Say what units that came from elsewhere cost, and when they were acquired; the books are derived anew."""
    basis = judge.Basis(Decimal(body.cost), body.acquired_at)
    decision = await judge.give_basis(
        instance.services, caller.portfolio, movement_id, basis, said_by(caller, body.why)
    )
    instance.wake()
    return JudgmentOut.of(decision)


@router.post("/{movement_id}/lots", status_code=status.HTTP_201_CREATED, dependencies=PLAIN)
async def choose_lots(
    movement_id: MovementId, body: NewLots, instance: ThisInstance, caller: Writer
) -> JudgmentOut:
    """Name the lots of one sale (specific identification); the books are derived anew."""
    lots = [(named.lot, Decimal(named.quantity)) for named in body.lots]
    decision = await judge.choose_lots(
        instance.services, caller.portfolio, movement_id, lots, said_by(caller, body.why)
    )
    instance.wake()
    return JudgmentOut.of(decision)


def said_by(caller: Caller, why: str) -> judge.Said:
    """Who says it: the key, or the owner of this machine."""
    return judge.Said(caller.key_id or "owner", why)
