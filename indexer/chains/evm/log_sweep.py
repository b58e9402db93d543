"""Source `logs`: token history of many addresses by `eth_getLogs`, a query for all of them.

What else the transactions did (coins they carried, fees, other logs) the source `receipts` tells afterwards: once
for a transaction, however many addresses it touches.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from indexer.chains.evm.decode import Log, Move, read_logs
from indexer.chains.evm.details import Details
from indexer.chains.evm.node import Node
from indexer.chains.evm.parties import of_log
from indexer.chains.evm.plain import Answer
from indexer.chains.evm.scan import LogScanner, Scanned
from indexer.chains.evm.settle_many import unnamed
from indexer.chains.evm.settlement import rules_of, token_transfer
from indexer.chains.evm.tokens import Asking, Tokens
from indexer.model.errors import RetryableError
from indexer.model.facts import BlockRef, Gap, GapCode, RawTransaction, Sweep, Transfer
from indexer.model.stored import LOGS

NAME = LOGS
EPOCH = datetime.fromtimestamp(0, UTC)
ENOUGH = 5_000
"""Transfers that are told together, at least."""
CARRIED = 200
"""Transactions whose coins a contract logs that are fetched together."""
FIRM = 128
"""Blocks below the head in which a log's word for its block is checked against the block itself."""


@dataclass(slots=True)
class _Found:
    """What was read since the last commit."""

    transfers: list[Transfer] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    raws: list[RawTransaction] = field(default_factory=list)


class LogSweep:
    """Sweeps of token facts."""

    def __init__(self, node: Node, tokens: Tokens, details: Details) -> None:
        self.node = node
        self.spec = node.spec
        self.tokens = tokens
        self.details = details
        self.scanner = LogScanner(node)
        self._rules = rules_of(self.spec)

    async def sweep(
        self, addresses: frozenset[str], first: int, last: int, head: BlockRef
    ) -> AsyncIterator[Sweep]:
        """See `ChainReader.sweep`.

        Raises:
            RefusedError: no endpoint serves `eth_getLogs`.
        """
        found = _Found()
        before = EPOCH
        async with Asking(self.tokens) as asking:
            async for scanned in self.scanner.scan(addresses, first, last, head):
                seen = len(found.transfers)
                await self._read(addresses, scanned, before, head, found)
                before = scanned.end.ref.time
                await asking.about(fact.asset for fact in found.transfers[seen:])
                if len(found.transfers) >= ENOUGH or scanned.end.number == last:
                    assets = await asking.assets(fact.asset for fact in found.transfers)
                    unknown = unnamed(self.spec, NAME, assets, found.transfers, addresses)
                    yield Sweep(
                        self.spec.id,
                        NAME,
                        scanned.end.number,
                        found.transfers,
                        raws=found.raws,
                        assets=assets,
                        gaps=[*found.gaps, *unknown],
                        replaces_gaps=first <= self.spec.start_block,
                        anchors=(scanned.end.ref,),
                        target=last,
                    )
                    found, first = _Found(), scanned.end.number + 1

    async def _read(
        self, addresses: frozenset[str], scanned: Scanned, before: datetime, head: BlockRef, found: _Found
    ) -> None:
        refs = await self._blocks(scanned, before, head)
        transfers = _placed(scanned.told, refs)
        carried: dict[str, BlockRef] = {}
        for tx, logs in _by_transaction(scanned.told.logs).items():
            reading = read_logs(logs, self._rules)
            ref = refs[logs[0].block]
            transfers += [
                token_transfer(self.spec, tx, ref, move)
                for move in reading.moves
                if _touches(move, addresses)
            ]
            for index, problem in reading.problems:
                found.gaps += self._unread(logs, index, problem, addresses)
            # only the whole transaction tells which moves of the coin it carried itself, and its fee
            if any(log.address == self._rules.native_mirror for log in logs):
                carried[tx] = ref
        for part in batches(carried, CARRIED):
            told = await self.details.of(part, addresses)
            transfers += told.transfers
            found.raws += told.raws
            found.gaps += told.gaps
        found.transfers += transfers

    async def _blocks(self, scanned: Scanned, before: datetime, head: BlockRef) -> dict[int, BlockRef]:
        """The block of every log. The logs' own stamps are believed where they ascend between the headers around them;
        near the head, where two branches may be about, every header is asked.

        Raises:
            RetryableError: logs, or a log and a header, tell two hashes of one block; or a header is not served.
        """
        name, firm = self.spec.name, head.number - FIRM
        refs: dict[int, BlockRef] = {}
        for ref in scanned.told.blocks:
            if refs.setdefault(ref.number, ref).hash != ref.hash:
                raise RetryableError(f"{name} was reorganised at block {ref.number} while it was read")
        doubtful: dict[int, str] = {}
        latest, end = before, scanned.end.ref.time
        for number, ref in sorted(refs.items()):
            timeless = number in scanned.told.timeless
            if timeless or number > firm or not latest <= ref.time <= end:
                doubtful[number] = ref.hash
            else:
                latest = ref.time
        if doubtful:
            headers = await self.node.block_refs(doubtful.items())
            if missing := doubtful.keys() - headers.keys():
                raise RetryableError(f"{name}: no endpoint tells the time of block {min(missing)}")
            refs |= headers
        return refs

    def _unread(
        self, logs: Sequence[Log], index: int, problem: str, addresses: frozenset[str]
    ) -> Iterator[Gap]:
        log = next(each for each in logs if each.log_index == index)
        for address in sorted(addresses.intersection(of_log(log.topics, log.data))):
            yield Gap(
                self.spec.id,
                address,
                GapCode.DECODE_FAILED,
                NAME,
                f"{log.tx}:{index}",
                f"A token log was not understood: {problem}.",
                log.block,
                log.block,
            )


def batches(txs: Mapping[str, BlockRef], size: int) -> Iterator[dict[str, BlockRef]]:
    """Parts of at most so many transactions."""
    items = list(txs.items())
    for start in range(0, len(items), size):
        yield dict(items[start : start + size])


def _placed(told: Answer, refs: Mapping[int, BlockRef]) -> list[Transfer]:
    """The plain transfers, in the blocks that were believed in the end."""
    wrong = {ref.number for ref in told.blocks if refs[ref.number] != ref}
    if not wrong:
        return told.transfers
    return [
        fact._replace(block=refs[fact.block.number]) if fact.block.number in wrong else fact
        for fact in told.transfers
    ]


def _by_transaction(logs: Iterable[Log]) -> dict[str, list[Log]]:
    """Each log once, in the order of their indexes; several queries may answer one."""
    once = {(log.block, log.log_index): log for log in logs}
    found: dict[str, list[Log]] = {}
    for _, log in sorted(once.items()):
        found.setdefault(log.tx, []).append(log)
    return found


def _touches(move: Move, addresses: frozenset[str]) -> bool:
    return move.sender in addresses or move.recipient in addresses
