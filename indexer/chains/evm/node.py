"""What the collector asks of a node, every answer validated before it is believed."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from indexer.chains.evm.endpoint import Call, Endpoint, Failure
from indexer.chains.evm.pool import Pool
from indexer.chains.evm.wording import Refusal
from indexer.model.errors import LyingSourceError, RefusedError, RetryableError
from indexer.model.facts import BlockRef

REMEMBERED_BLOCKS = 20_000
REMEMBERED_TRANSACTIONS = 500
LANES = 2
"""Requests for transactions that are on their way at the same time."""
LONG_LANE = 200
"""Calls that a lane is worth."""


class Header(NamedTuple):
    """The fields of a block header that are used."""

    number: int
    hash: str
    parent: str
    time: int

    @property
    def ref(self) -> BlockRef:
        """The header as the model knows it."""
        return block_ref(self.number, self.hash, self.time)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A transaction and its receipt as far as nodes serve them."""

    tx: Mapping[str, Any] | None
    receipt: Mapping[str, Any] | None
    refused: str = ""


NOTHING = Fetched(None, None)
"""Every endpoint looked and none knows the transaction."""


def block_ref(number: int, block_hash: str, seconds: int) -> BlockRef:
    """A block with its time as a UTC instant."""
    return BlockRef(number, block_hash, datetime.fromtimestamp(seconds, UTC))


def parse_header(raw: object) -> Header:
    """Validate a header at the door.

    Raises:
        LyingSourceError: fields are missing or malformed.
    """
    if not isinstance(raw, Mapping):
        raise LyingSourceError("a node answered a block that is no object")
    try:
        header = Header(
            int(raw["number"], 16),
            raw["hash"].lower(),
            raw["parentHash"].lower(),
            int(raw["timestamp"], 16),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LyingSourceError("a node answered a block without number, hash or time") from None
    if len(header.hash) != 66:
        raise LyingSourceError(f"a node answered a malformed hash for block {header.number}")
    return header


class Node:
    """Typed questions to the endpoints of one chain."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.spec = pool.spec
        self._times: OrderedDict[str, BlockRef] = OrderedDict()
        self._fetched: OrderedDict[str, Fetched] = OrderedDict()
        self._highest = -1

    async def head(self) -> Header:
        """The newest block. A head behind one seen before is asked again: that endpoint lags."""
        best = await self._latest()
        for _ in self.pool.endpoints:
            if best.number >= self._highest:
                break
            best = max(best, await self._latest())
        self._highest = max(self._highest, best.number)
        return best

    async def _latest(self) -> Header:
        endpoint, replies = await self.pool.ask_one([Call("eth_getBlockByNumber", ["latest", False])])
        header = self._header(endpoint, replies[0])
        endpoint.head = header.number
        if header.number < self._highest:
            endpoint.failed(asyncio.get_running_loop().time(), 1.0)  # it lags: the next one is asked
        return header

    def _header(self, endpoint: Endpoint, reply: Any) -> Header:
        if isinstance(reply, Failure):
            raise RetryableError(f"{endpoint.label} does not answer blocks: {reply.message}")
        if reply is None:
            raise RetryableError(f"{endpoint.label} has no block under that name yet")
        return parse_header(reply)

    async def tagged(self, tag: str) -> int | None:
        """Number of the block under a tag (`safe`, `finalized`), None when no endpoint honours it."""
        reply = (await self.pool.ask([Call("eth_getBlockByNumber", [tag, False])]))[0]
        if reply is None or isinstance(reply, Failure):
            return None
        return parse_header(reply).number

    async def headers(self, numbers: Sequence[int]) -> dict[int, Header]:
        """Headers by number; a block that no endpoint has is left out."""
        calls = [Call("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        found: dict[int, Header] = {}
        for number, reply in zip(numbers, await self.pool.ask(calls), strict=True):
            if reply is None or isinstance(reply, Failure):
                continue
            header = parse_header(reply)
            if header.number != number:
                raise LyingSourceError(f"asked for block {number}, a node answered block {header.number}")
            found[number] = header
        return found

    async def listed(self, numbers: Iterable[int]) -> dict[int, set[str]]:
        """Transaction hashes of blocks, by number; blocks that no endpoint serves are left out."""
        wanted = sorted(numbers)
        replies = await self.pool.ask([Call("eth_getBlockByNumber", [hex(n), False]) for n in wanted])
        return {
            number: {str(tx).lower() for tx in reply.get("transactions", ())}
            for number, reply in zip(wanted, replies, strict=True)
            if isinstance(reply, Mapping)
        }

    async def block_refs(
        self, wanted: Iterable[tuple[int, str | None]], *, told: Mapping[str, BlockRef] | None = None
    ) -> dict[int, BlockRef]:
        """Blocks with their time by number, the hash checked against the one that is expected.

        `told` are times that an explorer or a trusted log stamp gives; they are used only where the node itself
        refuses the header.

        Raises:
            RetryableError: a header differs from the expected hash: the chain is being reorganised, or one of
                two endpoints is on another branch.
        """
        pairs = dict(wanted)
        refs: dict[int, BlockRef] = {}
        missing = []
        for number, block_hash in pairs.items():
            known = self._times.get(block_hash) if block_hash else None
            if known is not None and known.number == number:
                refs[number] = known
            else:
                missing.append(number)
        headers = await self.headers(sorted(missing)) if missing else {}
        for number in missing:
            expected = pairs[number]
            header = headers.get(number)
            if header is None:
                if expected and told and expected in told:
                    refs[number] = told[expected]
                continue
            if expected and header.hash != expected:
                self.forget_transactions()  # what names the other hash may be remembered from before a reorg
                raise RetryableError(
                    f"{self.spec.name}: block {number} has two hashes ({header.hash[:12]}.. and "
                    f"{expected[:12]}..): the chain is being reorganised or one endpoint is on another branch"
                )
            refs[number] = self.remember(header.ref)
        return refs

    def remember(self, ref: BlockRef) -> BlockRef:
        """Keep a block's time; blocks are remembered by hash, which a reorg cannot change."""
        self._times[ref.hash] = ref
        if len(self._times) > REMEMBERED_BLOCKS:
            self._times.popitem(last=False)
        return ref

    async def transactions(self, hashes: Sequence[str], *, remember: bool = True) -> dict[str, Fetched]:
        """Transactions with receipts. What no endpoint serves is None, with the node's own words.

        `remember` the last ones, for who reads address by address and meets them again.
        """
        found = {tx: self._fetched[tx] for tx in hashes if tx in self._fetched}
        missing = [tx for tx in dict.fromkeys(hashes) if tx not in found]
        calls = [
            Call(method, [tx])
            for tx in missing
            for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt")
        ]
        replies = await self._in_lanes(calls)
        for number, tx in enumerate(missing):
            got = _fetched(tx, replies[2 * number], replies[2 * number + 1])
            found[tx] = got
            if remember and got.tx is not None and got.receipt is not None:
                self._fetched[tx] = got
                if len(self._fetched) > REMEMBERED_TRANSACTIONS:
                    self._fetched.popitem(last=False)
        return found

    async def _in_lanes(self, calls: Sequence[Call]) -> list[Any]:
        """Many heavy answers: while one is read the next is on its way."""
        if len(calls) < LANES * LONG_LANE:
            return await self.pool.ask(calls) if calls else []
        size = -(-len(calls) // LANES)
        lanes = [
            asyncio.create_task(self.pool.ask(calls[start : start + size]))
            for start in range(0, len(calls), size)
        ]
        try:
            return [reply for replies in await asyncio.gather(*lanes) for reply in replies]
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    def forget_transactions(self) -> None:
        """Drop remembered receipts, after a reorg may have moved them to another block."""
        self._fetched.clear()

    async def linked(self, number: int) -> Header | None:
        """A header that its successor, where there is one, names as its parent; None when nobody has the block.

        A block of an abandoned branch fits its own hash. What it does not fit is the block that follows it.

        Raises:
            RefusedError: no endpoint serves the block.
            RetryableError: the two are of different branches: one of them is no longer, or an endpoint lies.
        """
        calls = [Call("eth_getBlockByNumber", [hex(each), False]) for each in (number, number + 1)]
        # at the head nobody has the next one: only the block itself is looked for everywhere
        reply, next_reply = await self.pool.ask(calls, null_is_final=True)
        if reply is None:
            reply = (await self.pool.ask(calls[:1]))[0]
        if isinstance(reply, Failure):
            raise RefusedError(f"{self.spec.name}: block {number} is not served: {reply.message}")
        if reply is None:
            return None
        header = parse_header(reply)
        if header.number != number:
            raise LyingSourceError(f"asked for block {number}, a node answered block {header.number}")
        if isinstance(next_reply, Mapping) and parse_header(next_reply).parent != header.hash:
            raise RetryableError(
                f"{self.spec.name}: blocks {number} and {number + 1} are of different branches: the chain is being "
                "reorganised or one endpoint is on another branch"
            )
        return header

    async def block_hash(self, number: int) -> str | None:
        """Hash of a block, None when the surviving chain is shorter.

        Raises:
            RetryableError: the block should exist, but the endpoints that answer are behind; or it is not of one
                branch with its successor.
        """
        header = await self.linked(number)
        if header is None and (await self.head()).number >= number:
            raise RetryableError(f"{self.spec.name}: block {number} exists, but is not served just now")
        return header.hash if header else None

    async def calls(
        self, requests: Sequence[tuple[str, str]], block: int | None = None
    ) -> list[bytes | Failure]:
        """`eth_call`s as (contract, data); a reverted or refused call is its `Failure`."""
        tag = "latest" if block is None else hex(block)
        replies = await self.pool.ask(
            [Call("eth_call", [{"to": to, "data": data}, tag]) for to, data in requests]
        )
        return [_bytes(reply) for reply in replies]


def _fetched(tx: str, transaction: Any, receipt: Any) -> Fetched:
    refused = ""
    if isinstance(transaction, Failure):
        refused, transaction = transaction.message, None
    if isinstance(receipt, Failure):
        refused, receipt = receipt.message, None
    if transaction is not None and _lower(transaction.get("hash")) != tx:
        raise LyingSourceError(f"asked for transaction {tx}, a node answered another one")
    if receipt is not None:
        if _lower(receipt.get("transactionHash")) != tx or not isinstance(receipt.get("logs"), list):
            raise LyingSourceError(f"asked for the receipt of {tx}, a node answered something else")
        if transaction is not None and transaction.get("blockHash") != receipt.get("blockHash"):
            raise RetryableError(
                f"transaction {tx} and its receipt name different blocks: a reorg is under way"
            )
    if transaction is not None and transaction.get("blockHash") is None:
        transaction = None  # pending again: it has no place in the chain
    return Fetched(transaction, receipt, refused)


def _lower(text: object) -> str:
    return text.lower() if isinstance(text, str) else ""


def _bytes(reply: Any) -> bytes | Failure:
    if isinstance(reply, Failure):
        return reply
    try:
        return bytes.fromhex(reply[2:])
    except (TypeError, ValueError):
        raise LyingSourceError(
            "a node answered eth_call with something that is no hexadecimal text"
        ) from None


def refused(reply: object) -> bool:
    """Whether a reply is a refusal that all endpoints share."""
    return isinstance(reply, Failure) and reply.refusal is Refusal.REFUSED
