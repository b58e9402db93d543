"""Small ledgers to test on: a portfolio, its wallets, claimed targets, transfers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from indexer.model.asset import Asset
from indexer.model.facts import BlockRef, FactPage, Transfer, TransferKind
from indexer.model.ledger import UnitOfWork
from indexer.model.stored import SyncTarget, TargetKey, TransferFilter, TransferRow, Wallet
from indexer.store.ledger import SqlLedger

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(minutes=2)
CHAIN = "eip155:1"
ETHER = f"{CHAIN}/slip44:60"
ALICE, BOB, CAROL, STRANGER = (f"0x{letter * 40}" for letter in "abce")


def block(number: int, fork: str = "") -> BlockRef:
    return BlockRef(
        number, f"0x{fork}{number:060x}", datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=12 * number)
    )


def transfer(
    number: int = 1,
    *,
    tx: str | None = None,
    position: str = "native",
    sender: str = STRANGER,
    recipient: str = ALICE,
    amount: int = 10**18,
    asset: str = ETHER,
    kind: TransferKind = TransferKind.NATIVE,
    chain: str = CHAIN,
    fork: str = "",
    l1_fee: int | None = None,
    execution_fee: int | None = None,
) -> Transfer:
    return Transfer(
        chain=chain,
        tx=tx or f"0x{number:064x}",
        position=position,
        block=block(number, fork),
        sender=sender,
        recipient=recipient,
        asset=asset,
        amount=amount,
        kind=kind,
        execution_fee=execution_fee,
        l1_fee=l1_fee,
    )


def page(
    transfers: Iterable[Transfer] = (),
    *,
    address: str = ALICE,
    chain: str = CHAIN,
    source: str = "node",
    cursor: dict[str, object] | None = None,
    covered_to: int = 100,
    **more: Any,
) -> FactPage:
    return FactPage(
        chain=chain,
        address=address,
        source=source,
        transfers=tuple(transfers),
        cursor=cursor or {"next": covered_to + 1},
        covered_to=covered_to,
        **more,
    )


@dataclass(slots=True)
class World:
    """A ledger with what a collector does to it, one step a call."""

    ledger: SqlLedger
    now: datetime = NOW
    claims: dict[TargetKey, SyncTarget] = field(default_factory=dict)

    async def watch(
        self, address: str = ALICE, *chains: str, portfolio: str = "default", wallet_id: str | None = None
    ) -> Wallet:
        wallet = Wallet(
            id=wallet_id or f"w_{address}",
            portfolio=portfolio,
            address=address,
            chains=chains or (CHAIN,),
            label="",
            group=address,
            created_at=self.now,
        )
        async with self.ledger.write() as work:
            await work.tenants.ensure_portfolio(portfolio, self.now)
            await work.wallets.save(wallet)
            await work.targets.ensure(
                [TargetKey(address, chain, "node") for chain in wallet.chains], self.now
            )
        return wallet

    async def claim(self, address: str = ALICE, chain: str = CHAIN, source: str = "node") -> SyncTarget:
        key = TargetKey(address, chain, source)
        async with self.ledger.write() as work:
            await work.targets.ensure([key], self.now)
            target = await work.targets.claim(key, self.now, self.now + LEASE)
        assert target is not None
        self.claims[key] = target
        return target

    async def collect(self, given: FactPage) -> int:
        """Apply a page under a claim of its target, claiming it at first."""
        key = TargetKey(given.address, given.chain, given.source)
        target = self.claims.get(key) or await self.claim(*(key.address, key.chain, key.source))
        async with self.ledger.write() as work:
            return await work.facts.apply(given, target.epoch)

    async def target(self, address: str = ALICE, chain: str = CHAIN, source: str = "node") -> SyncTarget:
        async with self.ledger.read() as work:
            (found,) = [
                target
                for target in await work.targets.of([address])
                if target.key == TargetKey(address, chain, source)
            ]
        return found

    async def transfers(self, portfolio: str = "default") -> list[Transfer]:
        async with self.ledger.read() as work:
            return [transfer async for transfer in work.facts.stream(portfolio)]

    async def listed(
        self, portfolio: str = "default", where: TransferFilter | None = None, limit: int = 100
    ) -> list[TransferRow]:
        """All pages of the list, read one after another."""
        async with self.ledger.read() as work:
            return await all_pages(work, portfolio, where or TransferFilter(), limit)


async def all_pages(work: UnitOfWork, portfolio: str, where: TransferFilter, limit: int) -> list[TransferRow]:
    rows: list[TransferRow] = []
    cursor: str | None = None
    while True:
        found = await work.facts.transfers(portfolio, where, cursor, limit)
        assert len(found.items) <= limit
        rows.extend(found.items)
        if found.next_cursor is None:
            return rows
        assert len(found.items) == limit
        cursor = found.next_cursor


ETHER_ASSET = Asset(
    id=ETHER, symbol="ETH", decimals=18, name="Ether", group="ETH", price_id="coingecko:ethereum"
)
