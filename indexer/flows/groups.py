"""Tax wallets: addresses whose lots are kept together. By default each address is one, on all its chains."""

import re
from dataclasses import replace

from indexer.flows.services import Services
from indexer.flows.status import statuses
from indexer.flows.views import WalletStatus
from indexer.model.errors import InputError, NotFoundError

_ADDRESS_LIKE = re.compile(r"0x[0-9a-fA-F]{40}")


async def change_wallet(
    services: Services, portfolio: str, wallet_id: str, *, label: str | None = None, group: str | None = None
) -> WalletStatus:
    """Rename a wallet, or put it into a tax wallet; an empty `group` takes it out again. None leaves a field alone.

    Raises:
        NotFoundError: there is no such wallet in this portfolio.
        InputError: the group is named as another address.
    """
    async with services.ledger.write() as work:
        wallet = await work.wallets.get(portfolio, wallet_id)
        if wallet is None:
            raise NotFoundError(f"there is no wallet {wallet_id}: GET /v1/wallets lists the ids")
        if group is not None:
            group = group.strip()
            if _ADDRESS_LIKE.fullmatch(group) and group.lower() != wallet.address:
                raise InputError(
                    "a tax wallet is named by you, not by an address: give both addresses one name, such as `home`"
                )
            named = "" if group.lower() == wallet.address else group
            wallet = replace(wallet, group=named or wallet.address)
        if label is not None:
            wallet = replace(wallet, label=label)
        await work.wallets.save(wallet)
        (status,) = await statuses(work, [wallet])
    return status
