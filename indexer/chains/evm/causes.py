"""Why a ledger and a node may differ: the likely cause, read off the block in which the difference begins."""

from typing import Any

from indexer.chains.evm.endpoint import Call
from indexer.chains.evm.node import Node
from indexer.chains.evm.rebasing import Rebases
from indexer.model.chain import Quirk
from indexer.model.ports import BalanceCheck

_NO_LOG = "the token moves balances without a standard Transfer log."
_REBASING = "the token changes balances without transfers (rebasing)."


class Causes:
    """Guesses for one chain; a guess never changes a fact."""

    def __init__(self, node: Node, rebases: Rebases) -> None:
        self.node = node
        self.spec = node.spec
        self.rebases = rebases

    async def of(
        self, address: str, check: BalanceCheck, difference: int, placed: tuple[int, int] | None
    ) -> str:
        """One sentence. `placed` are the blocks in which the difference begins."""
        if check.asset == self.spec.native_id:
            return f"Likely cause: {await self._of_coin(address, check, difference, placed)}"
        if check.moves is None or placed is None:
            return f"Likely cause: {await self._of_token(address, check, difference)}"
        moved = dict(check.moves)
        here = [moved[block] for block in moved if placed[0] <= block <= placed[1]]
        if await self.rebases.rebasing(address, check, placed[1]):
            return f"Likely cause: {_REBASING}"
        if not here:
            return f"Likely cause: {_NO_LOG}"
        if difference < 0 and max(here) > 0:
            return "Likely cause: a fee-on-transfer token, which credits less than its Transfer log says."
        return (
            "Likely cause: a fee-on-transfer or rebasing token, whose Transfer logs do not say what it moves."
        )

    async def _of_token(self, address: str, check: BalanceCheck, difference: int) -> str:
        if await self.rebases.rebasing(address, check, 0):
            return _REBASING
        if difference > 0:
            return "a rebasing token, or transfers without a standard Transfer log."
        return "a fee-on-transfer or rebasing token, or transfers without a standard Transfer log."

    async def _of_coin(
        self, address: str, check: BalanceCheck, difference: int, placed: tuple[int, int] | None
    ) -> str:
        if placed is not None and placed[1] <= self.spec.start_block and self.spec.start_block > 0:
            return "coins held before the chain's start_block."
        if placed is not None and placed[0] == placed[1]:
            told = await self._of_block(address, placed[0])
            if told is not None:
                return told
        behind = " An explorer may be behind or incomplete there." if self.spec.explorers else ""
        if check.ledger_sum < 0 or difference > 0:
            return "coins received inside contract calls or from a block, which no source listed." + behind
        fees = "the L1 part of fees" if Quirk.L1_DATA_FEE in self.spec.quirks else "fees"
        return f"coins sent inside contract calls or {fees} that no source told." + behind

    async def _of_block(self, address: str, number: int) -> str | None:
        """What the block itself says; None when it does not mention the address."""
        block = (await self.node.pool.ask([Call("eth_getBlockByNumber", [hex(number), True])]))[0]
        if not isinstance(block, dict):
            return None
        if any(_same(item.get("address"), address) for item in block.get("withdrawals") or ()):
            return f"a withdrawal of the beacon chain in block {number}, which no source listed."
        if _same(block.get("miner"), address):
            return f"fees or a reward of block {number}, which this address proposed."
        for tx in block.get("transactions") or ():
            if _same(tx.get("from"), address):
                part = "the L1 part of the fee" if Quirk.L1_DATA_FEE in self.spec.quirks else "the fee"
                return f"{part} of transaction {tx['hash']}, or coins moved inside it that no source listed."
        return f"coins moved by contract calls in block {number}, which no source listed."


def _same(text: Any, address: str) -> bool:
    return isinstance(text, str) and text.lower() == address
