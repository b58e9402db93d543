"""Register wallets and say how far each is known."""

import uuid

from indexer.flows.services import Services
from indexer.flows.status import statuses
from indexer.flows.views import WalletStatus
from indexer.model.errors import InputError, NotFoundError
from indexer.model.stored import DISCOVER, Page, TargetKey, Wallet


async def register_wallet(
    services: Services, portfolio: str, address: str, chains: tuple[str, ...], label: str = ""
) -> tuple[WalletStatus, bool]:
    """Watch an address on some chains; registering it again adds chains. Second value: newly created.

    Raises:
        InputError: malformed address, wrong checksum, unknown or refused chain, no chain at all.
    """
    if not chains:
        raise InputError('name at least one chain, for example "eip155:1"')
    readers = [services.readers[chain] for chain in dict.fromkeys(chains)]
    forms = {reader.normalize_address(address) for reader in readers}
    if len(forms) != 1:
        raise InputError(
            f"{address} is written differently on these chains: register it once per chain family"
        )
    canonical = forms.pop()
    keys = [TargetKey(canonical, reader.spec.id, DISCOVER) for reader in readers]
    now = services.clock.now()
    async with services.ledger.write() as work:
        await work.tenants.ensure_portfolio(portfolio, now)
        known = await work.wallets.by_address(portfolio, canonical)
        wallet = Wallet(
            id=known.id if known else f"w_{uuid.uuid4().hex}",
            portfolio=portfolio,
            address=canonical,
            chains=tuple(dict.fromkeys((*(known.chains if known else ()), *(r.spec.id for r in readers)))),
            label=label or (known.label if known else ""),
            group=known.group if known else canonical,
            created_at=known.created_at if known else now,
        )
        await work.wallets.save(wallet)
        await work.targets.ensure(keys, now)
        (status,) = await statuses(work, [wallet])
    return status, known is None


async def wallet_status(services: Services, portfolio: str, wallet_id: str) -> WalletStatus:
    """One wallet with the state of its chains.

    Raises:
        NotFoundError: there is no such wallet in this portfolio.
    """
    async with services.ledger.read() as work:
        wallet = await work.wallets.get(portfolio, wallet_id)
        if wallet is None:
            raise NotFoundError(f"there is no wallet {wallet_id}: GET /v1/wallets lists the ids")
        (status,) = await statuses(work, [wallet])
    return status


async def list_wallets(
    services: Services, portfolio: str, cursor: str | None, limit: int
) -> Page[WalletStatus]:
    """Wallets in the order they were registered."""
    async with services.ledger.read() as work:
        page = await work.wallets.list(portfolio, cursor, limit)
        return Page(tuple(await statuses(work, page.items)), page.next_cursor)


async def remove_wallet(services: Services, portfolio: str, wallet_id: str) -> None:
    """Stop watching a wallet. Its facts stay, for whoever else watches the address.

    Raises:
        NotFoundError: there is no such wallet in this portfolio.
    """
    async with services.ledger.write() as work:
        wallet = await work.wallets.get(portfolio, wallet_id)
        if wallet is None or not await work.wallets.remove(portfolio, wallet_id):
            raise NotFoundError(f"there is no wallet {wallet_id}: GET /v1/wallets lists the ids")
        await work.books.mark_stale([wallet.address])
