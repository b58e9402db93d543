"""Wallets: register, look how far they are, stop watching."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response, status

from api.deps import Id, Reader, ThisInstance, Writer, no_parameters
from api.schemas.base import Listed
from api.schemas.wallets import NewWallet, WalletOut, WalletQuery
from api.tagged import TaggedRoute
from indexer.flows import wallets

router = APIRouter(prefix="/v1/wallets", tags=["wallets"], route_class=TaggedRoute)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    dependencies=[Depends(no_parameters)],
    responses={
        200: {"model": WalletOut, "description": "The wallet was known; the chains were added to it."}
    },
)
async def register_wallet(
    body: NewWallet, instance: ThisInstance, caller: Writer, response: Response
) -> WalletOut:
    """Watch an address on some chains; it is collected from the start of each chain."""
    wallet, created = await wallets.register_wallet(
        instance.services, caller.portfolio, body.address, tuple(body.chains), body.label
    )
    instance.wake()
    if not created:
        response.status_code = status.HTTP_200_OK
    response.headers["Location"] = f"/v1/wallets/{wallet.wallet.id}"
    return WalletOut.of(wallet)


@router.get("")
async def list_wallets(
    instance: ThisInstance, caller: Reader, query: Annotated[WalletQuery, Query()]
) -> Listed[WalletOut]:
    """Wallets in the order they were registered."""
    page = await wallets.list_wallets(instance.services, caller.portfolio, query.cursor, query.limit)
    return Listed[WalletOut](
        data=[WalletOut.of(wallet) for wallet in page.items], next_cursor=page.next_cursor
    )


@router.get("/{wallet_id}", dependencies=[Depends(no_parameters)])
async def get_wallet(wallet_id: Id, instance: ThisInstance, caller: Reader) -> WalletOut:
    """One wallet with the state of each of its chains."""
    return WalletOut.of(await wallets.wallet_status(instance.services, caller.portfolio, wallet_id))


@router.delete("/{wallet_id}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[Depends(no_parameters)])
async def remove_wallet(wallet_id: Id, instance: ThisInstance, caller: Writer) -> None:
    """Stop watching a wallet. What was collected stays in the ledger and is used again if it comes back."""
    await wallets.remove_wallet(instance.services, caller.portfolio, wallet_id)
    instance.wake()
