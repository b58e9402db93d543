"""The benchmark's chain: built once, kept in `bench/data/` (not in git), the same on every machine.

At full size 30,000 blocks with 202,000 Transfer logs of one token among 2,000 holders, 100 of them watched, with
826 native and 1,085 internal movements of the watched ones, some beside frames that were undone.
"""

import contextlib
import http.client
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.crypto import keccak

from collecting.node import DUMP_SECONDS, BenchNode, run_node

BENCH = Path(__file__).resolve().parents[1]
DATA = BENCH / "data"
HOLDERS = 2_000
WATCHED = 100
ETHER = 10**18
FULL_BLOCKS = 30_000
QUICK_BLOCKS = 3_000
VERSION = 1
"""Raised when the chain's recipe changes: a chain of another version is built anew."""


@dataclass(frozen=True, slots=True)
class BenchChain:
    """What a built chain holds. `logs` are Transfer logs of `token`; addresses are lower case."""

    folder: Path
    head: int
    token: str
    holders: tuple[str, ...]
    logs: int
    watched_logs: int
    native: int
    internal: int

    @property
    def watched(self) -> tuple[str, ...]:
        """The addresses whose history is collected."""
        return self.holders[:WATCHED]

    @property
    def meta(self) -> Path:
        """Its description as JSON, which the peers' configurations read."""
        return self.folder / "meta.json"


def holder(place: int) -> str:
    """The token's holder of a number, as the contract derives it."""
    return "0x" + keccak(encode(["string", "uint256"], ["holder", place]))[12:].hex()


def open_chain(*, quick: bool) -> BenchChain:
    """The chain from the cache, built first where it is not there."""
    blocks = QUICK_BLOCKS if quick else FULL_BLOCKS
    folder = DATA / f"collect-{blocks}-v{VERSION}"
    meta = folder / "meta.json"
    if not meta.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        print(f"building a chain of {blocks:,} blocks in {folder} (once)", file=sys.stderr)
        Builder(folder, blocks).build()
    told = orjson.loads(meta.read_bytes())
    return BenchChain(folder, **{**told, "holders": tuple(told["holders"])})


@contextlib.contextmanager
def serve_chain(chain: BenchChain) -> Iterator[BenchNode]:
    """A node with the chain loaded."""
    with run_node(chain.folder, ["--load-state", str(chain.folder / "state.json")]) as node:
        found = int(node.ask("eth_blockNumber"), 16)
        if found != chain.head:
            raise SystemExit(f"{chain.folder} holds {found} blocks instead of {chain.head}: remove it")
        yield node


class Builder:
    """Plays the chain's recipe on a fresh node and keeps its state."""

    def __init__(self, folder: Path, blocks: int) -> None:
        self._folder = folder
        self._blocks = blocks
        self._dice = random.Random(20_231_114)
        self._holders = tuple(holder(place) for place in range(HOLDERS))
        self._nonces: dict[str, int] = {}
        self._mined = 0
        self._idle = 0

    def build(self) -> None:
        """Build and save; the description is written last, so that half a chain is never used."""
        started = time.monotonic()
        state = self._folder / "state.json"
        with run_node(
            self._folder, ["--prune-history", "--dump-state", str(state)], stop_seconds=DUMP_SECONDS
        ) as node:
            parts = urlsplit(node.url)
            self._http = http.client.HTTPConnection(parts.hostname or "", parts.port)
            meta = self._play()
            self._http.close()
        (self._folder / "meta.json").write_bytes(orjson.dumps(meta))
        print(f"built in {time.monotonic() - started:.0f} s", file=sys.stderr)

    def _play(self) -> dict[str, Any]:
        self._ask("anvil_setBlockTimestampInterval", 12)
        self._ask("anvil_autoImpersonateAccount", True)
        self._maker = str(self._ask("eth_accounts")[0])
        code = orjson.loads((Path(__file__).parent / "contracts" / "Load.json").read_bytes())["bytecode"]
        token, splitter = (self._deploy(code[name]) for name in ("LoadToken", "LoadSplitter"))
        for first in range(0, HOLDERS, 100):
            self._send(
                self._maker, token, token_call("endow(uint256,uint256,uint256)", first, first + 100, 10**12)
            )
            self._mine()
        for each in self._holders[:WATCHED]:
            self._send(self._maker, each, value=ETHER)
        self._mine()
        native, internal = self._traffic(token, splitter)
        self._flush()
        head = int(self._ask("eth_blockNumber"), 16)
        return {
            "head": head,
            "token": token,
            "holders": self._holders,
            "logs": self._count_logs(token, head),
            "watched_logs": self._count_watched(token, head),
            "native": native + WATCHED,
            "internal": internal,
        }

    def _traffic(self, token: str, splitter: str) -> tuple[int, int]:
        """Bursts of transfers in half of the blocks, twenty times as dense in a few, coins beside them."""
        size, start = self._blocks, self._mined + 1
        hot = range(size // 3, size // 3 + size // 150)
        normal = self._dice.sample([n for n in range(start, size + 1) if n not in hot], size * 16 // 30)
        scale = size / FULL_BLOCKS
        chosen = self._dice.sample(normal, round((726 + 300 + 185) * scale))
        natives = set(chosen[: round(726 * scale)])
        splits = set(chosen[len(natives) : len(natives) + round(300 * scale)])
        undone = set(chosen[len(natives) + len(splits) :])
        active = set(normal)
        for number in range(start, size + 1):
            if number not in hot and number not in active:
                self._idle += 1
                continue
            self._flush()
            count = 200 if number in hot else 10
            self._send(
                self._maker, token, token_call("shuffle(uint256,uint256,uint256)", number, count, HOLDERS)
            )
            if number in natives:
                self._native()
            elif number in splits:
                to = [self._watched() for _ in range(3)]
                self._send(self._maker, splitter, token_call("split(address[])", to), value=3_000_003)
            elif number in undone:
                self._send(
                    self._maker, splitter, token_call("undoFirst(address)", self._watched()), value=4_000_000
                )
            self._mine()
            if number % 5_000 == 0:
                print(f"block {number:,}", file=sys.stderr)
        return len(natives), 3 * len(splits) + len(undone)

    def _native(self) -> None:
        """A third leaves a watched address, which then pays gas too."""
        value = self._dice.randrange(1, 10**15)
        if self._dice.random() < 1 / 3:
            self._send(self._watched(), self._holders[self._dice.randrange(WATCHED, HOLDERS)], value=value)
        else:
            self._send(self._maker, self._watched(), value=value)

    def _watched(self) -> str:
        return self._holders[self._dice.randrange(WATCHED)]

    def _count_logs(self, token: str, head: int) -> int:
        return sum(len(logs) for logs in self._windows(token, head))

    def _count_watched(self, token: str, head: int) -> int:
        topics = {"0x" + each[2:].rjust(64, "0") for each in self._holders[:WATCHED]}
        return sum(bool(topics & set(log["topics"])) for logs in self._windows(token, head) for log in logs)

    def _windows(self, token: str, head: int) -> Iterator[list[Any]]:
        for low in range(0, head + 1, 2_000):
            window = {"fromBlock": hex(low), "toBlock": hex(min(head, low + 1_999)), "address": token}
            yield self._ask("eth_getLogs", window)

    def _deploy(self, code: str) -> str:
        hash_ = self._send(self._maker, None, code)
        self._mine()
        return str(self._ask("eth_getTransactionReceipt", hash_)["contractAddress"]).lower()

    def _send(self, sender: str, to: str | None, data: str = "0x", *, value: int = 0) -> str:
        nonce = self._nonces.get(sender, 0)
        self._nonces[sender] = nonce + 1
        fields = {
            "from": sender,
            "data": data,
            "value": hex(value),
            "nonce": hex(nonce),
            "gas": hex(21_000 if data == "0x" else 9_000_000),
        }
        return str(self._ask("eth_sendTransaction", fields if to is None else {**fields, "to": to}))

    def _mine(self) -> None:
        self._ask("evm_mine")
        self._mined += 1

    def _flush(self) -> None:
        if self._idle:
            self._ask("anvil_mine", hex(self._idle))
            self._mined += self._idle
            self._idle = 0

    def _ask(self, method: str, *params: object) -> Any:
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self._http.request("POST", "/", body, {"content-type": "application/json"})
        answer = orjson.loads(self._http.getresponse().read())
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"]


def token_call(signature: str, *arguments: object) -> str:
    """Calldata of a call to one of the benchmark's contracts, whose arguments are static or one array."""
    types = signature[signature.index("(") + 1 : -1].split(",")
    return "0x" + (function_signature_to_4byte_selector(signature) + encode(types, arguments)).hex()
