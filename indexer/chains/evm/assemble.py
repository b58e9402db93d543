"""From the transactions that touch an address to a page of facts, whichever source found them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from indexer.chains.evm.decode import Log, Move, Value
from indexer.chains.evm.node import NOTHING, Fetched, Node, block_ref
from indexer.chains.evm.settlement import Evidence, as_gaps, settle
from indexer.chains.evm.tokens import TokenFacts, Tokens, decimals_gaps
from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec
from indexer.model.facts import BlockRef, Gap, GapCode, RawTransaction, Sweep, Transfer


@dataclass(slots=True)
class Touched:
    """A transaction that some source says touches the address, with what that source told of it.

    `stamp` is the block's time in Unix seconds as the source gives it. `firm` is the block as the ledger has it, where
    it lies so deep that nodes which place the transaction there as well are believed without its header.
    """

    tx: str
    block: int
    block_hash: str | None = None
    stamp: int | None = None
    row: Mapping[str, Any] | None = None
    logs: list[Log] = field(default_factory=list)
    internals: list[Value] | None = None
    moves: list[Move] = field(default_factory=list)
    pending: bool = False
    firm: BlockRef | None = None


@dataclass(frozen=True, slots=True)
class Assembled:
    """The parts of a `FactPage` that come from transactions."""

    transfers: tuple[Transfer, ...]
    raws: tuple[RawTransaction, ...]
    assets: tuple[Asset, ...]
    gaps: tuple[Gap, ...]

    def swept(self, chain: str, source: str, end: BlockRef, target: int, *, anew: bool) -> Sweep:
        """As what a source tells up to a block; `anew`: earlier gaps of it are void."""
        return Sweep(
            chain,
            source,
            end.number,
            self.transfers,
            raws=self.raws,
            assets=self.assets,
            gaps=self.gaps,
            replaces_gaps=anew,
            anchors=(end,),
            target=target,
        )


@dataclass(frozen=True, slots=True)
class Gathered:
    """Evidence of transactions that have their place, with what was fetched, and those that no block holds."""

    found: list[Evidence]
    placed: list[tuple[Touched, Fetched]]
    homeless: list[tuple[Touched, Fetched]]


class Assembler:
    """Fetches transactions, receipts and headers in batches and settles each."""

    def __init__(self, node: Node, tokens: Tokens) -> None:
        self.node = node
        self.spec = node.spec
        self.tokens = tokens

    async def build(
        self,
        address: str,
        source: str,
        touched: Sequence[Touched],
        told: dict[str, TokenFacts] | None = None,
    ) -> Assembled:
        """Return every transfer of `address` in these transactions.

        Raises:
            RetryableError: nodes do not answer, or hashes show that the chain is being reorganised.
        """
        gathered = await self.gather(touched, remember=True)
        built = await settle_all(self.spec, self.tokens, address, source, gathered.found, told=told)
        gaps = [self._homeless(address, source, item, got) for item, got in gathered.homeless]
        for item, got in gathered.placed:
            gaps += self._omitted(address, source, item, got)
        return replace(built, gaps=built.gaps + tuple(gaps))

    async def gather(self, touched: Sequence[Touched], *, remember: bool = False) -> Gathered:
        """What nodes tell of these transactions; `remember` it where other addresses will ask the same.

        Raises:
            RetryableError: nodes do not answer, or hashes show that the chain is being reorganised.
        """
        fetched = await self.node.transactions([t.tx for t in touched], remember=remember)
        refs = await self._blocks(touched, fetched)
        absent = await self._absent(touched, fetched)
        out = Gathered([], [], [])
        for item in sorted(touched, key=lambda t: (t.block, t.tx)):
            got = fetched[item.tx]
            ref = refs.get(item.block)
            if ref is None or item.tx in absent:
                out.homeless.append((item, got))
                continue
            out.placed.append((item, got))
            out.found.append(
                Evidence(
                    tx=item.tx,
                    block=ref,
                    node_tx=got.tx,
                    receipt=got.receipt,
                    row=item.row,
                    logs=tuple(item.logs),
                    internals=None if item.internals is None else tuple(item.internals),
                    internals_pending=item.pending,
                    told=tuple(item.moves),
                )
            )
        return out

    async def _blocks(
        self, touched: Sequence[Touched], fetched: Mapping[str, Fetched]
    ) -> dict[int, BlockRef]:
        """The block of every transaction; what the node says of it wins over what the source says."""
        wanted: list[tuple[int, str | None]] = []
        told: dict[str, BlockRef] = {}
        known: dict[int, BlockRef] = {}
        for item in touched:
            got = fetched[item.tx]
            placed = got.receipt or got.tx
            if placed is not None:
                item.block = int(placed["blockNumber"], 16)
                item.block_hash = placed["blockHash"].lower()
                firm = item.firm
                if firm is not None and firm.hash == item.block_hash and firm.number == item.block:
                    known[firm.number] = firm
                    continue
            wanted.append((item.block, item.block_hash))
            if item.block_hash and item.stamp is not None:
                told[item.block_hash] = block_ref(item.block, item.block_hash, item.stamp)
        if not wanted:
            return known
        wanted += [(number, known[number].hash) for number, _ in wanted if number in known]
        return known | await self.node.block_refs(wanted, told=told)

    async def _absent(self, touched: Sequence[Touched], fetched: Mapping[str, Fetched]) -> set[str]:
        """Transactions that their own block does not list. A node that answers null may only have dropped its index
        of old transactions; the block itself decides.
        """
        unseen = [t for t in touched if fetched[t.tx] == NOTHING]
        listed = await self.node.listed({t.block for t in unseen}) if unseen else {}
        return {t.tx for t in unseen if t.block in listed and t.tx not in listed[t.block]}

    def _homeless(self, address: str, source: str, item: Touched, got: Fetched) -> Gap:
        return Gap(
            self.spec.id,
            address,
            GapCode.SOURCE_CONFLICT,
            source,
            item.tx,
            f"{source} lists this transaction in block {item.block}, where no endpoint has it"
            f"{' (' + got.refused + ')' if got.refused else ''}: it is not counted.",
            item.block,
            item.block,
        )

    def _omitted(self, address: str, source: str, item: Touched, got: Fetched) -> list[Gap]:
        """A log that a query answered and the receipt does not contain: one of the two is wrong."""
        if got.receipt is None or not item.logs:
            return []
        indexes = {int(log["logIndex"], 16) for log in got.receipt["logs"]}
        return [
            Gap(
                self.spec.id,
                address,
                GapCode.SOURCE_CONFLICT,
                source,
                f"{item.tx}:{log.log_index}",
                "A log query answered a log that the transaction's receipt does not contain; the receipt is believed.",
                item.block,
                item.block,
            )
            for log in item.logs
            if log.log_index not in indexes
        ]


async def settle_all(
    spec: ChainSpec,
    tokens: Tokens,
    address: str,
    source: str,
    found: Sequence[Evidence],
    *,
    granted: Sequence[Transfer] = (),
    told: dict[str, TokenFacts] | None = None,
) -> Assembled:
    """Settle every transaction and name the assets; `granted` are transfers that have no transaction."""
    transfers = list(granted)
    gaps: list[Gap] = []
    for evidence in found:
        tokens.saw(evidence.receipt, (address,))
        settled = settle(spec, address, evidence)
        transfers.extend(settled.transfers)
        gaps.extend(as_gaps(spec, address, source, evidence.block.number, settled.gaps))
    assets = await tokens.assets((t.asset for t in transfers), told)
    gaps.extend(decimals_gaps(assets, spec, address, source))
    raws = tuple(raw_transaction(spec, source, evidence) for evidence in found)
    return Assembled(tuple(transfers), raws, assets, tuple(gaps))


def raw_transaction(spec: ChainSpec, source: str, found: Evidence) -> RawTransaction:
    """What is kept of a transaction for later decoders."""
    from_node = found.node_tx is not None and found.receipt is not None
    payload: dict[str, Any] = {
        "tx": found.node_tx if found.node_tx is not None else found.row,
        "receipt": found.receipt,
    }
    if found.internals is not None:
        payload["internals"] = [
            {"from": v.sender, "to": v.recipient, "value": str(v.amount)} for v in found.internals
        ]
    origin = "node" if from_node else source
    return RawTransaction(spec.id, found.tx, found.block.hash, origin, orjson.dumps(payload))


def by_blocks(touched: list[Touched], end: int, size: int) -> list[tuple[list[Touched], int]]:
    """Cut transactions into chunks of whole blocks, each with the block up to which it is complete."""
    ordered = sorted(touched, key=lambda t: t.block)
    chunks: list[tuple[list[Touched], int]] = []
    part: list[Touched] = []
    for number, item in enumerate(ordered):
        part.append(item)
        last = number + 1 == len(ordered)
        if len(part) >= size and not last and ordered[number + 1].block != item.block:
            chunks.append((part, item.block))
            part = []
    chunks.append((part, end))
    return chunks
