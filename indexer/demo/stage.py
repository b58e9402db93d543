"""One chain as the story plays on it: blocks with chosen times and base fees, and the contracts deployed there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from indexer.demo.artifacts import creation_code, results
from indexer.demo.cast import Cast
from indexer.demo.node import Node
from indexer.model.errors import RefusedError

GWEI = 10**9
# above what any call of the story uses; the unused part is not paid, but the sender must be able to
_CALL_GAS = 450_000
BUILD_GAS = 6_000_000
"""Enough to create any of the contracts, pairs included."""


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction to be sent. `recipient` None deploys; `reverts` says that it is meant to fail."""

    sender: str
    recipient: str | None
    data: bytes = b""
    value: int = 0
    reverts: bool = False
    gas: int = _CALL_GAS


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in its block."""

    hash: str
    logs: Sequence[dict[str, Any]]
    contract: str | None


@dataclass(frozen=True, slots=True)
class FeeRule:
    """Base fees that wander between `low` and `low + spread` wei without a random number."""

    low: int
    spread: int
    tip: int

    def at(self, block: int) -> int:
        """Base fee of a block, wei per gas."""
        return self.low + block * 2_654_435_761 * 977 % self.spread

    @property
    def ceiling(self) -> int:
        """What senders offer at most, wei per gas."""
        return self.low + self.spread + self.tip


FEES = {
    31337: FeeRule(low=6 * GWEI, spread=31_000_000_007, tip=GWEI),
    31338: FeeRule(low=20_000_000, spread=130_000_051, tip=1_000_000),
}


@dataclass(slots=True)
class Stage:
    """A chain while it is being played. `contracts` fills by symbol or role as things are deployed."""

    chain_id: int
    node: Node
    cast: Cast
    contracts: dict[str, str] = field(default_factory=dict)
    decimals: dict[str, int] = field(default_factory=dict)
    approved: set[tuple[str, str, str]] = field(default_factory=set)
    height: int = 0
    clock: int = 0
    sent: int = 0

    async def mine(self, when: datetime, *transactions: Tx) -> list[Mined]:
        """Put transactions into one block at a time after the last block's, and check how each ended."""
        stamp = int(when.timestamp())
        if stamp <= self.clock:
            raise ValueError(f"block at {when} does not follow {datetime.fromtimestamp(self.clock, UTC)}")
        fees = FEES[self.chain_id]
        await self.node.ask("anvil_setNextBlockBaseFeePerGas", hex(fees.at(self.height + 1)))
        hashes = [await self._send(each, fees) for each in transactions]
        await self.node.ask("evm_mine", {"timestamp": stamp})
        self.clock = stamp
        self.height += 1
        self.sent += len(hashes)
        return [await self._mined(tx, hash_) for tx, hash_ in zip(transactions, hashes, strict=True)]

    async def deploy(self, when: datetime, sender: str, name: str, *arguments: object) -> str:
        """Deploy one contract in a block of its own; return its lower-case address."""
        (mined,) = await self.mine(when, Tx(sender, None, creation_code(name, *arguments), gas=BUILD_GAS))
        if mined.contract is None:
            raise RefusedError(f"The local node made no contract from {name}")
        return mined.contract

    async def read(self, to: str, data: bytes, *types: str) -> tuple[Any, ...]:
        """Call a view function at the newest block and decode its result."""
        return results(list(types), await self.node.view(to, data))

    async def _send(self, tx: Tx, fees: FeeRule) -> str:
        fields: dict[str, str] = {
            "from": tx.sender,
            "gas": hex(tx.gas),
            "maxFeePerGas": hex(fees.ceiling),
            "maxPriorityFeePerGas": hex(fees.tip),
            "value": hex(tx.value),
            "input": "0x" + tx.data.hex(),
        }
        if tx.recipient is not None:
            fields["to"] = tx.recipient
        return str(await self.node.ask("eth_sendTransaction", fields))

    async def _mined(self, tx: Tx, hash_: str) -> Mined:
        receipt = await self.node.ask("eth_getTransactionReceipt", hash_)
        if receipt is None:
            raise RefusedError(f"The local node did not mine {hash_}: check that it is anvil 1.x")
        if (receipt["status"] == "0x1") == tx.reverts:
            raise RefusedError(
                f"Transaction {hash_} ended otherwise than the story says (status {receipt['status']})"
            )
        contract = receipt.get("contractAddress")
        return Mined(hash_, receipt["logs"], contract.lower() if contract else None)
