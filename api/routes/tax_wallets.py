"""Tax wallets: which addresses share their lots."""

from fastapi import APIRouter, Depends

from api.deps import Id, ThisInstance, Writer, no_parameters
from api.schemas.profile import WalletChange
from api.schemas.wallets import WalletOut
from api.tagged import TaggedRoute
from indexer.flows.groups import change_wallet as change

router = APIRouter(
    prefix="/v1/wallets", tags=["taxes"], route_class=TaggedRoute, dependencies=[Depends(no_parameters)]
)


@router.patch("/{wallet_id}")
async def change_wallet(
    wallet_id: Id, body: WalletChange, instance: ThisInstance, caller: Writer
) -> WalletOut:
    """Rename a wallet, or put it into a tax wallet with others; the books are derived anew."""
    status = await change(instance.services, caller.portfolio, wallet_id, label=body.label, group=body.group)
    instance.wake()
    return WalletOut.of(status)
