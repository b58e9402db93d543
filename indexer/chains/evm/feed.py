"""Whole blocks with receipts and internal calls, decoded once and shared by every address that is watched."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from indexer.chains.evm import parties
from indexer.chains.evm.decode import Value
from indexer.chains.evm.endpoint import Call, Failure
from indexer.chains.evm.node import Header, Node, parse_header
from indexer.chains.evm.traces import of_geth, of_parity, reward_name, sum_rewards
from indexer.chains.evm.whole import check_geth, check_logs, check_parity, hides_transactions
from indexer.model.errors import LyingSourceError, RetryableError
from indexer.model.facts import BlockRef

REMEMBERED_LOGS = 40_000
"""Logs and transactions kept with their blocks: about 100 MB."""
STEP = 100
"""Blocks read and committed together."""
GWEI = 10**9


@dataclass(slots=True)
class Block:
    """One block: its transactions with receipts, and which of them touch which address.

    `grants` are movements without a transaction as (recipient, name, amount): withdrawals, rewards, fees.
    """

    header: Header
    txs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    receipts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    internals: dict[str, list[Value]] | None = None
    grants: list[tuple[str, str, int]] = field(default_factory=list)
    touching: dict[str, list[str]] = field(default_factory=dict)

    @property
    def addresses(self) -> set[str]:
        """Every address that the block may concern."""
        return {*self.touching, *(recipient for recipient, _, _ in self.grants)}

    @property
    def weight(self) -> int:
        """How much memory the block takes, counted in logs."""
        return 1 + len(self.txs) + sum(len(receipt["logs"]) for receipt in self.receipts.values())


class BlockFeed:
    """Reads ranges of blocks; the cost does not depend on how many addresses ask."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.trace_method: str | None = None
        self.genesis: BlockRef | None = None
        """Block 0, once it was read as a part of the chain."""
        self._probed = False
        self._whole_receipts = True
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._weight = 0
        self._one_at_a_time = asyncio.Lock()

    async def probe(self, number: int) -> str | None:
        """Which method tells internal calls here: `trace_block`, `debug_traceBlockByNumber` or None."""
        if not self._probed:
            for call in (_trace_call("trace_block", number), _trace_call("debug_traceBlockByNumber", number)):
                reply = (await self.node.pool.ask([call], null_is_final=True))[0]
                if reply is None:  # the method is there and somebody has not got the block yet
                    reply = (await self.node.pool.ask([call]))[0]
                if isinstance(reply, list):
                    self.trace_method = call.method
                    break
            self._probed = True
        return self.trace_method

    async def serves_receipts(self, number: int) -> bool:
        """Whether the receipts of a block come in one answer."""
        if self._whole_receipts:
            reply = (await self.node.pool.ask([Call("eth_getBlockReceipts", [hex(number)])]))[0]
            self._whole_receipts = not isinstance(reply, Failure)
        return self._whole_receipts

    async def read(self, first: int, last: int, until: BlockRef) -> list[Block]:
        """Blocks `first` to `last`, each the parent of the next, of the branch that `until` names where it is reached.

        Raises:
            RetryableError: blocks are missing or the chain is being reorganised.
        """
        async with self._one_at_a_time:  # who waits finds the blocks already there
            return await self._read(first, last, until)

    async def single(self, numbers: Sequence[int]) -> list[Block]:
        """Whole blocks for a source that knows where to look, in the order asked for. `probe` comes first.

        Raises:
            RetryableError: a block is missing or the chain is being reorganised.
        """
        wanted = list(dict.fromkeys(numbers))
        async with self._one_at_a_time:
            headers = await self.node.headers(wanted)
            fresh = [n for n in wanted if n not in headers or not self._remembers(n, headers[n].hash)]
            await self._fetch(fresh)
            if any(not self._remembers(n, headers[n].hash) for n in wanted if n in headers):
                raise RetryableError(
                    f"{self.node.spec.name} is being reorganised while single blocks are read"
                )
            found = [self._blocks[n] for n in numbers]
            self._shed()
            return found

    async def _anchor(self, number: int, until: BlockRef) -> Header:
        if number == until.number:
            header = (await self.node.headers([number])).get(number)
        else:
            header = await self.node.linked(number)
        if header is None:
            raise RetryableError(f"{self.node.spec.name}: block {number} is not served yet")
        if number == until.number and header.hash != until.hash:
            raise RetryableError(f"{self.node.spec.name} was reorganised at block {number} while it was read")
        return header

    async def _read(self, first: int, last: int, until: BlockRef) -> list[Block]:
        anchor = await self._anchor(last, until)
        if not self._joined(first, last, anchor):
            await self._fetch([n for n in range(first, last + 1) if n not in self._blocks])
            if not self._joined(first, last, anchor):
                await self._fetch(range(first, last + 1))
                if not self._joined(first, last, anchor):
                    raise RetryableError(
                        f"{self.node.spec.name}: blocks {first} to {last} do not form a chain"
                    )
        blocks = [self._blocks[n] for n in range(first, last + 1)]
        if first == 0:
            self.genesis = blocks[0].header.ref
        self._shed()
        return blocks

    def _remembers(self, number: int, block_hash: str) -> bool:
        block = self._blocks.get(number)
        return block is not None and block.header.hash == block_hash

    def _joined(self, first: int, last: int, anchor: Header) -> bool:
        """Whether the blocks are here and each is the parent of the next, up to the anchor."""
        expected = anchor.hash
        for number in range(last, first - 1, -1):
            if not self._remembers(number, expected):
                return False
            expected = self._blocks[number].header.parent
        return True

    def _shed(self) -> None:
        """Forget the oldest blocks: memory stays flat, however long the chain and busy its blocks."""
        while self._weight > REMEMBERED_LOGS and len(self._blocks) > 1:
            _, block = self._blocks.popitem(last=False)
            self._weight -= block.weight

    async def _fetch(self, numbers: Iterable[int]) -> None:
        wanted = list(numbers)
        replies = await self.node.pool.ask([Call("eth_getBlockByNumber", [hex(n), True]) for n in wanted])
        await self._look_again(wanted, replies)
        whole: dict[int, Block] = {}
        busy: list[Block] = []
        for number, reply in zip(wanted, replies, strict=True):
            if reply is None or isinstance(reply, Failure):
                raise RetryableError(f"{self.node.spec.name}: block {number} is not served")
            header = parse_header(reply)
            if header.number != number:
                raise LyingSourceError(f"asked for block {number}, a node answered block {header.number}")
            block = Block(header, {tx["hash"].lower(): tx for tx in reply["transactions"]}, internals={})
            block.grants += _withdrawals(reply)
            self.node.remember(header.ref)
            whole[number] = block
            if block.txs:
                busy.append(block)
            else:
                _index(block)
        await self._fill(busy, replies, wanted)
        for number, block in whole.items():
            old = self._blocks.pop(number, None)
            self._weight += block.weight - (old.weight if old else 0)
        self._blocks.update(whole)  # not before: another address must never see a block without its receipts

    async def _look_again(self, wanted: Sequence[int], replies: Sequence[Any]) -> None:
        """Ask once more for empty blocks that do not look empty; chains with roots of their own stay so."""
        odd = [
            n
            for n, raw in zip(wanted, replies, strict=True)
            if isinstance(raw, Mapping) and hides_transactions(raw)
        ]
        again = await self.node.pool.ask([Call("eth_getBlockByNumber", [hex(n), True]) for n in odd])
        for number, raw in zip(odd, again, strict=True):
            if not isinstance(raw, Mapping) or raw["transactions"]:
                raise RetryableError(
                    f"{self.node.spec.name}: block {number} was answered without transactions"
                )

    async def _fill(self, busy: Sequence[Block], raw: Sequence[Any], wanted: Sequence[int]) -> None:
        if not busy:
            return
        bases = dict(zip(wanted, raw, strict=True))
        receipts = await self._receipts(busy)
        traces = await self._traces(busy)
        for block, found, trace in zip(busy, receipts, traces, strict=True):
            block.receipts = found
            if trace is None:
                block.internals = None
            elif self.trace_method == "trace_block":
                block.internals, rewards = of_parity(trace)
                block.grants += [
                    (to, reward_name(kind, block.header.number, to), value)
                    for (to, kind), value in sum_rewards(rewards).items()
                ]
            else:
                block.internals = of_geth(trace, list(block.txs))
            fees = _proposer_fees(bases[block.header.number], found)
            if fees:
                block.grants.append(fees)
            _index(block)

    async def _receipts(self, busy: Sequence[Block]) -> list[dict[str, Mapping[str, Any]]]:
        if self._whole_receipts:
            replies = await self.node.pool.ask(
                [Call("eth_getBlockReceipts", [hex(b.header.number)]) for b in busy]
            )
            if any(reply is None for reply in replies):
                raise RetryableError(f"{self.node.spec.name}: receipts of new blocks are not served yet")
            if not any(isinstance(reply, Failure) for reply in replies):
                return [_by_hash(block, reply) for block, reply in zip(busy, replies, strict=True)]
            self._whole_receipts = False
        calls = [Call("eth_getTransactionReceipt", [tx]) for block in busy for tx in block.txs]
        singles = iter(await self.node.pool.ask(calls))
        return [_by_hash(block, [next(singles) for _ in block.txs]) for block in busy]

    async def _traces(self, busy: Sequence[Block]) -> list[list[Any] | None]:
        if self.trace_method is None:
            return [None] * len(busy)
        replies = await self.node.pool.ask([_trace_call(self.trace_method, b.header.number) for b in busy])
        return [self._checked(block, reply) for block, reply in zip(busy, replies, strict=True)]

    def _checked(self, block: Block, reply: Any) -> list[Any] | None:
        """Traces that cover the block; None where every endpoint refuses, or gave up tracing a transaction."""
        if isinstance(reply, Failure):
            return None
        number = block.header.number
        if not isinstance(reply, list):
            raise RetryableError(f"{self.node.spec.name}: traces of block {number} are not served yet")
        if self.trace_method == "trace_block":
            check_parity(number, block.txs, reply)
            return reply
        check_geth(number, block.txs, reply)
        return reply if all("type" in (each.get("result") or each) for each in reply) else None


def _trace_call(method: str, number: int) -> Call:
    tag = hex(number)
    if method == "trace_block":
        return Call(method, [tag])
    return Call(method, [tag, {"tracer": "callTracer"}])


def _by_hash(block: Block, receipts: Any) -> dict[str, Mapping[str, Any]]:
    """Receipts by transaction. One is lacking only where every endpoint refuses it (a `Failure`).

    Raises:
        RetryableError: receipts are left out, belong to another branch than the block (a reorg under way), or
            lack logs.
    """
    found: dict[str, Mapping[str, Any]] = {}
    refused = 0
    for receipt in receipts:
        if isinstance(receipt, Failure):
            refused += 1
        elif isinstance(receipt, Mapping):
            if str(receipt.get("blockHash")).lower() != block.header.hash:
                raise RetryableError(
                    f"receipts of block {block.header.number} belong to another branch: a reorg"
                )
            check_logs(receipt)
            found[str(receipt.get("transactionHash")).lower()] = receipt
    if len(found) + refused != len(block.txs) or not found.keys() <= block.txs.keys():
        raise RetryableError(
            f"block {block.header.number} has {len(block.txs)} transactions, {len(found)} receipts"
        )
    return found


def _withdrawals(block: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Beacon chain withdrawals, whose amounts are in gwei (EIP-4895)."""
    return [
        (item["address"].lower(), f"withdrawal:{int(item['index'], 16)}", int(item["amount"], 16) * GWEI)
        for item in block.get("withdrawals") or ()
    ]


def _proposer_fees(
    block: Mapping[str, Any], receipts: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str, int] | None:
    """Priority fees of a block, credited to its fee recipient without a transaction (EIP-1559)."""
    base = int(block.get("baseFeePerGas") or "0x0", 16)
    total = sum(
        int(r["gasUsed"], 16) * max(0, int(r.get("effectiveGasPrice") or "0x0", 16) - base)
        for r in receipts.values()
    )
    miner = str(block.get("miner") or "").lower()
    return (miner, f"fees:{int(block['number'], 16)}", total) if total and len(miner) == 42 else None


def _index(block: Block) -> None:
    """Note for every address which transactions of the block may touch it."""
    touching: dict[str, list[str]] = {}
    for tx, body in block.txs.items():
        named = parties.of_transaction(body, block.receipts.get(tx), (block.internals or {}).get(tx, ()))
        for address in named:
            touching.setdefault(address, []).append(tx)
    block.touching = touching
