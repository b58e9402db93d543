"""Register wallets and say how far each is known."""

from indexer.flows.services import Services
from indexer.flows.views import WalletStatus
from indexer.model.ledger import Page


async def register_wallet(
    services: Services, portfolio: str, address: str, chains: tuple[str, ...], label: str = ""
) -> tuple[WalletStatus, bool]:
    """Watch an address on some chains; registering it again adds chains. Second value: newly created.

    Raises:
        InputError: malformed address, wrong checksum, unknown or refused chain, no chain at all.
    """
    raise NotImplementedError


async def wallet_status(services: Services, portfolio: str, wallet_id: str) -> WalletStatus:
    """One wallet with the state of its chains.

    Raises:
        NotFoundError: there is no such wallet in this portfolio.
    """
    raise NotImplementedError


async def list_wallets(
    services: Services, portfolio: str, cursor: str | None, limit: int
) -> Page[WalletStatus]:
    """Wallets in the order they were registered."""
    raise NotImplementedError


async def remove_wallet(services: Services, portfolio: str, wallet_id: str) -> None:
    """Stop watching a wallet. Raises `NotFoundError`."""
    raise NotImplementedError
