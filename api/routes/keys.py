"""API keys of the portfolio; a key of scope `admin` is needed for all of it."""

from fastapi import APIRouter, Depends, Response, status

from api.deps import Admin, Id, ThisInstance, no_parameters
from api.schemas.base import Listed
from api.schemas.keys import KeyMade, KeyOut, NewKey
from indexer.flows import keys
from indexer.model.stored import KeyScope

router = APIRouter(prefix="/v1/keys", tags=["keys"], dependencies=[Depends(no_parameters)])


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_key(body: NewKey, instance: ThisInstance, caller: Admin, response: Response) -> KeyMade:
    """Make a key. Its secret is in this answer and nowhere else."""
    key, secret = await keys.create_key(instance.services, caller.portfolio, body.name, KeyScope(body.scope))
    response.headers["Cache-Control"] = "no-store"
    return KeyMade(**KeyOut.of(key).model_dump(), secret=secret)


@router.get("")
async def list_keys(instance: ThisInstance, caller: Admin) -> Listed[KeyOut]:
    """Every key, revoked ones too, oldest first; all of them on one page."""
    listed = await keys.list_keys(instance.services, caller.portfolio)
    return Listed[KeyOut](data=[KeyOut.of(key) for key in listed], next_cursor=None)


@router.delete("/{key_id}", status_code=status.HTTP_204_NO_CONTENT)
async def revoke_key(key_id: Id, instance: ThisInstance, caller: Admin) -> None:
    """Make a key useless from now on."""
    await keys.revoke_key(instance.services, caller.portfolio, key_id)
