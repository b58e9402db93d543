"""The tax profile: what the books are kept by."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.deps import Reader, ThisInstance, Writer, no_parameters
from api.schemas.profile import ProfileIn, ProfilesOut
from api.tagged import TaggedRoute
from indexer.flows import profile as flow

router = APIRouter(
    prefix="/v1/profile", tags=["taxes"], route_class=TaggedRoute, dependencies=[Depends(no_parameters)]
)


@router.get("")
async def get_profile(instance: ThisInstance, caller: Reader) -> ProfilesOut:
    """The dated tax profiles, and the one in force now."""
    return ProfilesOut.of(await flow.show_profiles(instance.services, caller.portfolio))


@router.put("")
async def set_profile(body: ProfileIn, instance: ThisInstance, caller: Writer) -> ProfilesOut:
    """Store the profile that holds from `since` on, in place of one of the same day; the books are derived anew."""
    found = await flow.set_profile(instance.services, caller.portfolio, body.profile())
    instance.wake()
    return ProfilesOut.of(found)


@router.delete("/{since}")
async def remove_profile(
    since: Annotated[date, Path(description="The day it holds from.")], instance: ThisInstance, caller: Writer
) -> ProfilesOut:
    """Forget a dated profile; the one before it holds on."""
    found = await flow.remove_profile(instance.services, caller.portfolio, since)
    instance.wake()
    return ProfilesOut.of(found)
