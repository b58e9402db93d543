"""The commands as a person types them, on a ledger of their own."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from indexer.demo.world import DemoChain, DemoWorld


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Gleaner:
    """Runs `gleaner` in a folder with an environment."""

    folder: Path
    env: Mapping[str, str]

    async def __call__(self, *arguments: str) -> Answer:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "indexer", *arguments,
            cwd=self.folder,
            env={**os.environ, "NO_COLOR": "1", **self.env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert b"Traceback" not in err, err.decode()
        return Answer(process.returncode or 0, out.decode(), err.decode())


def block(chain: DemoChain) -> str:
    return (
        f"  {chain.caip2}:\n    name: {chain.name}\n    endpoints: ['{chain.rpc_url}']\n"
        "    native: {symbol: ETH, decimals: 18, slip44: 60}\n    finality: {rule: tag, depth: 2}\n"
        f"    wrapped_native: '{chain.weth}'\n"
        f"    dex: {{factory: '{chain.factory}', quote_token: '{chain.stable}', quote_decimals: 6}}\n"
    )


@pytest.fixture
async def gleaner(tmp_path: Path, played_world: DemoWorld) -> Gleaner:
    (tmp_path / "chains.yaml").write_text(
        "chains:\n" + "".join(block(chain) for chain in played_world.chains)
    )
    async with httpx.AsyncClient() as client:
        for (
            chain
        ) in played_world.chains:  # the story ended some time ago; prices are read from a chain that lives
            call = {"jsonrpc": "2.0", "id": 1, "method": "evm_mine", "params": [int(time.time())]}
            (await client.post(chain.rpc_url, json=call)).raise_for_status()
    return Gleaner(
        tmp_path,
        {
            "GLEANER_CHAINS": str(tmp_path / "chains.yaml"),
            "GLEANER_DATABASE_URL": f"sqlite:///{tmp_path}/ledger.db",
            "GLEANER_PRICE_ORDER": '["uniswap_v2"]',
        },
    )


async def test_from_a_wallet_to_its_losses(gleaner: Gleaner, played_world: DemoWorld) -> None:
    chains = [part for chain in played_world.chains for part in ("--chain", chain.caip2)]
    for address in played_world.wallets:
        added = await gleaner("wallet", "add", address, *chains, "--json")
        assert added.code == 0, added.err
        assert added.json["address"].lower() == address
    synced = await gleaner("sync", "--json")
    assert synced.code == 0, synced.err
    assert all(chain["complete"] for wallet in synced.json["data"] for chain in wallet["chains"])
    losses = await gleaner("losses", "--json")
    assert float(losses.json["totals"]["loss"]["value"]) > 0
    by_chain = await gleaner("losses", "--by", "chain", "--json")
    assert by_chain.json["totals"]["loss"] == losses.json["totals"]["loss"]
    table = await gleaner("losses")
    assert "Harvestable now" in table.out
    listed = await gleaner("wallet", "list")
    assert listed.out.count("synced") == 2 * len(played_world.wallets)
    wallet_id = synced.json["data"][0]["id"]
    assert (await gleaner("wallet", "remove", wallet_id)).code == 0
    assert (await gleaner("wallet", "remove", wallet_id)).code == 2


async def test_keys_are_shown_once(gleaner: Gleaner) -> None:
    made = (await gleaner("key", "create", "laptop", "--scope", "write", "--json")).json
    assert made["secret"].startswith("glk_")
    listed = await gleaner("key", "list", "--json")
    assert [key["name"] for key in listed.json] == ["laptop"]
    assert made["secret"] not in listed.out
    assert (await gleaner("key", "revoke", made["id"])).code == 0
    assert (await gleaner("key", "list", "--json")).json[0]["revoked"] is True
    assert (await gleaner("key", "revoke", "k_none")).code == 2


async def test_mistakes_end_in_one_sentence(gleaner: Gleaner) -> None:
    wrong = await gleaner("wallet", "add", "0x12", "--chain", "eip155:31337")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("error: ")
    elsewhere = await gleaner("wallet", "add", "0x" + "1" * 40, "--chain", "eip155:5")
    assert "eip155:31337" in elsewhere.err
    unset = Gleaner(gleaner.folder, {**gleaner.env, "GLEANER_DATABASE_URL": "mysql://user:hunter2@host/db"})
    refused = await unset("losses")
    assert refused.code == 2
    assert "hunter2" not in refused.err
    port = Gleaner(gleaner.folder, {**gleaner.env, "GLEANER_PORT": "70000"})
    assert "GLEANER_PORT" in (await port("losses")).err
