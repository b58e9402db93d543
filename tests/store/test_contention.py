"""Collectors, users and reorgs on the same few addresses at once: everybody gets through, nobody deadlocks."""

import asyncio
import random

from indexer.model.errors import FencedError, TornChainError
from indexer.model.ledger import UnitOfWork
from indexer.model.stored import TargetKey, Wallet
from tests.store.examples import CHAIN, ETHER_ASSET, LEASE, NOW, World, block, page, transfer

ADDRESSES = [f"0x{n}" for n in range(5)]
PORTFOLIOS = ("a", "b", "c")


async def test_nobody_deadlocks(world: World) -> None:
    for portfolio in PORTFOLIOS:
        for address in ADDRESSES:
            await world.watch(address, portfolio=portfolio)
    dice = random.Random(20260301)
    clock = iter(range(1, 10_000))

    async def collector() -> None:
        for _ in range(8):
            address = dice.choice(ADDRESSES)
            key = TargetKey(address, CHAIN, dice.choice(["node", "explorer"]))
            now = NOW + next(clock) * 2 * LEASE
            async with world.ledger.write() as work:
                await work.targets.ensure([key], now)
                claimed = await work.targets.claim(key, now, now + LEASE)
            if claimed is None:
                continue
            facts = [
                transfer(n, sender=address, recipient=dice.choice(ADDRESSES), position=f"log:{n % 3}")
                for n in dice.sample(range(200), 30)
            ]
            given = page(
                facts,
                address=address,
                source=key.source,
                assets=(ETHER_ASSET,),
                anchors=(block(dice.randrange(300)),),
            )
            try:
                async with world.ledger.write() as work:
                    await work.facts.apply(given, claimed.epoch)
                    await work.targets.renew(key, claimed.epoch, now + LEASE)
            except (FencedError, TornChainError):
                continue

    async def change(work: UnitOfWork, portfolio: str, address: str, *, remove: bool) -> None:
        found = await work.wallets.by_address(portfolio, address)
        if remove and found is not None:
            await work.wallets.remove(portfolio, found.id)
            await work.books.mark_stale([address])
        elif not remove:
            made = f"w{dice.random()}"
            await work.wallets.save(found or Wallet(made, portfolio, address, (CHAIN,), "", address, NOW))
            await work.targets.ensure([TargetKey(address, CHAIN, "node")], NOW)

    async def user() -> None:
        for _ in range(12):
            async with world.ledger.write() as work:
                await change(
                    work, dice.choice(PORTFOLIOS), dice.choice(ADDRESSES), remove=dice.random() < 0.3
                )

    async def reorganise() -> None:
        for _ in range(3):
            async with world.ledger.write() as work:
                await work.facts.rollback(CHAIN, dice.randrange(200))

    await asyncio.gather(*(collector() for _ in range(5)), *(user() for _ in range(4)), reorganise())
    async with world.ledger.read() as work:
        watched = {wallet.address for name in PORTFOLIOS for wallet in await work.wallets.all(name)}
        targets = {target.key.address for target in await work.targets.of(ADDRESSES)}
    assert watched <= targets  # no registration lost its target to a removal beside it
