"""Whether the process lives, and whether the instance can answer. No key is needed."""

from importlib.metadata import version

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.deps import MaybeCaller, ThisInstance, no_parameters
from api.problems import PROBLEM_CONTENT, not_ready
from api.schemas.health import HealthOut, ReadyOut
from indexer.flows.health import ready

router = APIRouter(tags=["health"], dependencies=[Depends(no_parameters)])

VERSION = version("gleaner-ledger")


@router.get("/health")
async def health() -> HealthOut:
    """The process answers; nothing else is looked at, so that a slow database does not restart it."""
    return HealthOut(status="ok", version=VERSION)


@router.get(
    "/ready",
    response_model=ReadyOut,
    responses={
        503: {"description": "It cannot answer now; the member `checks` says why.", **PROBLEM_CONTENT}
    },
)
async def readiness(instance: ThisInstance, caller: MaybeCaller) -> ReadyOut | Response:
    """Look at the database and at what the chains last said."""
    answer = ReadyOut.of(await ready(instance.services), told=caller is not None)
    return answer if answer.ok else not_ready([check.model_dump() for check in answer.checks])
