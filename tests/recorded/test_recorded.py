"""Real wallets, recorded from mainnet: outside what the recordings do not know, every transfer appears once."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from indexer.model.facts import GapCode
from tests.recorded.compare import History, chains, collect, compare, recorded_node, recordings, spam_missed

FOLDER = recordings()
pytestmark = pytest.mark.skipif(FOLDER is None, reason="the recordings are not beside the repository")


@pytest.fixture(scope="module")
def folder() -> Path:
    assert FOLDER is not None
    return FOLDER


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "expected_dev.json").read_text())
    return found


async def collected(url: str, truth: dict[str, Any], only: set[str] | None = None) -> dict[str, History]:
    """Every wallet on every chain; asserts that each equals the truth."""
    specs = chains(url)
    jobs = [
        (wallet, chain, expected)
        for wallet, by_chain in truth["wallets"].items()
        for chain, expected in by_chain.items()
        if only is None or chain in only
    ]
    found = await asyncio.gather(*(collect(specs[f"eip155:{chain}"], wallet) for wallet, chain, _ in jobs))
    for (wallet, chain, expected), history in zip(jobs, found, strict=True):
        assert compare(history, expected) == [], f"{wallet} on {chain}"
    return {f"{wallet} {chain}": history for (wallet, chain, _), history in zip(jobs, found, strict=True)}


async def test_every_recorded_wallet_equals_the_truth(folder: Path, truth: dict[str, Any]) -> None:
    with recorded_node(folder) as url:
        histories = await collected(url, truth)
    assert spam_missed(histories, truth["spam"]) == []
    for name, history in histories.items():
        # the recordings hold no balances: that is said once, and never taken for zero
        unproved = [gap for gap in history.gaps if gap.code is GapCode.BALANCE_UNVERIFIED]
        assert [gap.subject for gap in unproved] == ["all"], name
        assert not [gap for gap in history.gaps if gap.code is GapCode.BALANCE_MISMATCH], name
        chain = name.split()[1]
        unknown = set(truth["wallets"][name.split()[0]][chain]["coverage"]["token_transfers_unknown_in"])
        named = {gap.subject for gap in history.gaps if gap.code is GapCode.RECEIPT_UNAVAILABLE}
        assert unknown <= named, name


async def test_a_free_key_falls_back_to_the_other_explorer(folder: Path, truth: dict[str, Any]) -> None:
    with recorded_node(folder, options=["--free-tier"]) as url:
        await collected(url, truth, {"10", "56", "8453"})


@pytest.mark.parametrize("seed", [1, 2])
async def test_faults_and_narrow_ranges_change_nothing(
    folder: Path, truth: dict[str, Any], seed: int
) -> None:
    options = ["--fault-rate", "0.2", "--seed", str(seed), "--fault-timeout", "0.5", "--max-range", "400000"]
    with recorded_node(folder, options=options) as url:
        await collected(url, truth, {"56", "999"})


@pytest.mark.long
@pytest.mark.parametrize("limit", ["100000"])
async def test_faults_on_every_chain(folder: Path, truth: dict[str, Any], limit: str) -> None:
    options = ["--fault-rate", "0.2", "--fault-timeout", "3", "--max-range", limit]
    with recorded_node(folder, options=options) as url:
        await collected(url, truth)


@pytest.mark.long
async def test_scroll_at_five_hundred_blocks_a_query(folder: Path, truth: dict[str, Any]) -> None:
    with recorded_node(
        folder, options=["--fault-rate", "0.2", "--fault-timeout", "3", "--max-range", "500"]
    ) as url:
        await collected(url, truth, {"534352"})


@pytest.mark.parametrize("provider", ["alchemy", "infura", "quicknode", "ankr", "publicnode", "1rpc", "drpc"])
async def test_every_providers_wording_is_understood(
    folder: Path, truth: dict[str, Any], provider: str
) -> None:
    options = ["--max-range", "100000", "--max-results", "1", "--providers", provider]
    with recorded_node(folder, options=options) as url:
        specs = chains(url)
        wallet = "0xc37b40abdb939635068d3c5f13e7faf686f03b65"
        history = await collect(specs["eip155:137"], wallet)
        assert compare(history, truth["wallets"][wallet]["137"]) == []
