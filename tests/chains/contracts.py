"""Published builds of real contracts, deployed and used on a local node, and the proof over everyone who took part."""

import asyncio
import fcntl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from eth_abi.abi import encode

from indexer.demo.artifacts import call_data, results
from indexer.model.ports import ChainReader
from tests.chains.node import Book, LocalNode, proved, read

NPM = Path(__file__).parent / "npm"
OPENZEPPELIN = "@openzeppelin/contracts/build/contracts"
V2 = "@uniswap/v2-periphery/build"
SAFE = "@safe-global/safe-contracts/build/artifacts/contracts"
ACCOUNTS = "@account-abstraction/contracts/artifacts"
V3 = "@uniswap/v3-periphery/artifacts/contracts"
FOREVER = 2**63
_GAS = 25_000_000


def published(path: str) -> bytes:
    """The creation code of a published build; `npm ci` of `tests/chains/npm` brings it, once."""
    folder = NPM / "node_modules"
    with (NPM / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".package-lock.json").is_file():
            subprocess.run(["npm", "ci", "--silent"], cwd=NPM, check=True)
    artifact: dict[str, Any] = orjson.loads((folder / f"{path}.json").read_bytes())
    return bytes.fromhex(artifact["bytecode"].removeprefix("0x"))


class RevertedError(Exception):
    """A transaction of the test's own failed."""


@dataclass(slots=True)
class Town:
    """A local node with contracts on it. `people` are all addresses whose books must add up in the end."""

    node: LocalNode
    people: list[str] = field(default_factory=list)

    @property
    def boss(self) -> str:
        """Who deploys."""
        return self.node.accounts[0]

    def join(self, *addresses: str) -> None:
        """Watch these, too."""
        self.people += [a.lower() for a in addresses if a.lower() not in self.people]

    async def deploy(self, path: str, types: Sequence[str] = (), *arguments: object) -> str:
        """Deploy a published build; its address is watched, too."""
        receipt = await self._sent(self.boss, None, published(path) + encode(types, arguments), 0)
        address = str(receipt["contractAddress"]).lower()
        self.join(address)
        return address

    async def call(
        self, sender: str, to: str, signature: str, *arguments: object, value: int = 0
    ) -> dict[str, Any]:
        """Send a call and return its receipt; it must succeed."""
        return await self._sent(sender, to, call_data(signature, *arguments), value)

    async def view(self, to: str, signature: str, *arguments: object, returns: Sequence[str]) -> Any:
        """What a view function says now; one value comes without its tuple."""
        data = "0x" + call_data(signature, *arguments).hex()
        answer = await self.node.ask("eth_call", {"to": to, "data": data}, "latest")
        found = results(list(returns), bytes.fromhex(answer[2:]))
        return found[0] if len(found) == 1 else found

    async def raw(self, signed: bytes) -> dict[str, Any]:
        """Send a signed transaction and return its receipt; it must succeed."""
        return await self._receipt(await self.node.ask("eth_sendRawTransaction", "0x" + signed.hex()))

    async def _sent(self, sender: str, to: str | None, data: bytes, value: int) -> dict[str, Any]:
        body = {"from": sender, "value": hex(value), "data": "0x" + data.hex(), "gas": hex(_GAS)}
        return await self._receipt(
            await self.node.ask("eth_sendTransaction", body | ({"to": to} if to else {}))
        )

    async def _receipt(self, tx: str) -> dict[str, Any]:
        for _ in range(500):  # a busy machine mines a moment later
            receipt: dict[str, Any] | None = await self.node.ask("eth_getTransactionReceipt", tx)
            if receipt is not None:
                if receipt["status"] != "0x1":
                    raise RevertedError(tx)
                return receipt
            await asyncio.sleep(0.01)
        raise TimeoutError(f"{tx} was not mined")


async def books_of(town: Town, reader: ChainReader) -> dict[str, Book]:
    """The book of everyone; asserts that each sums to what the node says of every asset."""
    books: dict[str, Book] = {}
    for person in dict.fromkeys([*town.node.accounts[:4], *town.people]):
        book = await read(reader, person)
        differences = await proved(reader, book)
        assert [(g.code, g.subject, g.detail) for g in differences] == [], person
        books[person] = book
    return books
