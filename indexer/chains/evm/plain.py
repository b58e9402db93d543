"""Answers to `eth_getLogs` read in one pass: plain ERC-20 transfers, nearly all there are, become facts at once.

Hot path: per log a few look-ups and one tuple. Whatever is not plain comes out as `Log`, for a closer look.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from indexer.chains.evm.decode import CRYPTOKITTIES, TRANSFER, Log, new_tuple, parse_logs
from indexer.chains.evm.filters import Query
from indexer.chains.evm.node import block_ref
from indexer.chains.evm.raw_log import RawLog
from indexer.chains.evm.settlement import rules_of
from indexer.chains.evm.tokens import erc20_id
from indexer.model.chain import ChainSpec
from indexer.model.errors import LyingSourceError
from indexer.model.facts import BlockRef, Transfer, TransferKind

END_OF_TIME = 1 << 36
"""The year 4147: no block is younger."""
REMEMBERED = 50_000
"""Addresses whose text is kept for the next answers."""


@dataclass(slots=True)
class Answer:
    """What logs tell that concern watched addresses; another query may tell the same again."""

    transfers: list[Transfer] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    """Those that are no plain transfers."""
    blocks: list[BlockRef] = field(default_factory=list)
    """The blocks of all of it by the logs' own words, each at least once."""
    timeless: set[int] = field(default_factory=set)
    """Blocks whose time the node did not tell beside their logs."""

    def add(self, other: "Answer") -> None:
        """Join what another answer tells, which is not to be used any more."""
        if not self.transfers:
            self.transfers = other.transfers  # mostly all there is
        else:
            self.transfers += other.transfers
        self.logs += other.logs
        self.blocks += other.blocks
        self.timeless |= other.timeless

    def block(self, number: int, block_hash: str, seconds: int | None) -> BlockRef:
        """Note a block that something was told of."""
        if seconds is None or not 0 <= seconds < END_OF_TIME:
            seconds = 0
            self.timeless.add(number)
        ref = block_ref(number, block_hash, seconds)
        self.blocks.append(ref)
        return ref


class AnswerReader:
    """Reads answers for one chain."""

    def __init__(self, spec: ChainSpec) -> None:
        rules = rules_of(spec)
        self._spec = spec
        odd = frozenset({rules.wrapped_native, rules.native_mirror, CRYPTOKITTIES})
        self._assets = _Assets(spec, odd)
        self._parties = _Parties()
        self._positions = _Positions()

    def read(self, raws: Sequence[RawLog], query: Query) -> Answer:
        """Read the answer to a query.

        Raises:
            LyingSourceError: a log is malformed, or does not answer the query.
        """
        answer = Answer()
        try:
            rest = self._plain(raws, query, answer)
        except ValueError as error:
            raise LyingSourceError(f"a malformed log was answered ({error})") from None
        answer.logs = query.kept(parse_logs(rest))
        last = None
        for log in answer.logs:
            if log.block_hash is not last:  # logs of one block follow each other and share its hash
                last = log.block_hash
                answer.block(log.block, last, log.time)
        return answer

    def _plain(self, raws: Iterable[RawLog], query: Query, answer: Answer) -> list[RawLog]:
        """Plain transfers that answer the query; returns the other logs."""
        chain, kind = self._spec.id, TransferKind.ERC20
        watched, place = query.watched, query.place
        if place == 3:
            return list(raws)  # where nothing of a plain transfer stands
        if len(self._parties) > REMEMBERED:
            self._parties.clear()
        asset_of, party_of = self._assets.__getitem__, self._parties.__getitem__
        position_of = self._positions.__getitem__
        transfers = answer.transfers
        rest: list[RawLog] = []
        tag = hashed = stamp = tx_as_told = None
        tx = ""
        block: BlockRef | None = None
        for raw in raws:
            topics, data = raw.topics, raw.data
            if len(topics) != 3 or topics[0] != TRANSFER or len(data) != 66:
                rest.append(raw)
                continue
            _, sent, received = topics
            told = sent in watched or received in watched if place is None else topics[place] in watched
            asset = asset_of(raw.address) if told else None
            if asset is None:
                rest.append(raw)
                continue
            if raw.block_hash != hashed or raw.block_number != tag or raw.block_timestamp != stamp:
                tag, hashed, stamp = raw.block_number, raw.block_hash, raw.block_timestamp
                seconds = int(stamp, 16) if isinstance(stamp, str) else None
                block = answer.block(int(tag, 16), hashed.lower(), seconds)
            if raw.transaction_hash != tx_as_told:  # whose logs follow each other
                tx_as_told = raw.transaction_hash
                tx = tx_as_told.lower()
            position, parties = position_of(raw.log_index), (party_of(sent), party_of(received))
            fact = (chain, tx, position, block, *parties, asset, int(data, 16), kind, None, None)
            transfers.append(new_tuple(Transfer, fact))
        return rest


class _Assets(dict[str, str | None]):
    """Assets by the contract's address as it is written; None of those whose Transfer logs say something else, or not all."""

    def __init__(self, spec: ChainSpec, odd: frozenset[str | None]) -> None:
        super().__init__()
        self._spec = spec
        self._odd = odd

    def __missing__(self, text: str) -> str | None:
        address = text.lower()
        self[text] = asset = None if address in self._odd else erc20_id(self._spec, address)
        return asset


class _Parties(dict[str, str]):
    """Addresses by their topics, each made once: most come again and again."""

    def __missing__(self, topic: str) -> str:
        self[topic] = address = "0x" + topic[26:].lower()
        return address


class _Positions(dict[str, str]):
    """Positions by the log's index."""

    def __missing__(self, index: str) -> str:
        self[index] = position = f"log:{int(index, 16)}"
        return position
