"""Real wallets, recorded from mainnet, through the service as its users run it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.service.process import chains_file, serving
from tests.service.recordings import (
    PRESENT,
    chains_yaml,
    expected,
    key_of_expected,
    key_of_row,
    recorded_node,
)

pytestmark = pytest.mark.skipif(not PRESENT, reason="the recorded mainnet data is not beside this checkout")

WALLET = "0xc37b40ABdB939635068d3c5f13E7faF686F03B65"
ALL_CHAINS = [1, 10, 56, 100, 137, 143, 999, 8453, 42161, 534352]


def check(truth: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Outside the transactions whose recordings are partial every transfer is there once; inside, what is listed is."""
    coverage = truth["coverage"]
    unknown = {tx for name, txs in coverage.items() if name.endswith("_unknown_in") for tx in txs}
    wanted = Counter(key_of_expected(row) for row in truth["transfers"])
    got = Counter(key_of_row(row) for row in rows)
    missing = wanted - got
    assert not missing, sorted(missing)[:5]
    surplus = {key: count for key, count in (got - wanted).items() if key[0] not in unknown and key[5] != 0}
    assert not surplus, sorted(surplus)[:5]
    assert all(count == 1 for key, count in got.items() if key in wanted and wanted[key] == 1)
    fees = {row["tx"]: row for row in rows if row["kind"] == "gas"}
    for row in truth["transfers"]:
        if row["kind"] == "gas":
            assert (fees[row["tx"]]["execution_fee"], fees[row["tx"]]["l1_fee"]) == (
                row["execution_fee"],
                row["l1_fee"],
            )


@pytest.mark.parametrize(
    "options",
    [(), ("--free-tier",), ("--fault-rate", "0.2", "--fault-timeout", "2", "--max-range", "100000")],
    ids=["as recorded", "free tier", "faults and narrow ranges"],
)
async def test_every_recorded_transfer_appears_once(tmp_path: Path, options: tuple[str, ...]) -> None:
    truth = expected()["wallets"][WALLET.lower()]
    chains = [int(chain) for chain in truth]
    async with recorded_node(*options) as url:
        with chains_file(tmp_path, chains_yaml(url, chains)) as path:
            env = {"GLEANER_PRICE_URLS": f'{{"defillama": "{url}/llama"}}'}
            async with serving(tmp_path, path, f"sqlite:///{tmp_path}/ledger.db", env) as service:
                wallet = await service.register(WALLET, [f"eip155:{chain}" for chain in chains])
                wallet = await service.synced(wallet["id"], 300)
                for chain in chains:
                    rows = await service.transfers(wallet=wallet["id"], chain=f"eip155:{chain}")
                    check(truth[str(chain)], rows)
                # balances were refused, so nothing may call itself complete, and each gap says why
                assert not any(chain["complete"] for chain in wallet["chains"])
                assert all(gap["detail"] for chain in wallet["chains"] for gap in chain["gaps"])
                losses = await service.get("/v1/losses")
                assert losses["complete"] is False


async def test_all_recorded_wallets_at_once(tmp_path: Path) -> None:
    truth = expected()["wallets"]
    chains = sorted({int(chain) for by_chain in truth.values() for chain in by_chain})
    async with recorded_node() as url:
        with chains_file(tmp_path, chains_yaml(url, chains)) as path:
            env = {"GLEANER_PRICE_URLS": f'{{"defillama": "{url}/llama"}}'}
            async with serving(tmp_path, path, f"sqlite:///{tmp_path}/ledger.db", env) as service:
                ids = {}
                for address, by_chain in truth.items():
                    body = await service.register(address, [f"eip155:{chain}" for chain in by_chain])
                    ids[address] = body["id"]
                for address, by_chain in truth.items():
                    await service.synced(ids[address], 300)
                    for chain, known in by_chain.items():
                        check(known, await service.transfers(wallet=ids[address], chain=f"eip155:{chain}"))
