"""A local chain spoken to in plain JSON-RPC, and the published builds of contracts."""

import asyncio
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from web3 import Web3
from web3.contract import Contract

from indexer.model.links import LogEntry, TransactionView

MODULES = Path(__file__).parents[1] / "npm" / "node_modules"
needs_builds = pytest.mark.skipif(
    not (MODULES / "@across-protocol").is_dir(),
    reason="run `npm install` in tests/bridges/npm for the bridge builds",
)

_OFFLINE = Web3()
_ACROSS = MODULES / "@across-protocol" / "contracts" / "dist" / "evm" / "artifacts"
_WORMHOLE = MODULES / "@certusone" / "wormhole-sdk" / "lib" / "cjs" / "ethers-contracts" / "factories"
_DIGESTS = {
    "Ethereum_SpokePool": "8e8281c67e433129",
    "ERC1967Proxy": "b85a14beee961518",
    "WETH9": "c1d70de3bb7a6632",
    "Implementation": "af77ef18375f6a03",
    "Setup": "836165644607af4e",
    "Wormhole": "615fe3079ae7a5f6",
    "TokenImplementation": "0d9865cd4962703a",
    "BridgeImplementation": "c27d4049834151a7",
    "BridgeSetup": "55b2e15acbbd857f",
    "TokenBridge": "de6394e6f02b1a45",
}
"""Beginning of the SHA-256 of each build's bytecode: the versions are pinned, this pins what came."""


@dataclass(frozen=True, slots=True)
class Build:
    """What is needed to deploy and call a contract."""

    abi: list[dict[str, Any]]
    bytecode: str


def across_build(name: str) -> Build:
    data = json.loads((_ACROSS / f"{name}.sol" / f"{name}.json").read_bytes())
    code = data["bytecode"]
    return _checked(name, Build(data["abi"], code["object"] if isinstance(code, dict) else code))


def wormhole_build(name: str) -> Build:
    """The factories are generated JavaScript: an object literal that JSON understands once its keys are quoted."""
    text = (_WORMHOLE / f"{name}__factory.js").read_text()
    literal = re.search(r"_abi = (\[.*?\n\]);", text, re.DOTALL)
    code = re.search(r'_bytecode = "(0x[0-9a-f]+)"', text)
    assert literal is not None
    assert code is not None
    quoted = re.sub(r"^(\s*)(\w+):", r'\1"\2":', literal[1], flags=re.MULTILINE)
    return _checked(name, Build(json.loads(re.sub(r",(\s*[\]}])", r"\1", quoted)), code[1]))


def _checked(name: str, build: Build) -> Build:
    found = hashlib.sha256(build.bytecode.encode()).hexdigest()
    assert _DIGESTS[name] == found[:16], f"{name} is not the pinned build"
    return build


@dataclass(slots=True)
class Chain:
    """One node. The development accounts are unlocked."""

    url: str
    client: httpx.AsyncClient
    id: int = 0
    accounts: tuple[str, ...] = ()

    @classmethod
    async def open(cls, url: str, client: httpx.AsyncClient) -> Self:
        chain = cls(url, client)
        chain.id = int(await chain.rpc("eth_chainId"), 16)
        chain.accounts = tuple(Web3.to_checksum_address(one) for one in await chain.rpc("eth_accounts"))
        return chain

    async def rpc(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = (await self.client.post(self.url, json=body)).json()
        assert "error" not in answer, answer["error"]
        return answer["result"]

    async def send(self, sender: str, to: str | None, data: str, value: int = 0) -> dict[str, Any]:
        call = {"from": sender, "data": data, "value": hex(value), "gas": hex(20_000_000)}
        if to is not None:
            call["to"] = to
        tx = await self.rpc("eth_sendTransaction", call)
        receipt: dict[str, Any] | None = None
        while receipt is None:  # the test's own time limit ends this if the node never mines it
            receipt = await self.rpc("eth_getTransactionReceipt", tx)
            await asyncio.sleep(0.01 if receipt is None else 0)
        assert receipt["status"] == "0x1"
        return receipt

    async def deploy(self, build: Build, *args: Any) -> Contract:
        """Deploy from the first account."""
        made = _OFFLINE.eth.contract(abi=build.abi, bytecode=build.bytecode)
        receipt = await self.send(self.accounts[0], None, made.constructor(*args).data_in_transaction)
        return at(build, receipt["contractAddress"])

    async def call(
        self, sender: str, contract: Contract, name: str, *args: Any, value: int = 0
    ) -> TransactionView:
        """Send a transaction to a contract and read it back as decoders see it."""
        receipt = await self.send(sender, contract.address, contract.encode_abi(name, args=args), value)
        return await self.view(receipt)

    async def view(self, receipt: dict[str, Any]) -> TransactionView:
        tx = await self.rpc("eth_getTransactionByHash", receipt["transactionHash"])
        block = await self.rpc("eth_getBlockByHash", receipt["blockHash"], False)
        return TransactionView(
            chain=f"eip155:{self.id}",
            tx=receipt["transactionHash"],
            time=datetime.fromtimestamp(int(block["timestamp"], 16), UTC),
            sender=tx["from"].lower(),
            recipient=tx["to"].lower(),
            value=int(tx["value"], 16),
            input=bytes.fromhex(tx["input"][2:]),
            logs=tuple(
                LogEntry(
                    log["address"].lower(),
                    tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
                    bytes.fromhex(log["data"][2:]),
                    int(log["logIndex"], 16),
                )
                for log in receipt["logs"]
            ),
        )


def at(build: Build, address: str) -> Contract:
    return _OFFLINE.eth.contract(address=Web3.to_checksum_address(address), abi=build.abi)


def word(address: str) -> bytes:
    return bytes.fromhex(address[2:]).rjust(32, b"\0")
