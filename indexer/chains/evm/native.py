"""What a reader knows about native history and balances, put together for one chain."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from indexer.chains.evm import alchemy_source, bisect_sweep, trace_sweep
from indexer.chains.evm.alchemy_source import AlchemySource
from indexer.chains.evm.assemble import Assembler
from indexer.chains.evm.bisect_sweep import BisectSweep
from indexer.chains.evm.causes import Causes
from indexer.chains.evm.choice import Choice
from indexer.chains.evm.closing import Closer
from indexer.chains.evm.feed import BlockFeed
from indexer.chains.evm.holdings import Holdings
from indexer.chains.evm.mending import Mender
from indexer.chains.evm.proof import Prover
from indexer.chains.evm.rebasing import Rebases
from indexer.chains.evm.state import States
from indexer.chains.evm.trace_sweep import TraceSweep
from indexer.model.facts import BlockRef, FactPage, Sweep, Transfer
from indexer.model.ports import BalanceCheck, Clock

Sweeping = Callable[[frozenset[str], int, int, BlockRef], AsyncIterator[Sweep]]
Paging = Callable[[str, Mapping[str, object] | None, BlockRef], AsyncIterator[FactPage]]
BlockAt = Callable[[datetime], Awaitable[int | None]]

TRACED = frozenset({trace_sweep.NAME, bisect_sweep.NAME, alchemy_source.NAME})
"""Sources that tell nothing a follower of traced blocks does not tell as well."""


class Native:
    """Sources of native history beside whole blocks and explorers, the choice among all, and the proof."""

    def __init__(self, assembler: Assembler, feed: BlockFeed, clock: Clock) -> None:
        node = assembler.node
        self.node = node
        self.spec = node.spec
        states = States(node)
        mender = Mender(node, assembler.tokens, feed, states)
        closer = Closer(mender, states)
        alchemy = AlchemySource(assembler, closer, clock)
        holdings = Holdings(node)
        self.choice = Choice(node, feed, states, alchemy)
        self.rebasing = Rebases(self.spec, holdings)
        self.prover = Prover(self.spec, holdings, Causes(node, self.rebasing))
        self.sweeps: dict[str, Sweeping] = {
            trace_sweep.NAME: TraceSweep(assembler, closer).sweep,
            bisect_sweep.NAME: BisectSweep(node, mender, states).sweep,
        }
        self.paged: dict[str, Paging] = {alchemy_source.NAME: alchemy.pages}
        self._months: dict[datetime, int | None] = {}

    async def rebases(
        self, address: str, block: BlockRef, checks: Sequence[BalanceCheck], block_at: BlockAt
    ) -> list[Transfer]:
        """Facts about rebases that the ledger lacks up to a block; `checks` bear their moves. Where old states are
        served each month gets its own, and so does every move, so that nothing leaves before it came.

        Raises:
            RetryableError: nodes do not answer now.
        """
        found: list[tuple[str, int, int]] = []
        for check in checks:
            if not check.moves or not await self.rebasing.rebasing(address, check, block.number):
                continue
            marks = await self._month_ends(check.moves[0][0], block.number, block_at)
            points = self.rebasing.checkpoints(check.moves, marks, block.number)
            told = await self.rebasing.amounts(address, check, points)
            found += [(check.asset, number, amount) for number, amount in told]
        if not found:
            return []
        numbers = {number for _, number, _ in found}
        refs = await self.node.block_refs(
            [(number, block.hash or None if number == block.number else None) for number in sorted(numbers)]
        )
        return [
            self.rebasing.fact(address, asset, refs[number], amount)
            for asset, number, amount in found
            if number in refs
        ]

    async def _month_ends(self, first: int, last: int, block_at: BlockAt) -> list[int]:
        """The newest block of every month between two blocks, in UTC."""
        edges = await self.node.headers([first, last])
        if len(edges) < 2:
            return []
        start, end = (datetime.fromtimestamp(edges[number].time, UTC) for number in (first, last))
        marks: list[int] = []
        month = datetime(start.year, start.month, 1, tzinfo=UTC)
        while (month := _next_month(month)) <= end:
            if month not in self._months:
                self._months[month] = await block_at(month)
            found = self._months[month]
            if found is not None:
                marks.append(found)
        return marks


def _next_month(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
