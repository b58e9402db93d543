"""A local node with published contracts on it: deploy, trade, and mine at chosen times."""

import fcntl
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from eth_abi.abi import encode

from indexer.demo.artifacts import call_data, creation_code, results
from indexer.demo.node import Node
from indexer.model.chain import ChainSpec, Family, Finality, FinalityRule, NativeAsset, UniswapV2

NPM = Path(__file__).parent / "npm"
START = datetime(2025, 1, 1, tzinfo=UTC)
FOREVER = 2**63
_GAS = 25_000_000


def published(path: str) -> dict[str, Any]:
    """A contract's published build; `npm ci` of `tests/prices/npm` brings it, once."""
    folder = NPM / "node_modules"
    with (NPM / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".package-lock.json").is_file():
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=NPM, check=True
            )
    return dict(orjson.loads((folder / path).read_bytes()))


@dataclass
class LocalChain:
    """One anvil that mines when it is told to; `sender` is its first unlocked account."""

    node: Node
    sender: str = ""
    clock: int = int(START.timestamp())
    times: list[datetime] = field(default_factory=list)

    @classmethod
    async def open(cls, node: Node) -> "LocalChain":
        """Take over a node that does not mine by itself."""
        chain = cls(node)
        chain.sender = (await node.ask("eth_accounts"))[0]
        return chain

    async def mine(self) -> datetime:
        """Mine what waits, an hour after the last block; returns the block's time."""
        self.clock += 3600
        await self.node.ask("evm_mine", {"timestamp": self.clock})
        return datetime.fromtimestamp(self.clock, UTC)

    async def send(self, to: str | None, data: bytes, value: int = 0) -> dict[str, Any]:
        """Mine one transaction and return its receipt; it must succeed."""
        fields = {
            "from": self.sender,
            "gas": hex(_GAS),
            "gasPrice": hex(10**10),
            "value": hex(value),
            "input": "0x" + data.hex(),
        }
        if to is not None:
            fields["to"] = to
        sent = await self.node.ask("eth_sendTransaction", fields)
        await self.mine()
        receipt: dict[str, Any] = await self.node.ask("eth_getTransactionReceipt", sent)
        assert receipt["status"] == "0x1", receipt
        return receipt

    async def deploy(self, code: bytes) -> str:
        """Deploy; return the lower-case address."""
        return str((await self.send(None, code))["contractAddress"]).lower()

    async def token(self, symbol: str, decimals: int) -> str:
        """A token of which the sender holds plenty."""
        address = await self.deploy(creation_code("DemoToken", symbol, symbol, decimals))
        await self.send(address, call_data("mint(address,uint256)", self.sender, 10**15 * 10**decimals))
        return address

    async def view(self, to: str, signature: str, *arguments: object, returns: list[str], block: int) -> Any:
        """What a view function says at a block, decoded."""
        data = "0x" + call_data(signature, *arguments).hex()
        answer = await self.node.ask("eth_call", {"to": to, "data": data}, hex(block))
        return results(returns, bytes.fromhex(answer[2:]))

    async def height(self) -> int:
        """Number of the newest block."""
        return int(await self.node.ask("eth_blockNumber"), 16)

    async def time_of(self, block: int) -> datetime:
        """Time of a block."""
        header = await self.node.ask("eth_getBlockByNumber", hex(block), False)
        return datetime.fromtimestamp(int(header["timestamp"], 16), UTC)


def with_arguments(artifact: dict[str, Any], types: list[str], *arguments: object) -> bytes:
    """Creation code of a published build with its constructor's arguments."""
    return bytes.fromhex(artifact["bytecode"].removeprefix("0x")) + encode(types, arguments)


def spec_of(url: str, *, weth: str | None = None, dex: UniswapV2 | None = None) -> ChainSpec:
    """The local chain as `chains.yaml` would describe it."""
    return ChainSpec(
        id="eip155:31337",
        name="local",
        family=Family.EVM,
        endpoints=(url,),
        native=NativeAsset("ETH", 18, 60),
        finality=Finality(FinalityRule.TAG, 2),
        wrapped_native=weth,
        dex=dex,
    )
