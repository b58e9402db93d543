"""Tokens whose balances change without transfers (stETH, aTokens, AMPL): found out by behaviour, told as facts.

What a rebase gave or took is a fact without a transaction, from or to the zero address. It bears the name
`rebase:<contract>:<block>:<holder>` and the amount by which the balance differs from the ledger at that block, all
earlier ones counted: applying it again changes nothing, and a reorg takes it back like every fact of its block.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from indexer.chains.evm.changes import Known
from indexer.chains.evm.decode import ZERO
from indexer.chains.evm.holdings import Holdings
from indexer.model.asset import Asset, AssetKind
from indexer.model.chain import ChainSpec
from indexer.model.facts import REBASE, BlockRef, Transfer, TransferKind
from indexer.model.ports import BalanceCheck

TOTAL_SUPPLY = bytes.fromhex("18160ddd")
SHARES = (
    bytes.fromhex("1da24f3e"),  # scaledBalanceOf(address): Aave, Ampleforth
    bytes.fromhex("f5eb42dc"),  # sharesOf(address): Lido
)
KNOWN = frozenset(
    {
        "eip155:1/erc20:0xae7ab96520de3a18e5e111b5eaab095312d7fe84",  # stETH
        "eip155:1/erc20:0xd46ba6d942050d489dbd938a2c909a5d5039a161",  # AMPL
    }
)
MOST_CHECKPOINTS = 4_000
"""Blocks of one asset that are looked at; of a busier one every further move is left out."""
BATCH = 500
FAN = 24
"""Blocks asked at once while a jump of a balance is looked for."""


class Span(NamedTuple):
    """Blocks above `low` up to `high` in which the ledger knows no move of the asset."""

    low: int
    high: int


class Rebases:
    """Finds rebases of one chain's tokens."""

    def __init__(self, spec: ChainSpec, holdings: Holdings) -> None:
        self.spec = spec
        self.holdings = holdings
        self._verdicts: dict[str, bool] = {}

    async def rebasing(self, address: str, check: BalanceCheck, end: int) -> bool:
        """Whether the token changes this holder's balance without transfers.

        It does where the holder's shares stay as they are while its balance moves, or where balance and total supply
        move by the same factor. Without old states a token that counts in shares is taken for one.
        """
        asset = Asset(check.asset, "", None)
        if asset.kind is not AssetKind.ERC20 or asset.contract is None or check.moves is None:
            return False
        if check.asset in KNOWN:
            return True
        verdict = self._verdicts.get(check.asset)
        if verdict is None:
            verdict = await self._behaves(address, check.asset, asset.contract, check.moves, end)
            if verdict:
                self._verdicts[check.asset] = True
        return bool(verdict)

    async def _behaves(
        self, address: str, asset: str, contract: str, moves: Sequence[tuple[int, int]], end: int
    ) -> bool | None:
        """None where nothing was to be seen yet: the token may be looked at again."""
        holder = bytes.fromhex(address[2:].rjust(64, "0"))
        seen = False
        for quiet_span in quiet(moves, end)[:8]:
            before, after = await self.holdings.at_blocks(address, asset, quiet_span)
            if before is None or after is None:
                continue
            seen = True
            if before == after or not before:
                continue
            # others mint and burn: only where the balance jumps, the supply tells of nothing else
            span = await self._jump(address, asset, quiet_span)
            for method in SHARES:
                low, high = await self.holdings.over(contract, method + holder, span)
                if low and low == high:
                    return True
            before, after = await self.holdings.at_blocks(address, asset, span)
            low, high = await self.holdings.over(contract, TOTAL_SUPPLY, span)
            if not low or not high or not before or after is None or before == low:
                return False  # of who holds all there is nobody can tell a rebase from a mint without a log
            return low != high and abs(after * low - before * high) <= 2 * max(low, high)
        if seen:
            return None
        told = [await self.holdings.over(contract, method + holder, [end]) for method in SHARES]
        return any(bool(shares) for (shares,) in told) or None

    async def _jump(self, address: str, asset: str, span: Span) -> Span:
        """The first two blocks of a span between which the balance changes, as close as states are served."""
        low, high = span
        while high - low > 1:
            step = max(1, (high - low) // FAN)
            points = [low, *range(low + step, high, step), high]
            told = await self.holdings.at_blocks(address, asset, points)
            jumps = [
                (one, other)
                for (one, before), (other, after) in pairwise(zip(points, told, strict=True))
                if before is not None and after is not None and before != after
            ]
            if not jumps or jumps[0] == (low, high):
                break
            low, high = jumps[0]
        return Span(low, high)

    def checkpoints(self, moves: Sequence[tuple[int, int]], marks: Sequence[int], end: int) -> list[int]:
        """Blocks at which balances are compared: at every move and before it, so that what is sent on has arrived, at
        the marks (ends of months), and at the end.
        """
        if not moves:
            return [end]
        first = moves[0][0]
        points = {end, *(mark for mark in marks if first <= mark <= end)}
        for block, _ in reversed(moves):
            if len(points) >= MOST_CHECKPOINTS:
                break
            points |= {block - 1, block}
        return sorted(point for point in points if first <= point <= end)

    async def amounts(
        self, address: str, check: BalanceCheck, checkpoints: Sequence[int]
    ) -> list[tuple[int, int]]:
        """What was given (positive) or taken up to each checkpoint since the one before, as (block, base units).

        It begins behind the last checkpoint at which node and ledger agree: what lies before was settled at an
        earlier proof. Checkpoints whose state is not served are passed over, and so are blocks with a move, which may
        be an earlier rebase of the same name: the next one tells for both.
        """
        known = Known(dict(check.moves or ()))
        moved = {block for block, _ in check.moves or ()}
        told: list[int | None] = []
        for start in range(0, len(checkpoints), BATCH):
            told += await self.holdings.at_blocks(address, check.asset, checkpoints[start : start + BATCH])
        rests = [
            (block, balance - known.between(-1, block))
            for block, balance in zip(checkpoints, told, strict=True)
            if balance is not None
        ]
        agreed = max((block for block, rest in rests if not rest), default=-1)
        found: list[tuple[int, int]] = []
        given = 0
        for block, rest in rests:
            if block > agreed and block not in moved and rest != given:
                found.append((block, rest - given))
                given = rest
        return found

    def fact(self, address: str, asset: str, block: BlockRef, amount: int) -> Transfer:
        """One rebase as a fact."""
        contract = Asset(asset, "", None).contract
        sides = (ZERO, address) if amount > 0 else (address, ZERO)
        name = f"{REBASE}{contract}:{block.number}:{address}"
        kind = TransferKind.ERC20
        return Transfer(self.spec.id, name, kind.value, block, *sides, asset, abs(amount), kind)


def quiet(moves: Sequence[tuple[int, int]], end: int) -> list[Span]:
    """Stretches without a known move, from the first one on, longest first."""
    blocks = [block for block, _ in moves if block <= end]
    if not blocks:
        return []
    spans = [
        Span(low, high - 1)
        for low, high in zip(blocks, [*blocks[1:], end + 1], strict=True)
        if high - low > 1
    ]
    return sorted(spans, key=lambda span: (span.low - span.high, span.low))
