"""Tax years: realized by term, netted, limited and carried forward."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.deps import Reader, ThisInstance, no_parameters
from api.schemas.years import YearDetailOut, YearsOut
from api.tagged import TaggedRoute
from indexer.flows import year as flow

router = APIRouter(
    prefix="/v1/years", tags=["books"], route_class=TaggedRoute, dependencies=[Depends(no_parameters)]
)


@router.get("")
async def years(instance: ThisInstance, caller: Reader) -> YearsOut:
    """Every tax year with a disposal or income."""
    return YearsOut.of(await flow.years(instance.services, caller.portfolio))


@router.get("/{year}")
async def year(
    year: Annotated[int, Path(ge=2009, le=2199, description="Named as the country names it.")],
    instance: ThisInstance,
    caller: Reader,
) -> YearDetailOut:
    """One tax year, with what keeps its figures from being final."""
    return YearDetailOut.of(await flow.year(instance.services, caller.portfolio, year))
