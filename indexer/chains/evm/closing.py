"""Hold a stretch of facts against the balances at its ends; where they differ, read the blocks at fault whole.

Whatever list a source reads (a trace filter knows no withdrawals and no fees, an index may have holes), an archive
node proves it and shows the blocks that it left out. Without one a stretch stays as the source told it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from indexer.chains.evm.assemble import Assembled
from indexer.chains.evm.changes import Change, Known, changes
from indexer.chains.evm.mending import Mender, Told, joined
from indexer.chains.evm.state import State, States
from indexer.model.chain import ChainSpec
from indexer.model.errors import RefusedError
from indexer.model.facts import Transfer

SIDE_BY_SIDE = 200
"""Addresses whose balances are asked for together."""


class Closer:
    """Closes stretches for many addresses."""

    def __init__(self, mender: Mender, states: States) -> None:
        self.mender = mender
        self.spec: ChainSpec = mender.spec
        self.states = states

    async def close(
        self,
        source: str,
        watched: frozenset[str],
        span: tuple[int, int],
        built: Assembled,
        told: Told | None = None,
    ) -> Assembled:
        """The stretch from the first to the last block of `span` with what was missing; unchanged without an archive.

        Raises:
            RetryableError: nodes do not answer or the chain is being reorganised.
        """
        if not await self.states.archive(self.spec.start_block):
            return built
        moved = _moved(self.spec, built.transfers, watched)
        found: dict[str, Sequence[Change]] = {}
        named = sorted(watched)
        for start in range(0, len(named), SIDE_BY_SIDE):
            part = named[start : start + SIDE_BY_SIDE]
            told_of = await asyncio.gather(*(self._changes(who, span, moved.get(who, {})) for who in part))
            found.update({who: each for who, each in zip(part, told_of, strict=True) if each})
        if not found:
            return built
        blocks = {change.block for each in found.values() for change in each}
        try:
            whole = await self.mender.settle(source, watched, found, told)
        except RefusedError:
            return built
        return joined(whole, blocks, built)

    async def _changes(
        self, address: str, span: tuple[int, int], moved: Mapping[int, int]
    ) -> Sequence[Change]:
        async def ask(numbers: Sequence[int]) -> Sequence[State]:
            return await self.states.at(address, numbers, nonces=False)

        try:
            return await changes(ask, [span[0] - 1, span[1]], Known(moved))
        except RefusedError:
            return ()  # this state is not served after all: the balance at the end of the sync has the last word


def _moved(
    spec: ChainSpec, transfers: Iterable[Transfer], watched: frozenset[str]
) -> dict[str, Counter[int]]:
    """How far the facts move each address's coins, by block."""
    moved: dict[str, Counter[int]] = {}
    for t in transfers:
        if t.asset != spec.native_id or t.sender == t.recipient:
            continue
        if t.recipient in watched:
            moved.setdefault(t.recipient, Counter())[t.block.number] += t.amount
        if t.sender in watched:
            moved.setdefault(t.sender, Counter())[t.block.number] -= t.amount
    return moved
