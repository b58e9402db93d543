"""A wallet is as far as its slowest source, and complete only when nothing is missing."""

from datetime import UTC, datetime

from indexer.flows.status import chain_status, freshness, summarize
from indexer.flows.views import ChainStatus, WalletStatus
from indexer.model.facts import Gap, GapCode
from indexer.model.stored import DISCOVER, PROVE, SyncState, SyncTarget, TargetKey, Wallet

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHAIN = "eip155:1"
ADDRESS = "0x" + "a" * 40


def target(source: str, state: SyncState, covered: int, *, synced: bool = True) -> SyncTarget:
    return SyncTarget(
        TargetKey(ADDRESS, CHAIN, source),
        NOW,
        None,
        1,
        state,
        covered,
        100,
        synced_at=NOW if synced else None,
    )


PROOF = target(PROVE, SyncState.SYNCED, -1)


def gap(code: GapCode, subject: str, block: int | None = None) -> Gap:
    return Gap(CHAIN, ADDRESS, code, "logs", subject, "why", block, block)


def test_a_wallet_without_targets_is_pending() -> None:
    status = chain_status(CHAIN, [], [])
    assert (status.state, status.as_of_block, status.complete) == (SyncState.PENDING, None, False)


def test_the_slowest_source_rules() -> None:
    status = chain_status(
        CHAIN,
        [target("logs", SyncState.SYNCED, 90), target("explorer", SyncState.SYNCED, 70), PROOF],
        [],
    )
    assert (status.state, status.as_of_block, status.complete) == (SyncState.SYNCED, 70, True)


def test_an_error_of_one_source_is_the_chains_error() -> None:
    status = chain_status(
        CHAIN, [target("logs", SyncState.SYNCED, 90), target("explorer", SyncState.ERROR, 70)], []
    )
    assert (status.state, status.complete) == (SyncState.ERROR, False)


def test_reading_on_does_not_take_the_proof_back() -> None:
    status = chain_status(CHAIN, [target("logs", SyncState.SYNCING, 90), PROOF], [])
    assert (status.state, status.complete) == (SyncState.SYNCED, True)
    first = chain_status(CHAIN, [target("logs", SyncState.SYNCING, 40, synced=False)], [])
    assert (first.state, first.complete, first.progress) == (SyncState.SYNCING, False, 0.4)


def test_the_discovery_of_sources_counts_only_while_it_is_alone() -> None:
    alone = chain_status(CHAIN, [target(DISCOVER, SyncState.ERROR, -1, synced=False)], [])
    assert alone.state is SyncState.ERROR
    beside = chain_status(
        CHAIN, [target(DISCOVER, SyncState.ERROR, -1), target("logs", SyncState.SYNCED, 9)], []
    )
    assert (beside.state, beside.as_of_block) == (SyncState.SYNCED, 9)


def test_nothing_is_complete_before_its_balances_were_compared() -> None:
    facts = target("logs", SyncState.SYNCED, 90)
    assert not chain_status(CHAIN, [facts], []).complete
    waiting = chain_status(CHAIN, [facts, target(PROVE, SyncState.PENDING, -1, synced=False)], [])
    assert (waiting.state, waiting.complete) == (SyncState.SYNCING, False)
    assert chain_status(CHAIN, [facts, PROOF], []).complete


def test_a_gap_makes_it_incomplete() -> None:
    status = chain_status(
        CHAIN, [target("logs", SyncState.SYNCED, 90)], [gap(GapCode.L1_FEE_UNKNOWN, "x", 5)]
    )
    assert (status.state, status.complete) == (SyncState.SYNCED, False)


def test_equal_gaps_are_summed_up_and_assets_stay_apart() -> None:
    one, two = "0x" + "1" * 64, "0x" + "2" * 64
    views = summarize(
        [
            gap(GapCode.RECEIPT_UNAVAILABLE, two, 9),
            gap(GapCode.RECEIPT_UNAVAILABLE, one, 3),
            gap(GapCode.BALANCE_MISMATCH, "eip155:1/erc20:0xaa"),
            gap(GapCode.BALANCE_MISMATCH, "eip155:1/slip44:60"),
        ]
    )
    assert [(view.code, view.count, view.asset) for view in views] == [
        (GapCode.BALANCE_MISMATCH, 1, "eip155:1/erc20:0xaa"),
        (GapCode.BALANCE_MISMATCH, 1, "eip155:1/slip44:60"),
        (GapCode.RECEIPT_UNAVAILABLE, 2, None),
    ]
    assert (views[2].from_block, views[2].to_block, views[2].transactions) == (3, 9, (one, two))


def test_a_chain_that_one_wallet_has_not_reached_has_no_common_block() -> None:
    def status(*chains: ChainStatus) -> WalletStatus:
        wallet = Wallet("w", "default", ADDRESS, (CHAIN,), "", ADDRESS, NOW)
        return WalletStatus(wallet, chains)

    reached = ChainStatus(CHAIN, SyncState.SYNCED, 90, complete=True, gaps=(), progress=1.0)
    pending = ChainStatus(CHAIN, SyncState.PENDING, None, complete=False, gaps=(), progress=0.0)
    other = ChainStatus("eip155:10", SyncState.SYNCED, 7, complete=True, gaps=(), progress=1.0)
    fresh = freshness([status(reached, other), status(pending)])
    assert fresh.as_of_block == {"eip155:10": 7}
    assert not fresh.complete
    assert freshness([status(reached), status(other)]).complete
