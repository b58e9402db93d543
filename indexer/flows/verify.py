"""Prove a wallet's ledger against the node: each asset's sum equals the balance at the same block, or a gap."""

from indexer.flows.services import Services
from indexer.model.asset import AssetKind
from indexer.model.errors import GleanerError
from indexer.model.facts import BlockRef, Gap, GapCode
from indexer.model.ports import BalanceCheck, ChainReader
from indexer.model.stored import UNCOVERING

SOURCE = "balance-check"


async def prove_balances(services: Services, reader: ChainReader, address: str) -> bool:
    """Check an address once all its sources on the chain are synced; False while one of them is not.

    The check is made at the highest block that every source covers, so that a source running ahead does not
    look like a mistake.
    """
    chain = reader.spec.id
    async with services.ledger.read() as work:
        targets = [
            target
            for target in await work.targets.of([address])
            if target.key.chain == chain and target.key.source not in UNCOVERING
        ]
        if not targets or any(target.synced_at is None for target in targets):
            return False
        number = min(target.covered_to for target in targets)
        sums = await work.facts.sums(address, chain, number)
        assets = await work.facts.assets(sums)
    native = reader.spec.native_id
    checks = [
        BalanceCheck(asset, amount)
        for asset, amount in sorted({native: 0, **sums}.items())
        if asset == native or (asset in assets and not assets[asset].spam.spam)
        if AssetKind.ERC721.value not in asset and AssetKind.ERC1155.value not in asset
    ]
    gaps = await _ask(services, reader, address, number, checks)
    async with services.ledger.write() as work:
        await work.facts.replace_gaps(address, chain, SOURCE, gaps)
    return True


async def _ask(
    services: Services, reader: ChainReader, address: str, number: int, checks: list[BalanceCheck]
) -> list[Gap]:
    try:
        block_hash = await reader.block_hash(number)
        block = BlockRef(number, block_hash or "", services.clock.now())
        return await reader.verify(address, block, checks)
    except GleanerError as error:
        return [
            Gap(
                chain=reader.spec.id,
                address=address,
                code=GapCode.BALANCE_UNVERIFIED,
                source=SOURCE,
                subject="all",
                detail=f"The balances at block {number} could not be asked: {error}",
                to_block=number,
            )
        ]
