"""The EVM family's `ChainReader`."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from indexer.chains.evm import address as addresses
from indexer.chains.evm import block_sweep, details, explorer_source, log_sweep
from indexer.chains.evm.assemble import Assembler
from indexer.chains.evm.block_sweep import BlockSweep
from indexer.chains.evm.details import Details
from indexer.chains.evm.endpoint import Failure
from indexer.chains.evm.explorer import ExplorerClient
from indexer.chains.evm.explorer_source import ExplorerSource
from indexer.chains.evm.feed import BlockFeed
from indexer.chains.evm.heads import Heads
from indexer.chains.evm.kept import KeptRaws
from indexer.chains.evm.log_sweep import LogSweep
from indexer.chains.evm.native import TRACED, Native
from indexer.chains.evm.node import Header, Node
from indexer.chains.evm.pool import Pool
from indexer.chains.evm.tokens import Tokens
from indexer.chains.spam import NO_LISTS, Lists
from indexer.model.chain import ChainSpec, FinalityRule
from indexer.model.errors import LyingSourceError, RefusedError, RetryableError
from indexer.model.facts import BlockRef, FactPage, Gap, Sweep, Transfer
from indexer.model.ports import BalanceCheck, Clock
from indexer.model.stored import FOLLOW, Undetailed

FAN = 16
"""Headers asked at once when a block is looked for by time."""


class EvmReader:
    """One EVM chain. See `indexer.model.ports.ChainReader`."""

    def __init__(self, spec: ChainSpec, clock: Clock, lists: Lists = NO_LISTS) -> None:
        self._spec = spec
        self._clock = clock
        self._pool = Pool(spec)
        self._kept = KeptRaws()
        self._node = Node(self._pool)
        tokens = Tokens(self._node, lists)
        assembler = Assembler(self._node, tokens)
        clients = [ExplorerClient(spec, explorer) for explorer in spec.explorers]
        self._details = Details(self._node, tokens, assembler)
        self._logs = LogSweep(self._node, tokens, self._details)
        self._explorer = ExplorerSource(self._node, assembler, clients, clock)
        self._feed = BlockFeed(self._node)
        self._blocks = BlockSweep(self._node, tokens, self._feed)
        self._native = Native(assembler, self._feed, clock)
        self._followed: frozenset[str] | None = None
        self._follower = BlockSweep(self._node, tokens, self._feed, FOLLOW)

    @property
    def spec(self) -> ChainSpec:
        """The chain's block of `chains.yaml`."""
        return self._spec

    def normalize_address(self, text: str) -> str:
        """Lower-case address; raises `InputError` for a malformed one or a wrong EIP-55 checksum."""
        return addresses.normalize(text)

    async def sources(self) -> tuple[str, ...]:
        """Sources by what the endpoints can do; see `choice`."""
        return await self._native.choice.sources()

    async def head(self) -> BlockRef:
        """The newest block of an endpoint that serves this chain."""
        return (await self._node.head()).ref

    async def finalized(self) -> int:
        """The newest block that cannot be undone, by the chain's rule."""
        rule = self._spec.finality
        if rule.rule is FinalityRule.TAG:
            number = await self._node.tagged("finalized")
            if number is not None:
                return number
        return max(0, (await self._node.head()).number - rule.depth)

    async def block_hash(self, number: int) -> str | None:
        """Hash of a block on the surviving chain, None when the chain is shorter."""
        if number < 0:
            raise RefusedError(f"{self._spec.name}: nothing is covered yet")
        return await self._node.block_hash(number)

    async def pages(
        self, address: str, source: str, cursor: Mapping[str, object] | None, until: BlockRef
    ) -> AsyncIterator[FactPage]:
        """Pages of one source that reads address by address; see the port."""
        if cursor is not None and "rewind_to" in cursor:
            self._forget()
        iterate = {explorer_source.NAME: self._explorer.pages, **self._native.paged}.get(source)
        if iterate is None:
            raise RefusedError(f"{self._spec.name} has no source called {source!r}")
        async for page in iterate(address, cursor, until):
            raws = self._kept.fresh(page.raws)
            yield page if len(raws) == len(page.raws) else replace(page, raws=raws)
            # whoever asks for the next page has committed this one; a run that broke off never comes here
            self._kept.committed(raws)

    def _forget(self) -> None:
        """Believe nothing that was remembered of blocks: the chain was reorganised."""
        self._node.forget_transactions()
        self._kept.forget()

    @property
    def swept(self) -> frozenset[str]:
        """Sources that read for many addresses at once."""
        return frozenset({log_sweep.NAME, block_sweep.NAME, details.NAME, *self._native.sweeps})

    async def sweep(
        self, source: str, addresses: frozenset[str], first: int, last: int, head: BlockRef
    ) -> AsyncIterator[Sweep]:
        """Sweeps of one source; see the port."""
        own = {log_sweep.NAME: self._logs.sweep, block_sweep.NAME: self._blocks.sweep}
        iterate = {**own, **self._native.sweeps}.get(source)
        if iterate is None:
            raise RefusedError(f"{self._spec.name} has no source called {source!r}")
        async for sweep in iterate(addresses, first, last, head):
            yield sweep

    async def details(self, txs: Sequence[Undetailed], watched: frozenset[str], target: int) -> Sweep:
        """Whole transactions, for all watched addresses they touch."""
        return await self._details.sweep(txs, watched, target)

    async def followed(self) -> frozenset[str]:
        """What whole blocks tell as well: tokens and fees where blocks come with receipts, coins where they are traced."""
        if self._followed is None:
            head = await self._node.head()
            covers = frozenset[str]()
            if await self._feed.serves_receipts(head.number):
                covers = frozenset({log_sweep.NAME, details.NAME})
                if await self._feed.probe(head.number) is not None:
                    covers |= {block_sweep.NAME, *TRACED}
            self._followed = covers
        return self._followed

    async def follow(
        self, addresses: frozenset[str], first: int, last: int, head: BlockRef
    ) -> AsyncGenerator[Sweep, None]:
        """Whole blocks near the head, for everyone."""
        self._forget()
        async for sweep in self._follower.sweep(addresses, first, last, head):
            yield sweep

    def endpoints(self) -> tuple[str, ...]:
        """How each endpoint has answered so far, in words; checks that the chain does not fit come last."""
        told = [str(each) for each in self._pool.health()]
        off = self._pool.door.off
        return (*told, f"believed without proof: {', '.join(off)}") if off else tuple(told)

    async def heads(self) -> AsyncGenerator[int, None]:
        """New heads, where the chains file names a WebSocket; polling alone announces nothing."""
        if not self._spec.streams:
            return
        async with Heads(self._node) as heads:
            number, block_hash = -1, None
            while True:
                try:
                    head = await heads.wait_beyond(number, block_hash)
                except RetryableError:
                    continue
                number, block_hash = head.number, head.hash
                yield number

    async def verify(self, address: str, block: BlockRef, sums: Sequence[BalanceCheck]) -> list[Gap]:
        """Compare ledger sums with the node's balances at `block`."""
        return await self._native.prover.verify(address, block, sums)

    async def rebases(
        self, address: str, block: BlockRef, checks: Sequence[BalanceCheck]
    ) -> Sequence[Transfer]:
        """Facts about tokens that change balances without transfers; see `RebaseReader`."""
        return await self._native.rebases(address, block, checks, self.block_at)

    async def call(self, to: str, data: bytes, block: int | None = None) -> bytes:
        """`eth_call`; a reverted call is a `RefusedError` too: the contract will not answer it."""
        reply = (await self._node.calls([(to, "0x" + data.hex())], block))[0]
        if isinstance(reply, Failure):
            raise RefusedError(f"{self._spec.name}: the call to {to} is not answered: {reply.message}")
        return reply

    async def block_at(self, instant: datetime) -> int | None:
        """Newest block at or before an instant, found by asking headers between known ones."""
        wanted = int(instant.timestamp())
        head = await self._node.head()
        if head.time <= wanted:
            return head.number
        low = await self._header(self._spec.start_block)
        if low.time > wanted:
            if self._spec.start_block == 0:
                return None
            low = await self._header(0)
            if low.time > wanted:
                return None
        first, last = low.number, head.number  # first is at or before the instant, last behind it
        while last - first > 1:
            step = max(1, (last - first) // FAN)
            asked = await self._node.headers(range(first + step, last, step))
            if not asked:
                raise RetryableError(f"{self._spec.name}: headers between {first} and {last} are not served")
            first = max((n for n, h in asked.items() if h.time <= wanted), default=first)
            last = min((n for n, h in asked.items() if h.time > wanted), default=last)
            if first >= last:
                raise LyingSourceError(f"{self._spec.name}: block times around {first} do not ascend")
        return first

    async def _header(self, number: int) -> Header:
        found = (await self._node.headers([number])).get(number)
        if found is None:
            raise RefusedError(f"{self._spec.name}: block {number} is not served")
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()
