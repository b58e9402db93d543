"""Prove a wallet's ledger against the node: each asset's sum equals the balance at the same block, or a gap.

What tokens gave or took without a transfer (rebases) is written as facts on the way: the proof is where it shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexer.flows.services import Services
from indexer.model.asset import AssetKind
from indexer.model.errors import GleanerError
from indexer.model.facts import BlockRef, FactPage, Gap, GapCode
from indexer.model.ports import BalanceCheck, ChainReader, RebaseReader
from indexer.model.stored import PROVE, UNCOVERING, SyncTarget

SOURCE = "balance-check"
MOST_PLACED = 25
"""Differences of one wallet whose beginning is looked for; a wallet with more has another trouble."""


@dataclass(frozen=True, slots=True)
class _Proof:
    """What is compared: one address at one block. `target` is None where nobody claimed the proof."""

    reader: ChainReader
    address: str
    number: int
    target: SyncTarget | None

    @property
    def chain(self) -> str:
        return self.reader.spec.id


async def prove_balances(services: Services, reader: ChainReader, address: str) -> bool:
    """Check an address once all its sources on the chain are synced; False while one of them is not.

    The check is made at the highest block that every source covers, so that a source running ahead does not
    look like a mistake.

    Raises:
        FencedError: another worker has taken the proof over.
    """
    async with services.ledger.read() as work:
        of_chain = [t for t in await work.targets.of([address]) if t.key.chain == reader.spec.id]
    covering = [target for target in of_chain if target.key.source not in UNCOVERING]
    number = min((target.covered_to for target in covering), default=-1)
    if number < 0 or any(target.synced_at is None for target in covering):
        await _postpone(services, reader.spec.id, address)
        return False
    target = next((target for target in of_chain if target.key.source == PROVE), None)
    proof = _Proof(reader, address, number, target)
    gaps = await _gaps(services, proof)
    async with services.ledger.write() as work:
        await work.facts.replace_gaps(address, proof.chain, SOURCE, gaps)
    return True


async def _postpone(services: Services, chain: str, address: str) -> None:
    """Until the first proof nothing may look proved, also between the last sync and the proof that follows it."""
    gap = Gap(
        chain=chain,
        address=address,
        code=GapCode.BALANCE_UNVERIFIED,
        source=SOURCE,
        subject="all",
        detail="The balances are compared once every source is synced and covers a block.",
    )
    async with services.ledger.write() as work:
        await work.facts.replace_gaps(address, chain, SOURCE, [gap])


async def _gaps(services: Services, proof: _Proof) -> list[Gap]:
    """All differences, placed as far as the node can tell; rebases are written first."""
    checks = await _checks(services, proof)
    try:
        block_hash = await proof.reader.block_hash(proof.number)
        block = BlockRef(proof.number, block_hash or "", services.clock.now())
        gaps = await proof.reader.verify(proof.address, block, checks)
    except GleanerError as error:
        return [_unverified(proof, error)]
    differing = [gap.subject for gap in gaps if gap.code is GapCode.BALANCE_MISMATCH][:MOST_PLACED]
    if not differing:
        return gaps
    told = await _with_moves(services, proof, [check for check in checks if check.asset in differing])
    if await _rebase(services, proof, block, told):
        again = [check for check in await _checks(services, proof) if check.asset in differing]
        told = await _with_moves(services, proof, again)
    try:
        placed = await proof.reader.verify(proof.address, block, told)
    except GleanerError:
        return gaps  # where the differences begin is not told now
    return [gap for gap in gaps if gap.subject not in differing] + placed


async def _checks(services: Services, proof: _Proof) -> list[BalanceCheck]:
    """The sums to be compared; spam and tokens that are counted one by one are left out."""
    async with services.ledger.read() as work:
        sums = await work.facts.sums(proof.address, proof.chain, proof.number)
        assets = await work.facts.assets(sums)
    native = proof.reader.spec.native_id
    return [
        BalanceCheck(asset, amount)
        for asset, amount in sorted({native: 0, **sums}.items())
        if asset == native or (asset in assets and not assets[asset].spam.spam)
        if AssetKind.ERC721.value not in asset and AssetKind.ERC1155.value not in asset
    ]


async def _with_moves(
    services: Services, proof: _Proof, checks: Sequence[BalanceCheck]
) -> list[BalanceCheck]:
    async with services.ledger.read() as work:
        return [
            replace(
                check,
                moves=await work.facts.moves(proof.address, proof.chain, check.asset, proof.number),
            )
            for check in checks
        ]


async def _rebase(services: Services, proof: _Proof, block: BlockRef, checks: Sequence[BalanceCheck]) -> bool:
    """Write what tokens gave or took without transfers; False when there was nothing of the kind."""
    reader, target = proof.reader, proof.target
    if target is None or not isinstance(reader, RebaseReader):
        return False
    try:
        facts = await reader.rebases(proof.address, block, checks)
    except GleanerError:
        return False  # the difference stays a gap until the node tells more
    if not facts:
        return False
    page = FactPage(
        chain=proof.chain,
        address=proof.address,
        source=PROVE,
        transfers=tuple(facts),
        cursor={"next": proof.number + 1},
        covered_to=proof.number,
    )
    async with services.ledger.write() as work:
        await work.facts.apply(page, target.epoch)
    return True


def _unverified(proof: _Proof, error: GleanerError) -> Gap:
    return Gap(
        chain=proof.chain,
        address=proof.address,
        code=GapCode.BALANCE_UNVERIFIED,
        source=SOURCE,
        subject="all",
        detail=f"The balances at block {proof.number} could not be asked: {error}",
        to_block=proof.number,
    )
