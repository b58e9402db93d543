"""List a portfolio's transfers."""

from dataclasses import dataclass

from indexer.flows.services import Services
from indexer.flows.status import portfolio_freshness
from indexer.flows.views import Freshness
from indexer.model.errors import NotFoundError
from indexer.model.facts import TransferKind
from indexer.model.ledger import UnitOfWork
from indexer.model.stored import TransferFilter, TransferRow


@dataclass(frozen=True, slots=True)
class TransferPage:
    """A slice of the transfers with how far the ledger is known."""

    items: tuple[TransferRow, ...]
    next_cursor: str | None
    freshness: Freshness


async def list_transfers(
    services: Services,
    portfolio: str,
    *,
    wallet: str | None = None,
    chain: str | None = None,
    asset: str | None = None,
    kind: TransferKind | None = None,
    tx: str | None = None,
    include_spam: bool = True,
    cursor: str | None = None,
    limit: int = 100,
) -> TransferPage:
    """Transfers of one wallet (by id or address) or of all, oldest first.

    Raises:
        NotFoundError: `wallet` is no wallet of this portfolio.
        InputError: the cursor is not one this list gave out.
    """
    async with services.ledger.read() as work:
        addresses = (await find_address(work, portfolio, wallet),) if wallet is not None else None
        where = TransferFilter(
            addresses=addresses, chain=chain, asset=asset, kind=kind, tx=tx, include_spam=include_spam
        )
        page = await work.facts.transfers(portfolio, where, cursor, limit)
        return TransferPage(page.items, page.next_cursor, await portfolio_freshness(work, portfolio))


async def find_address(work: UnitOfWork, portfolio: str, wallet: str) -> str:
    """The address of a wallet named by its id or address.

    Raises:
        NotFoundError: this portfolio has no such wallet.
    """
    found = await work.wallets.get(portfolio, wallet)
    if found is None:
        found = await work.wallets.by_address(portfolio, wallet.lower()) or await work.wallets.by_address(
            portfolio, wallet
        )
    if found is None:
        raise NotFoundError(f"there is no wallet {wallet}: GET /v1/wallets lists the ids and addresses")
    return found.address
