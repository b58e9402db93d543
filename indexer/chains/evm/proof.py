"""Proof: what the ledger sums to, compared with what the node says at the same block.

A difference is placed where the ledger says how its sum came about and the node serves old states: since which block
the two differ, and what that block looks like.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.chains.evm.causes import Causes
from indexer.chains.evm.changes import Known
from indexer.chains.evm.holdings import At, Held, Holdings
from indexer.model.asset import Asset, AssetKind
from indexer.model.chain import ChainSpec
from indexer.model.facts import BlockRef, Gap, GapCode
from indexer.model.ports import BalanceCheck

SOURCE = "balance-check"
FAN = 24
"""Blocks asked at once while a difference is being placed."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The blocks `first` to `last` hold the beginning of a difference; one block where it was found exactly."""

    first: int
    last: int
    difference: int
    """Node less ledger at the end of `last`."""


class Prover:
    """Compares the sums of one chain's addresses with the node's balances."""

    def __init__(self, spec: ChainSpec, holdings: Holdings, causes: Causes) -> None:
        self.spec = spec
        self.holdings = holdings
        self.causes = causes

    async def verify(self, address: str, block: BlockRef, sums: Sequence[BalanceCheck]) -> list[Gap]:
        """Compare every sum with the balance at `block`; differences and refusals come back as gaps."""
        if not sums:
            return []
        told = await self.holdings.of(address, [check.asset for check in sums], At(block.number, block.hash))
        gaps: list[Gap] = []
        unknown: list[tuple[BalanceCheck, str]] = []
        for check, held in zip(sums, told, strict=True):
            if held.amount is None:
                unknown.append((check, held.words))
            elif held.amount != check.ledger_sum:
                gaps.append(await self._mismatch(address, block, check, held))
        if len(unknown) < len(sums):
            unknown = [(check, words) for check, words in unknown if not _is_gone(check)]
        if unknown and len(unknown) == len(sums):
            text = (
                f"No endpoint tells balances at block {block.number} ({unknown[0][1]}): the ledger is not proved. "
                "Add an archive endpoint to the chains file."
            )
            return [*gaps, self._gap(address, block, GapCode.BALANCE_UNVERIFIED, "all", text)]
        return gaps + [
            self._gap(
                address,
                block,
                GapCode.BALANCE_UNVERIFIED,
                check.asset,
                f"The balance of this asset at block {block.number} is not served ({words}).",
            )
            for check, words in unknown
        ]

    async def _mismatch(self, address: str, block: BlockRef, check: BalanceCheck, held: Held) -> Gap:
        found = held.amount or 0
        difference = found - check.ledger_sum
        placed = None
        if check.moves is not None:
            placed = await self._place(address, check, Placed(0, block.number, difference))
        cause = await self.causes.of(
            address, check, difference, None if placed is None else (placed.first, placed.last)
        )
        text = (
            f"The node reports {found} base units at block {block.number}, {abs(difference)} "
            f"{'more' if difference > 0 else 'less'} than the ledger's {check.ledger_sum}. {cause}"
        )
        if placed is None:
            return self._gap(address, block, GapCode.BALANCE_MISMATCH, check.asset, text)
        one = placed.first == placed.last
        since = f"block {placed.first}" if one else f"a block from {placed.first} to {placed.last}"
        text += f" They differ since {since}"
        whole = placed.difference == difference
        text += "." if whole else f", then by {placed.difference}."
        return Gap(
            self.spec.id,
            address,
            GapCode.BALANCE_MISMATCH,
            SOURCE,
            check.asset,
            text,
            placed.first,
            placed.last if whole else block.number,
        )

    async def _place(self, address: str, check: BalanceCheck, whole: Placed) -> Placed | None:
        """Since when node and ledger differ, as closely as the states that are served allow."""
        known = Known(dict(check.moves or ()))
        low, high, difference = self.spec.start_block - 1, whole.last, whole.difference
        served = False
        while high - low > 1:
            step = max(1, (high - low) // FAN)
            points = list(range(low + step, high, step))
            told = await self.holdings.at_blocks(address, check.asset, points)
            differ = {
                point: amount - known.between(-1, point)
                for point, amount in zip(points, told, strict=True)
                if amount is not None
            }
            agreeing = [point for point, rest in differ.items() if not rest]
            bottom = max(agreeing, default=low)
            differing = [point for point, rest in differ.items() if rest and point > bottom]
            top = min(differing, default=high)
            served = served or bool(differ)
            if (bottom, top) == (low, high):
                break  # the states between are not served
            low, high, difference = bottom, top, differ.get(top, difference)
        return Placed(low + 1, high, difference) if served or high - low == 1 else None

    def _gap(self, address: str, block: BlockRef, code: GapCode, subject: str, detail: str) -> Gap:
        first = self.spec.start_block
        return Gap(self.spec.id, address, code, SOURCE, subject, detail, first, block.number)


def _is_gone(check: BalanceCheck) -> bool:
    """An item that the ledger does not hold either: one that was burnt has no owner to be asked for."""
    return check.ledger_sum == 0 and Asset(check.asset, "", None).kind is AssetKind.ERC721
