"""Source `logs`: token history of many addresses by `eth_getLogs`, a query for all of them.

What else the transactions did (coins they carried, fees, other logs) the source `receipts` tells afterwards: once
for a transaction, however many addresses it touches.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.chains.evm.decode import CRYPTOKITTIES, TRANSFER, Log, Move, new_tuple, read_logs
from indexer.chains.evm.details import Details
from indexer.chains.evm.node import Node, block_ref
from indexer.chains.evm.parties import of_log
from indexer.chains.evm.scan import LogScanner, Scanned
from indexer.chains.evm.settle_many import unnamed
from indexer.chains.evm.settlement import rules_of, token_transfer
from indexer.chains.evm.tokens import Tokens, erc20_id
from indexer.model.facts import BlockRef, Gap, GapCode, RawTransaction, Sweep, Transfer, TransferKind
from indexer.model.stored import LOGS

NAME = LOGS
ENOUGH = 5_000
"""Transfers that are committed together, at least."""
A_COMMIT_COSTS = 5
"""Transfers whose writing takes as long as moving the cursor of one address: many addresses are committed less often."""
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
        rules = rules_of(self.spec)
        self._rules = rules
        self._odd = {rules.wrapped_native, rules.native_mirror, CRYPTOKITTIES}
        """Contracts whose Transfer logs say something else, or not all."""

    async def sweep(
        self, addresses: frozenset[str], first: int, last: int, head: BlockRef
    ) -> AsyncIterator[Sweep]:
        """See `ChainReader.sweep`.

        Raises:
            RefusedError: no endpoint serves `eth_getLogs`.
        """
        found = _Found()
        enough = max(ENOUGH, A_COMMIT_COSTS * len(addresses))
        before = 0
        async for scanned in self.scanner.scan(addresses, first, last, head):
            await self._read(addresses, scanned, before, head, found)
            before = scanned.end.time
            scanned.logs.clear()  # they would be there twice while the facts are written
            if len(found.transfers) >= enough or scanned.end.number == last:
                # once a commit: after every stretch, the next one would wait for their names
                assets = await self.tokens.assets(dict.fromkeys([fact.asset for fact in found.transfers]))
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
        self, addresses: frozenset[str], scanned: Scanned, before: int, head: BlockRef, found: _Found
    ) -> None:
        refs = await self._blocks(scanned, before, head)
        transfers, rest = self._plain(scanned.logs, refs, addresses)
        carried: dict[str, BlockRef] = {}
        for tx, logs in _by_transaction(rest).items():
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

    def _plain(
        self, logs: Sequence[Log], refs: Mapping[int, BlockRef], addresses: frozenset[str]
    ) -> tuple[list[Transfer], list[Log]]:
        """Transfers of plain ERC-20 logs, nearly all there are; and the logs that need a closer look."""
        chain, kind = self.spec.id, TransferKind.ERC20
        ids: dict[str, str] = {}
        parties = _Parties()
        transfers: list[Transfer] = []
        rest: list[Log] = []
        for log in logs:
            contract, topics, data, block, _, tx, index, _ = log
            if len(topics) != 3 or topics[0] != TRANSFER or len(data) != 66 or contract in self._odd:
                rest.append(log)
                continue
            sender, recipient = parties[topics[1]], parties[topics[2]]
            if sender not in addresses and recipient not in addresses:
                continue
            asset = ids.get(contract)
            if asset is None:
                asset = ids[contract] = erc20_id(self.spec, contract)
            place = (chain, tx, f"log:{index}", refs[block])
            transfers.append(
                new_tuple(Transfer, (*place, sender, recipient, asset, int(data, 16), kind, None, None))
            )
        return transfers, rest

    async def _blocks(self, scanned: Scanned, before: int, head: BlockRef) -> dict[int, BlockRef]:
        """The block of every log. The logs' own stamps are believed where they ascend between the headers around them;
        near the head, where two branches may be about, every header is asked.
        """
        firm = head.number - FIRM
        stamps: dict[int, BlockRef] = {}
        doubtful: dict[int, str] = {}
        latest = before
        last = None
        for log in scanned.logs:
            if log.block_hash is last:
                continue  # logs of one block follow each other and share its hash
            last = log.block_hash
            known = stamps.get(log.block)
            if known is not None and known.hash == log.block_hash:
                continue
            if log.time is None or known or log.block > firm or not latest <= log.time <= scanned.end.time:
                doubtful[log.block] = log.block_hash
                continue
            latest = log.time
            stamps[log.block] = block_ref(log.block, log.block_hash, log.time)
        return stamps | (await self.node.block_refs(doubtful.items()) if doubtful else {})

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


class _Parties(dict[str, str]):
    """Addresses by their topics, each made once: most come again and again."""

    def __missing__(self, topic: str) -> str:
        self[topic] = address = "0x" + topic[26:]
        return address


def batches(txs: Mapping[str, BlockRef], size: int) -> Iterator[dict[str, BlockRef]]:
    """Parts of at most so many transactions."""
    items = list(txs.items())
    for start in range(0, len(items), size):
        yield dict(items[start : start + size])


def _by_transaction(logs: Iterable[Log]) -> dict[str, list[Log]]:
    found: dict[str, list[Log]] = {}
    for log in logs:
        found.setdefault(log.tx, []).append(log)
    return found


def _touches(move: Move, addresses: frozenset[str]) -> bool:
    return move.sender in addresses or move.recipient in addresses
