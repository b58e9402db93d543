"""Source `trace_filter`: native history of many addresses, internal calls included, without reading the whole chain."""

from collections.abc import AsyncIterator, Mapping, Sequence

from indexer.chains.evm.assemble import Assembled, Assembler, Touched
from indexer.chains.evm.closing import Closer
from indexer.chains.evm.decode import Value
from indexer.chains.evm.endpoint import Call
from indexer.chains.evm.mending import grant, together
from indexer.chains.evm.node import Node
from indexer.chains.evm.settle_many import settle_many
from indexer.chains.evm.trace_filter import METHOD, Trace, Traced, TraceScanner, block_of, parties
from indexer.chains.evm.traces import of_parity, reward_name
from indexer.model.errors import LyingSourceError, RetryableError
from indexer.model.facts import BlockRef, Gap, GapCode, Sweep, Transfer

NAME = "trace_filter"
MOVING = frozenset({"call", "create", "suicide", "selfdestruct"})
CHUNK = 500
"""Transactions that are fetched together."""
ENOUGH = 5_000
"""Transfers that are committed together."""
LONG_STRETCH = 1_000_000
"""Blocks that are committed together, when they hold less."""
PROBED = 16
"""Newest blocks that are searched for a call by which the filter is proved."""


class TraceSweep:
    """Sweeps of native facts; withdrawals, fees and rewards too, where an archive shows that they are missing."""

    def __init__(self, assembler: Assembler, closer: Closer) -> None:
        self.node: Node = assembler.node
        self.spec = assembler.spec
        self.assembler = assembler
        self.closer = closer
        self.scanner = TraceScanner(self.node)

    async def sweep(
        self, addresses: frozenset[str], first: int, last: int, head: BlockRef
    ) -> AsyncIterator[Sweep]:
        """See `ChainReader.sweep`.

        Raises:
            RefusedError: no endpoint serves `trace_filter`.
        """
        parts: list[Assembled] = []
        start, anew, facts = first, first <= self.spec.start_block, 0
        told: dict[str, Sequence[Value]] = {}
        async for traced in self.scanner.scan(addresses, first, last, head):
            parts.append(await self._settle(addresses, traced, told))
            facts += len(parts[-1].transfers)
            end = traced.end.number
            if facts < ENOUGH and end < last and end - start < LONG_STRETCH:
                continue
            built = await self.closer.close(NAME, addresses, (start, end), together(parts), told)
            yield built.swept(self.spec.id, NAME, traced.end.ref, last, anew=anew)
            parts, start, anew, facts, told = [], end + 1, False, 0, {}

    async def _settle(
        self, addresses: frozenset[str], traced: Traced, told: dict[str, Sequence[Value]]
    ) -> Assembled:
        """Everything the frames of one window tell of the addresses."""
        found: dict[str, Touched] = {}
        nested: dict[str, int] = {}
        rewards = [trace for trace in traced.traces if trace.get("type") == "reward"]
        for trace in traced.traces:
            if trace.get("type") == "reward" or (trace.get("traceAddress") and not _moves(trace)):
                continue
            tx = str(trace.get("transactionHash") or "").lower()
            if len(tx) != 66:
                raise LyingSourceError("a trace without its transaction was answered")
            block_hash = str(trace.get("blockHash") or "").lower() or None
            found.setdefault(tx, Touched(tx, block_of(trace), block_hash))
            if trace["traceAddress"]:
                nested[tx] = block_of(trace)
        gaps = await self._internals(addresses, traced, found, nested)
        told.update({tx: item.internals for tx, item in found.items() if item.internals is not None})
        granted = await self._rewards(addresses, rewards)
        parts: list[Assembled] = [Assembled((), (), (), tuple(gaps))]
        items = list(found.values())
        for at in range(0, max(1, len(items)), CHUNK):
            gathered = await self.assembler.gather(items[at : at + CHUNK])
            if gathered.homeless:
                tx = gathered.homeless[0][0].tx
                raise RetryableError(f"{self.spec.name}: transaction {tx} is traced, but no block holds it")
            parts.append(
                await settle_many(
                    self.spec, self.assembler.tokens, NAME, gathered.found, addresses, granted=granted
                )
            )
            granted = []
        return together(parts)

    async def _internals(
        self,
        addresses: frozenset[str],
        traced: Traced,
        found: Mapping[str, Touched],
        nested: Mapping[str, int],
    ) -> list[Gap]:
        """A filter answers a frame without those around it, and one that failed takes it along: the whole transaction
        is asked for. What no endpoint traces is a gap.
        """
        wanted = list(nested)
        replies = await self.node.pool.ask([Call("trace_transaction", [tx]) for tx in wanted])
        whole = dict(zip(wanted, replies, strict=True))
        lacking = sorted({nested[tx] for tx in wanted if not isinstance(whole[tx], list)})
        blocks = await self.node.pool.ask([Call("trace_block", [hex(number)]) for number in lacking])
        for number, rows in zip(lacking, blocks, strict=True):
            if isinstance(rows, list):
                for tx in (tx for tx in wanted if nested[tx] == number):
                    whole[tx] = [row for row in rows if str(row.get("transactionHash")).lower() == tx]
        gaps: list[Gap] = []
        for tx in wanted:
            traces = whole[tx]
            if isinstance(traces, list):
                if not _is_whole(tx, found[tx], traces):
                    raise RetryableError(
                        f"{self.spec.name}: the traces of transaction {tx} are of another block"
                    )
                found[tx].internals = of_parity(traces)[0].get(tx, [])
                continue
            frames = [row for row in traced.traces if str(row.get("transactionHash")).lower() == tx]
            named = {party for row in frames for party in parties(row)} & addresses
            gaps += [self._untraced(address, tx, nested[tx]) for address in sorted(named)]
        return gaps

    def _untraced(self, address: str, tx: str, block: int) -> Gap:
        text = "No endpoint traces this transaction: whether its internal calls took effect is unknown."
        return Gap(self.spec.id, address, GapCode.INTERNALS_UNKNOWN, NAME, tx, text, block, block)

    async def _rewards(self, addresses: frozenset[str], rewards: Sequence[Trace]) -> list[Transfer]:
        """Block rewards, in blocks whose hash the node's own header confirms."""
        if not rewards:
            return []
        refs = await self.node.block_refs({block_of(r): str(r["blockHash"]).lower() for r in rewards}.items())
        sums: dict[tuple[int, str, str], int] = {}
        for row, (recipient, kind, amount) in zip(rewards, of_parity(rewards)[1], strict=True):
            if recipient in addresses:
                key = (block_of(row), kind, recipient)
                sums[key] = sums.get(key, 0) + amount
        return [
            grant(self.spec, refs[number], reward_name(kind, number, recipient), recipient, amount)
            for (number, kind, recipient), amount in sums.items()
            if amount and number in refs
        ]


def _moves(trace: Trace) -> bool:
    """Whether a frame moves coins if it holds; calls that borrow code move nothing."""
    kind, action = trace.get("type"), trace["action"]
    if kind not in MOVING or (kind == "call" and action.get("callType", "call") != "call"):
        return False
    amount = action.get("balance") if kind in {"suicide", "selfdestruct"} else action.get("value")
    return bool(amount) and int(amount, 16) > 0


def _is_whole(tx: str, item: Touched, traces: Sequence[Trace]) -> bool:
    """Whether these are the frames of the transaction, in the block where the filter found it."""
    heads = [row for row in traces if row.get("traceAddress") == []]
    same = all(str(row.get("transactionHash")).lower() == tx for row in traces)
    placed = len(heads) == 1 and (
        item.block_hash is None or str(heads[0].get("blockHash")).lower() == item.block_hash
    )
    return same and placed


async def works(node: Node) -> bool:
    """Whether an endpoint answers `trace_filter`, and finds a call inside a transaction by its recipient. Some versions
    of nodes ignore the lists, or match the sender and recipient of transactions alone.

    Raises:
        RetryableError: nobody answers now.
    """
    head = (await node.head()).number
    if not isinstance(await _filtered(node, head, "0x" + "0" * 40), list):
        return False
    newest = range(head, max(-1, head - PROBED), -1)
    for answer in await node.pool.ask([Call("trace_block", [hex(number)]) for number in newest]):
        rows = answer if isinstance(answer, list) else []
        inner = next((row for row in rows if row.get("traceAddress") and row.get("type") == "call"), None)
        if inner is not None:
            target = str(inner["action"]["to"]).lower()
            found = await _filtered(node, block_of(inner), target)
            if not isinstance(found, list) or not all(target in parties(row) for row in found):
                return False
            return any(row.get("traceAddress") == inner["traceAddress"] for row in found)
    return True


async def _filtered(node: Node, number: int, recipient: str) -> object:
    query = {"fromBlock": hex(number), "toBlock": hex(number), "toAddress": [recipient]}
    return (await node.pool.ask([Call(METHOD, [query])]))[0]
