"""What blocks did to addresses, settled from whole blocks, and what of their balances nobody explains."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from indexer.chains.evm.assemble import Assembled
from indexer.chains.evm.changes import Change
from indexer.chains.evm.decode import ZERO, Value
from indexer.chains.evm.feed import Block, BlockFeed
from indexer.chains.evm.node import Header, Node
from indexer.chains.evm.settle_many import settle_many
from indexer.chains.evm.settlement import Evidence, settle
from indexer.chains.evm.state import States
from indexer.chains.evm.tokens import Tokens
from indexer.model.chain import ChainSpec
from indexer.model.errors import RetryableError
from indexer.model.facts import BlockRef, Gap, GapCode, Transfer, TransferKind

AT_ONCE = 50
"""Whole blocks held in memory together."""
PLAIN_GAS = 21_000
"""What a transaction uses that runs no code."""
MAX_CALLEES = 20
"""Called contracts of one block whose balances are asked for."""

Told = Mapping[str, Sequence[Value]]
"""Internal movements by transaction, as a source listed them."""


def grant(spec: ChainSpec, ref: BlockRef, name: str, address: str, amount: int) -> Transfer:
    """A credit without a transaction: it bears a name in the transaction's place."""
    kind = TransferKind.NATIVE
    return Transfer(spec.id, name, kind.value, ref, ZERO, address, spec.native_id, amount, kind)


def delta(spec: ChainSpec, address: str, transfers: Iterable[Transfer]) -> int:
    """How far transfers move the coin's balance of an address."""
    return sum(
        t.amount * ((t.recipient == address) - (t.sender == address))
        for t in transfers
        if t.asset == spec.native_id
    )


@dataclass(slots=True)
class _Seen:
    """One block as addresses see it: evidence by transaction, and credits."""

    block: Block
    evidence: dict[str, Evidence]
    grants: list[Transfer]

    def explained(self, spec: ChainSpec, address: str) -> int:
        """What is known to have moved the address's coins in this block."""
        settled = [t for found in self.evidence.values() for t in settle(spec, address, found).transfers]
        return delta(spec, address, (*settled, *self.grants))


class Mender:
    """Settles whole blocks in which accounts are known to have changed."""

    def __init__(self, node: Node, tokens: Tokens, feed: BlockFeed, states: States) -> None:
        self.node = node
        self.spec = node.spec
        self.tokens = tokens
        self.feed = feed
        self.states = states

    async def settle(
        self,
        source: str,
        watched: frozenset[str],
        changed: Mapping[str, Sequence[Change]],
        told: Told | None = None,
    ) -> Assembled:
        """Every transfer of watched addresses in the blocks in which `changed` says that some of them changed; what
        does not add up to a balance is a gap. Each block is read once.

        Raises:
            RetryableError: a block is not served or the chain is being reorganised.
            RefusedError: the state of a contract that may explain a movement is not served.
        """
        by_block: dict[int, dict[str, Change]] = {}
        for address, found in changed.items():
            for change in found:
                by_block.setdefault(change.block, {})[address] = change
        numbers = sorted(by_block)
        parts: list[Assembled] = []
        if numbers:
            await self.feed.probe(numbers[-1])
        for start in range(0, len(numbers), AT_ONCE):
            wanted = numbers[start : start + AT_ONCE]
            seen: list[_Seen] = []
            gaps: list[Gap] = []
            for number, block in zip(wanted, await self.feed.single(wanted), strict=True):
                whole = see(self.spec, block, watched, told or {})
                for address, change in sorted(by_block[number].items()):
                    gaps += await self._balanced(address, source, whole, change)
                seen.append(whole)
            evidence = [found for whole in seen for found in whole.evidence.values()]
            grants = [each for whole in seen for each in whole.grants]
            built = await settle_many(self.spec, self.tokens, source, evidence, watched, granted=grants)
            parts.append(replace(built, gaps=built.gaps + tuple(gaps)))
        return together(parts)

    async def _balanced(self, address: str, source: str, whole: _Seen, change: Change) -> list[Gap]:
        """Make the block add up to the change of the balance, as far as that is certain; the rest is a gap."""
        rest = change.after.balance - change.before.balance - whole.explained(self.spec, address)
        if rest > 0 and change.block == 0:
            await self._check_genesis(whole.block.header)
            ref = whole.block.header.ref
            whole.grants.append(grant(self.spec, ref, f"genesis:{address}", address, rest))
            return []
        if not rest or await self._inferred(address, whole, rest):
            return []
        return [self._unexplained(address, source, whole, rest)]

    async def _check_genesis(self, header: Header) -> None:
        """Block 0 counts as its successor names it: a header by itself could be a lie."""
        successor = (await self.node.headers([1])).get(1)
        if successor is None or successor.parent != header.hash:
            raise RetryableError(f"{self.spec.name}: block 0 is not the parent of block 1")

    async def _inferred(self, address: str, whole: _Seen, rest: int) -> bool:
        """Whether exactly one transaction of an untraced block can have moved the rest: the contract that it called
        lost (or gained) just as much, and nothing that is known of the block explains it.
        """
        block = whole.block
        callees = [pair for pair in _ran(block) if pair[1] != address]
        if block.internals is not None or len(callees) > MAX_CALLEES:
            return False
        number = block.header.number
        fitting: list[tuple[str, str]] = []
        for tx, callee in callees:
            before, after = await self.states.at(callee, [number - 1, number])
            theirs = see(self.spec, block, frozenset({callee}), {})
            # what was inferred for another address of this block counts for its contract, too
            theirs.evidence.update({name: found for name, found in whole.evidence.items() if found.internals})
            if after.balance - before.balance - theirs.explained(self.spec, callee) == -rest:
                fitting.append((tx, callee))
        if len(fitting) != 1:
            return False
        tx, callee = fitting[0]
        value = Value(callee, address, rest) if rest > 0 else Value(address, callee, -rest)
        known = whole.evidence.get(tx) or _evidence(block, tx, None)
        whole.evidence[tx] = replace(known, internals=(*(known.internals or ()), value))
        return True

    def _unexplained(self, address: str, source: str, whole: _Seen, rest: int) -> Gap:
        number = whole.block.header.number
        word = "rose" if rest > 0 else "fell"
        if whole.block.internals is None:
            why = (
                "coins moved inside a contract call that no endpoint traces, or by the chain itself. "
                "Add an endpoint with trace_block or an explorer to the chains file."
            )
        else:
            why = "the chain itself moved them, without a transaction, a withdrawal or a trace that tells of it."
        return Gap(
            self.spec.id,
            address,
            GapCode.INTERNALS_UNKNOWN,
            source,
            f"block:{number}",
            f"The balance {word} by {abs(rest)} base units in block {number} beyond what its transactions explain: "
            f"{why}",
            number,
            number,
        )


def see(spec: ChainSpec, block: Block, watched: frozenset[str], told: Told) -> _Seen:
    """What some addresses have to do with a block. Traces win over what a source listed."""
    touched = {tx for address in watched.intersection(block.touching) for tx in block.touching[address]}
    evidence = {tx: _evidence(block, tx, told.get(tx)) for tx in block.txs if tx in touched or tx in told}
    sums: dict[tuple[str, str], int] = {}
    for recipient, name, amount in block.grants:
        if recipient in watched and amount:
            sums[name, recipient] = sums.get((name, recipient), 0) + amount
    grants = [grant(spec, block.header.ref, name, who, amount) for (name, who), amount in sums.items()]
    return _Seen(block, evidence, grants)


def _evidence(block: Block, tx: str, told: Sequence[Value] | None) -> Evidence:
    internals = None if told is None else tuple(told)
    if block.internals is not None:
        internals = tuple(block.internals.get(tx, ()))
    return Evidence(tx, block.header.ref, block.txs[tx], block.receipts.get(tx), internals=internals)


def _ran(block: Block) -> list[tuple[str, str]]:
    """Transactions that ran code with success, with the contract each called or made."""
    found = []
    for tx, receipt in block.receipts.items():
        if receipt.get("status") == "0x0" or int(receipt["gasUsed"], 16) <= PLAIN_GAS:
            continue
        body: Mapping[str, Any] = block.txs[tx]
        callee = body.get("to") or receipt.get("contractAddress")
        if callee:
            found.append((tx, str(callee).lower()))
    return found


def together(parts: Sequence[Assembled]) -> Assembled:
    """Several stretches as one."""
    return Assembled(
        tuple({t.key: t for part in parts for t in part.transfers}.values()),
        tuple({(raw.tx, raw.block_hash): raw for part in parts for raw in part.raws}.values()),
        tuple({asset.id: asset for part in parts for asset in part.assets}.values()),
        tuple(gap for part in parts for gap in part.gaps),
    )


def joined(whole: Assembled, blocks: Collection[int], other: Assembled) -> Assembled:
    """Two tellings of one stretch: `blocks` are those that `whole` tells in full, the rest is the other's."""
    kept = tuple(t for t in other.transfers if t.block.number not in blocks)
    gaps = tuple(gap for gap in other.gaps if gap.from_block is None or gap.from_block not in blocks)
    raws = {raw.tx: raw for raw in (*other.raws, *whole.raws)}
    assets = {asset.id: asset for asset in (*other.assets, *whole.assets)}
    return Assembled(whole.transfers + kept, tuple(raws.values()), tuple(assets.values()), whole.gaps + gaps)
