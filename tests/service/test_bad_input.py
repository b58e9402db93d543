"""What goes wrong for users, through the service as they run it: a clear word, and nothing lost."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from indexer.demo.anvil import AnvilOptions
from indexer.demo.world import DemoWorld
from tests.fixtures.anvil import StartAnvil
from tests.service.process import Service, chains_file, serving

ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def block(chain: int, *urls: str) -> str:
    return (
        f"  eip155:{chain}:\n    name: Local {chain}\n    endpoints: {json.dumps(list(urls))}\n"
        "    native: {symbol: ETH, decimals: 18, slip44: 60}\n    finality: {rule: tag, depth: 2}\n    poll_seconds: 1\n"
    )


async def refused(service: Service, body: Any) -> dict[str, Any]:
    answer = await service.client.post("/v1/wallets", json=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert "Traceback" not in answer.text
    return problem


async def error_of(service: Service, wallet_id: str) -> str:
    """The error of the wallet's one chain, once there is one."""
    for _ in range(240):
        (chain,) = (await service.get(f"/v1/wallets/{wallet_id}"))["chains"]
        if chain["error"]:
            return str(chain["error"])
        await asyncio.sleep(0.25)
    raise AssertionError("no error was told")


async def test_addresses_and_chains_that_cannot_be(tmp_path: Path, anvil: StartAnvil) -> None:
    url = await anvil(AnvilOptions(chain_id=31337))
    with chains_file(tmp_path, "chains:\n" + block(31337, url)) as path:
        async with serving(tmp_path, path, f"sqlite:///{tmp_path}/ledger.db", {}) as service:
            for address in ("", "0x12", "f39Fd6", ADDRESS[:-1] + "g", ADDRESS + "00"):
                await refused(service, {"address": address, "chains": ["eip155:31337"]})
            wrong = await refused(
                service, {"address": ADDRESS.swapcase().replace("X", "x"), "chains": ["eip155:31337"]}
            )
            assert "checksum" in wrong["detail"]
            unknown = await refused(service, {"address": ADDRESS, "chains": ["eip155:7"]})
            assert "eip155:31337" in unknown["detail"]
            await refused(service, {"address": ADDRESS, "chains": []})
            await refused(service, {"address": ADDRESS})
            await refused(service, [1, 2])
            assert (await service.get("/v1/wallets"))["data"] == []
            assert (await service.register(ADDRESS.lower(), ["eip155:31337"]))["address"] == ADDRESS


async def test_an_endpoint_of_another_chain_is_named_and_harms_nothing(
    tmp_path: Path, anvil: StartAnvil
) -> None:
    url = await anvil(AnvilOptions(chain_id=31338))
    with chains_file(tmp_path, "chains:\n" + block(31337, url)) as path:
        async with serving(tmp_path, path, f"sqlite:///{tmp_path}/ledger.db", {}) as service:
            wallet = await service.register(ADDRESS, ["eip155:31337"])
            assert "31338" in await error_of(service, wallet["id"])
            assert await service.transfers() == []


async def test_a_node_that_comes_back_is_read_on(tmp_path: Path, anvil: StartAnvil) -> None:
    with chains_file(tmp_path, "chains:\n" + block(31337, "http://127.0.0.1:9")) as path:
        database = f"sqlite:///{tmp_path}/ledger.db"
        async with serving(tmp_path, path, database, {}) as service:
            wallet = await service.register(ADDRESS, ["eip155:31337"])
            assert await error_of(service, wallet["id"])
        url = await anvil(AnvilOptions(chain_id=31337))
        env = {"GLEANER_RPC_EIP155_31337": f"http://127.0.0.1:9,{url}"}
        async with serving(tmp_path, path, database, env) as service:
            for _ in range(240):
                (chain,) = (await service.get(f"/v1/wallets/{wallet['id']}"))["chains"]
                if chain["complete"]:
                    break
                await asyncio.sleep(0.25)
            assert chain["complete"], chain


async def test_two_processes_share_a_database(tmp_path: Path, played_world: DemoWorld) -> None:
    text = "chains:\n" + "".join(
        block(int(chain.caip2.partition(":")[2]), chain.rpc_url) + f"    wrapped_native: '{chain.weth}'\n"
        for chain in played_world.chains
    )
    with chains_file(tmp_path, text) as path:
        database = f"sqlite:///{tmp_path}/ledger.db"
        chains = [chain.caip2 for chain in played_world.chains]
        async with (
            serving(tmp_path, path, database, {}) as one,
            serving(tmp_path, path, database, {}) as two,
        ):
            first = await one.register(played_world.wallets[0], chains)
            second = await two.register(played_world.wallets[1], chains)
            done = [await two.synced(first["id"], 120), await one.synced(second["id"], 120)]
            assert all(chain["complete"] for wallet in done for chain in wallet["chains"])
            # verdicts on transfers are written with the book, which either process may still be deriving
            rows, others = await one.transfers(), await two.transfers()
            for _ in range(120):
                if rows == others:
                    break
                await asyncio.sleep(0.25)
                rows, others = await one.transfers(), await two.transfers()
            assert rows == others
            assert len({row["id"] for row in rows}) == len(rows)


async def test_a_wrong_chains_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "chains.yaml"
    path.write_text(
        "chains:\n  eip155:1:\n    name: Ethereum\n    endpoints: []\n    native: {symbol: ETH}\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "indexer", "serve", "--chains", str(path), "--port", "0",
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert b"line" in said
    assert b"Traceback" not in said
