"""Prove the ledgers of wallets against the node: each asset's sum equals the balance at the same block, or a gap.

What tokens gave or took without a transfer (rebases) is written as facts on the way: the proof is where it shows.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from indexer.flows.failing import record_failure
from indexer.flows.reorg import mend_torn
from indexer.flows.services import Services
from indexer.model.asset import Asset, AssetKind
from indexer.model.collected import Facts
from indexer.model.errors import FencedError, GleanerError, StorageError, TornChainError
from indexer.model.facts import BlockRef, FactPage, Gap, GapCode
from indexer.model.ports import BalanceCheck, ChainReader, RebaseReader
from indexer.model.stored import PROVE, UNCOVERING, SyncTarget

log = logging.getLogger(__name__)

SOURCE = "balance-check"
TOGETHER = 50
"""Wallets that are proved together; few enough for one lease."""
SIDE_BY_SIDE = 8
"""Wallets with differences that are looked into at the same time."""
MOST_PLACED = 25
"""Differences of one wallet whose beginning is looked for; a wallet with more has another trouble."""
AUDIT = timedelta(days=1)
"""Balances are compared after every change, and this often without one."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Proof:
    """What is compared: the sums of one address at one block, under the claim of its proof."""

    reader: ChainReader
    target: SyncTarget
    number: int
    checks: Sequence[BalanceCheck]

    @property
    def chain(self) -> str:
        return self.reader.spec.id

    @property
    def address(self) -> str:
        return self.target.key.address


async def prove_balances(services: Services, chain: str, lease: timedelta) -> bool:
    """Check the addresses whose proof is due once all their sources on the chain are synced. False when none is due.

    Each is checked at the highest block that every source of it covers, so that a source running ahead does not look
    like a mistake.

    Raises:
        StorageError: the database cannot be used.
    """
    reader = services.readers[chain]
    now = services.clock.now()
    async with services.ledger.write() as work:
        claimed = await work.targets.claim_many(chain, PROVE, now, now + lease, TOGETHER)
    if not claimed:
        return False
    proofs = await _begin(services, reader, claimed)
    ready = {proof.address for proof in proofs}
    await _postpone(services, reader, [each for each in claimed if each.key.address not in ready])
    blocks = {number: await _block(services, reader, number) for number in {each.number for each in proofs}}
    told = await _all(_compare(proof, blocks[proof.number]) for proof in proofs)
    equal = [(proof, gaps) for proof, gaps in zip(proofs, told, strict=True) if not _differing(gaps)]
    await _finish(services, reader, equal)
    unlike = [(proof, gaps) for proof, gaps in zip(proofs, told, strict=True) if _differing(gaps)]
    for start in range(0, len(unlike), SIDE_BY_SIDE):
        await _all(
            _look_into(services, proof, gaps, block, lease)
            for proof, gaps in unlike[start : start + SIDE_BY_SIDE]
            if isinstance(block := blocks[proof.number], BlockRef)
        )
    return True


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """All results; an error only once nobody is at work any more."""
    done = await asyncio.gather(*work, return_exceptions=True)
    results: list[T] = []
    for result in done:
        if isinstance(result, BaseException):
            raise result
        results.append(result)
    return results


async def _begin(services: Services, reader: ChainReader, claimed: Iterable[SyncTarget]) -> list[_Proof]:
    """The sums of all addresses whose sources are synced, as the ledger has them now."""
    chain = reader.spec.id
    proofs: list[tuple[SyncTarget, int, dict[str, int]]] = []
    by_address = {target.key.address: target for target in claimed}
    covering: dict[str, list[SyncTarget]] = {address: [] for address in by_address}
    async with services.ledger.read() as work:
        for each in await work.targets.of(by_address):
            if each.key.chain == chain and each.key.source not in UNCOVERING:
                covering[each.key.address].append(each)
        for address, sources in covering.items():
            number = min((each.covered_to for each in sources), default=-1)
            if number >= 0 and all(each.synced_at is not None for each in sources):
                sums = await work.facts.sums(address, chain, number)
                proofs.append((by_address[address], number, sums))
        assets = await work.facts.assets({asset for _, _, sums in proofs for asset in sums})
    return [_Proof(reader, target, number, _checks(reader, sums, assets)) for target, number, sums in proofs]


def _checks(reader: ChainReader, sums: Mapping[str, int], assets: Mapping[str, Asset]) -> list[BalanceCheck]:
    """The sums to be compared; spam and tokens that are counted one by one are left out."""
    native = reader.spec.native_id
    return [
        BalanceCheck(asset, amount)
        for asset, amount in sorted({native: 0, **sums}.items())
        if asset == native or (asset in assets and not assets[asset].spam.spam)
        if AssetKind.ERC721.value not in asset and AssetKind.ERC1155.value not in asset
    ]


async def _postpone(services: Services, reader: ChainReader, targets: Sequence[SyncTarget]) -> None:
    """Until the first proof nothing may look proved, also between the last sync and the proof that follows it."""
    chain = reader.spec.id
    if not targets:
        return
    gaps = {
        target.key.address: [
            Gap(
                chain=chain,
                address=target.key.address,
                code=GapCode.BALANCE_UNVERIFIED,
                source=SOURCE,
                subject="all",
                detail="The balances are compared once every source is synced and covers a block.",
            )
        ]
        for target in targets
    }
    epochs = {target.key.address: target.epoch for target in targets}
    async with services.ledger.write() as work:
        await _tell(work.facts, chain, gaps)
        await work.targets.release_many(chain, PROVE, epochs, services.clock.now() + reader.spec.poll)


async def _tell(facts: Facts, chain: str, gaps: Mapping[str, Sequence[Gap]]) -> None:
    """Make these the gaps of the proof; most addresses have none, before and after."""
    known: dict[str, list[Gap]] = {address: [] for address in gaps}
    for gap in await facts.gaps(gaps):
        if gap.chain == chain and gap.source == SOURCE:
            known[gap.address].append(gap)
    for address in sorted(gaps):
        if set(known[address]) != set(gaps[address]):
            await facts.replace_gaps(address, chain, SOURCE, gaps[address])


async def _finish(
    services: Services, reader: ChainReader, proved: Sequence[tuple[_Proof, Sequence[Gap]]]
) -> None:
    """Write what came of proofs and let go of their targets."""
    if not proved:
        return
    chain, now = reader.spec.id, services.clock.now()
    epochs = {proof.address: proof.target.epoch for proof, _ in proved}
    async with services.ledger.write() as work:
        await _tell(work.facts, chain, {proof.address: gaps for proof, gaps in proved})
        await work.targets.finish_many(chain, PROVE, epochs, now, now + AUDIT)


async def _block(services: Services, reader: ChainReader, number: int) -> BlockRef | GleanerError:
    """The block of a comparison, or why nobody tells it."""
    try:
        return BlockRef(number, await reader.block_hash(number) or "", services.clock.now())
    except GleanerError as error:
        return error


async def _compare(proof: _Proof, block: BlockRef | GleanerError) -> list[Gap]:
    """All differences, and what could not be compared."""
    if isinstance(block, GleanerError):
        return [_unverified(proof, block)]
    try:
        return await proof.reader.verify(proof.address, block, proof.checks)
    except GleanerError as error:
        return [_unverified(proof, error)]


def _differing(gaps: Iterable[Gap]) -> list[str]:
    """Assets whose sums are not the node's."""
    return [gap.subject for gap in gaps if gap.code is GapCode.BALANCE_MISMATCH]


async def _look_into(
    services: Services, proof: _Proof, gaps: list[Gap], block: BlockRef, lease: timedelta
) -> None:
    """Write rebases that explain differences, and place the other ones."""
    target = proof.target
    try:
        async with services.ledger.write() as work:
            await work.targets.renew(target.key, target.epoch, services.clock.now() + lease)
        await _finish(services, proof.reader, [(proof, await _placed(services, proof, gaps, block))])
    except StorageError:
        raise
    except FencedError as fenced:
        log.info("%s", fenced)
    except TornChainError as torn:
        await record_failure(services, target, await mend_torn(services, proof.reader, torn))
    except GleanerError as error:
        await record_failure(services, target, error)


async def _placed(services: Services, proof: _Proof, gaps: list[Gap], block: BlockRef) -> list[Gap]:
    """The gaps with all differences placed as far as the node can tell; rebases are written first."""
    differing = _differing(gaps)[:MOST_PLACED]
    told = await _with_moves(services, proof, [check for check in proof.checks if check.asset in differing])
    if await _rebase(services, proof, block, told):
        again = await _sums_again(services, proof)
        told = await _with_moves(services, proof, [check for check in again if check.asset in differing])
    try:
        placed = await proof.reader.verify(proof.address, block, told)
    except GleanerError:
        return gaps  # where the differences begin is not told now
    return [gap for gap in gaps if gap.subject not in differing] + placed


async def _sums_again(services: Services, proof: _Proof) -> list[BalanceCheck]:
    async with services.ledger.read() as work:
        sums = await work.facts.sums(proof.address, proof.chain, proof.number)
        return _checks(proof.reader, sums, await work.facts.assets(sums))


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
    if not isinstance(reader, RebaseReader):
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
