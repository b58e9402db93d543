"""Source `bisect`: native history from an archive node that traces nothing, where no explorer helps.

The balance and the nonce of each address are bisected over the blocks; every block in which one of them changed is
read whole. What no transaction, withdrawal or fee of the block explains moved inside a contract call: it becomes a
fact where exactly one called contract lost or gained as much, else a gap with block and amount.

What cannot be seen: coins that come and go again between two blocks that were asked, and leave balance and nonce as
they were. The nonce betrays everything that an account with a key sends. A contract wallet is looked at more often, and
still coins that it passes on at once, or that come in and leave inside one transaction, may go unseen; they cancel out
in every sum.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

from indexer.chains.evm.changes import Change, changes
from indexer.chains.evm.endpoint import Call
from indexer.chains.evm.mending import Mender
from indexer.chains.evm.node import Node
from indexer.chains.evm.state import State, States
from indexer.model.chain import ChainSpec
from indexer.model.errors import RefusedError, RetryableError
from indexer.model.facts import BlockRef, Sweep

NAME = "bisect"
FIRST_STRETCH = 250_000
"""Blocks bisected and committed together at first."""
LONGEST_STRETCH = 4_000_000
MANY = 1_000
"""Changed blocks of one stretch after which the next one is narrower."""
FEW = 100
LOOK_EVERY = 25_000
"""Blocks between two looks at an account that is not known to have changed in between."""
LOOK_AT_CONTRACTS_EVERY = 2_500
"""The nonce of a contract betrays nothing of what it sends."""
DELEGATED = "0xef0100"
"""What stands in place of code at an account with a key that delegates to a contract (EIP-7702)."""
SIDE_BY_SIDE = 100
"""Addresses that are bisected together."""


class BisectSweep:
    """Sweeps of native facts, found by the state of accounts alone."""

    def __init__(self, node: Node, mender: Mender, states: States) -> None:
        self.node = node
        self.spec: ChainSpec = node.spec
        self.mender = mender
        self.states = states

    async def sweep(
        self, addresses: frozenset[str], first: int, last: int, head: BlockRef
    ) -> AsyncIterator[Sweep]:
        """See `ChainReader.sweep`.

        Raises:
            RefusedError: no endpoint serves the states of these blocks (any more).
        """
        if not await self.states.archive(self.spec.start_block):
            raise RefusedError(
                f"{self.spec.name}: no endpoint serves balances of old blocks. "
                "Add an archive endpoint or an explorer to the chains file."
            )
        contracts = await self._contracts(addresses)
        low, width, anew = first, FIRST_STRETCH, first <= self.spec.start_block
        while low <= last:
            high = min(last, low + width - 1)
            end = await self._end(high, head)
            changed = await self._changed(addresses, contracts, low, high)
            built = await self.mender.settle(NAME, addresses, changed)
            if (await self._end(high, head)).hash != end.hash:
                raise RetryableError(f"{self.spec.name} was reorganised while it was bisected")
            yield built.swept(self.spec.id, NAME, end, last, anew=anew)
            blocks = len({change.block for found in changed.values() for change in found})
            if blocks > MANY:
                width = max(1, width // 4)
            elif blocks < FEW:
                width = min(LONGEST_STRETCH, width * 2)
            low, anew = high + 1, False

    async def _contracts(self, addresses: frozenset[str]) -> frozenset[str]:
        """The addresses that are contracts today."""
        named = sorted(addresses)
        told = await self.node.pool.ask([Call("eth_getCode", [address, "latest"]) for address in named])
        return frozenset(
            address
            for address, code in zip(named, told, strict=True)
            if isinstance(code, str) and len(code) > 2 and not code.startswith(DELEGATED)
        )

    async def _changed(
        self, addresses: frozenset[str], contracts: frozenset[str], low: int, high: int
    ) -> dict[str, Sequence[Change]]:
        """The blocks in which each address changed; questions of addresses side by side travel together."""
        found: dict[str, Sequence[Change]] = {}
        named = sorted(addresses)
        for start in range(0, len(named), SIDE_BY_SIDE):
            part = named[start : start + SIDE_BY_SIDE]
            steps = [LOOK_AT_CONTRACTS_EVERY if who in contracts else LOOK_EVERY for who in part]
            asked = (
                self._of(who, [*range(low - 1, high, step), high])
                for who, step in zip(part, steps, strict=True)
            )
            found.update(
                {who: each for who, each in zip(part, await asyncio.gather(*asked), strict=True) if each}
            )
        return found

    async def _of(self, address: str, points: Sequence[int]) -> Sequence[Change]:
        async def ask(numbers: Sequence[int]) -> Sequence[State]:
            return await self.states.at(address, numbers)

        return await changes(ask, points)

    async def _end(self, number: int, head: BlockRef) -> BlockRef:
        """The block that ends a stretch, on the branch of the head."""
        header = (await self.node.headers([number])).get(number)
        if header is None:
            raise RetryableError(f"{self.spec.name}: block {number} is not served yet")
        if number == head.number and header.hash != head.hash:
            raise RetryableError(f"{self.spec.name} was reorganised at block {number} while it was read")
        return self.node.remember(header.ref)
