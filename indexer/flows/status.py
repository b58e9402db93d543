"""How far wallets are known: states of their targets and named gaps, per chain."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from indexer.flows.views import ChainStatus, Freshness, GapView, WalletStatus
from indexer.model.facts import Gap
from indexer.model.ledger import UnitOfWork
from indexer.model.stored import PROVE, UNCOVERING, SyncState, SyncTarget, Wallet

# What a chain's state is when its sources are in several: the one a user should know of first.
PRECEDENCE = (SyncState.ERROR, SyncState.SYNCING, SyncState.PENDING, SyncState.SYNCED)

TX_HASH_LENGTH = 66


async def statuses(work: UnitOfWork, wallets: Sequence[Wallet]) -> list[WalletStatus]:
    """The state of each wallet's chains, in two queries however many wallets there are."""
    addresses = {wallet.address for wallet in wallets}
    targets: dict[tuple[str, str], list[SyncTarget]] = defaultdict(list)
    for target in await work.targets.of(addresses):
        targets[target.key.address, target.key.chain].append(target)
    gaps: dict[tuple[str, str], list[Gap]] = defaultdict(list)
    for gap in await work.facts.gaps(addresses):
        gaps[gap.address, gap.chain].append(gap)
    return [
        WalletStatus(
            wallet,
            tuple(
                chain_status(chain, targets[wallet.address, chain], gaps[wallet.address, chain])
                for chain in wallet.chains
            ),
        )
        for wallet in wallets
    ]


def chain_status(chain: str, targets: Sequence[SyncTarget], gaps: Iterable[Gap]) -> ChainStatus:
    """One wallet on one chain; it is as far as its slowest source."""
    proof = next((target for target in targets if target.key.source == PROVE), None)
    targets = [target for target in targets if target.key.source not in UNCOVERING] or targets
    if not targets:
        return ChainStatus(chain, SyncState.PENDING, None, complete=False, gaps=(), progress=0.0)
    state = next(state for state in PRECEDENCE if any(target.state is state for target in targets))
    covered = min(target.covered_to for target in targets)
    views = summarize(gaps)
    # A target that is read again later is syncing once more, but what it covered stays proven.
    if state is not SyncState.ERROR and all(target.synced_at is not None for target in targets):
        unproven = proof is not None and proof.synced_at is None
        state = SyncState.SYNCING if unproven else SyncState.SYNCED
    return ChainStatus(
        chain=chain,
        state=state,
        as_of_block=covered if covered >= 0 else None,
        complete=state is SyncState.SYNCED and proof is not None and not views,
        gaps=views,
        progress=_progress(targets),
        error=next((target.error for target in targets if target.error), None),
    )


def _progress(targets: Sequence[SyncTarget]) -> float:
    shares = [
        1.0 if target.synced_at else min(1.0, max(0, target.covered_to) / max(1, target.target_block))
        for target in targets
    ]
    return sum(shares) / len(shares)


def summarize(gaps: Iterable[Gap]) -> tuple[GapView, ...]:
    """Put gaps of one code and source together; an asset's gap stays on its own."""
    groups: dict[tuple[str, str, str | None], list[Gap]] = defaultdict(list)
    for gap in gaps:
        groups[gap.code.value, gap.source, gap.subject if "/" in gap.subject else None].append(gap)
    views = []
    for (_, source, asset), members in sorted(
        groups.items(), key=lambda item: (item[0][0], item[0][1], item[0][2] or "")
    ):
        starts = [gap.from_block for gap in members if gap.from_block is not None]
        ends = [gap.to_block for gap in members if gap.to_block is not None]
        views.append(
            GapView(
                code=members[0].code,
                source=source,
                detail=members[0].detail,
                count=len(members),
                from_block=min(starts, default=None),
                to_block=max(ends, default=None),
                transactions=tuple(sorted(gap.subject for gap in members if _is_hash(gap.subject))),
                asset=asset,
            )
        )
    return tuple(views)


def _is_hash(subject: str) -> bool:
    return subject.startswith("0x") and len(subject) == TX_HASH_LENGTH


def freshness(wallets: Iterable[WalletStatus]) -> Freshness:
    """What an answer over these wallets may say of itself, before prices come in."""
    blocks: dict[str, int] = {}
    unknown: set[str] = set()
    because: list[str] = []
    for status in wallets:
        for chain in status.chains:
            if chain.as_of_block is None:
                unknown.add(chain.chain)
            else:
                blocks[chain.chain] = min(blocks.get(chain.chain, chain.as_of_block), chain.as_of_block)
            if not chain.complete:
                reasons = ", ".join(sorted({gap.code.value for gap in chain.gaps})) or chain.state.value
                because.append(f"{status.wallet.address} on {chain.chain}: {reasons}")
    return Freshness(
        as_of_block={chain: block for chain, block in blocks.items() if chain not in unknown},
        price_as_of=None,
        complete=not because,
        incomplete_because=tuple(because),
    )


async def portfolio_freshness(work: UnitOfWork, portfolio: str) -> Freshness:
    """Freshness over every wallet of a portfolio."""
    return freshness(await statuses(work, await work.wallets.all(portfolio)))
