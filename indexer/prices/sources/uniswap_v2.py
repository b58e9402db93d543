"""Uniswap v2 pools, read on chain: the ratio of the reserves at a block, past or present.

Chains say in `chains.yaml` which factory and which quote token to use (`ChainSpec.dex`). The price is given in the
quote token, which is itself priced by whoever knows it; the configuration's word that it counts as the currency is
used last and marked by a low confidence. https://docs.uniswap.org/contracts/v2/reference/smart-contracts/pair
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from indexer.model.asset import Asset, AssetKind, token_id
from indexer.model.chain import ChainSpec, UniswapV2
from indexer.model.errors import GleanerError
from indexer.model.money import CONTEXT, units_to_decimal
from indexer.model.ports import ChainReader, PriceSource
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.prices.batches import failed
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.contract import DECIMALS, GET_PAIR, GET_RESERVES, address_word, as_address, ask
from indexer.prices.moments import Moment, Moments
from indexer.prices.rounding import rounded

NAME = "uniswap_v2"

DECLARED = 0.4
"""Confidence in a quote token being worth one unit of currency because the configuration says so."""

SHALLOW = 0.3
"""Confidence in a pool that a small trade could move."""

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Rate:
    """What one whole token costs in quote tokens, and how many quote tokens the pool holds."""

    price: Decimal
    depth: Decimal


class Dex:
    """The pools of one chain's factory."""

    def __init__(self, reader: ChainReader, spec: ChainSpec, dex: UniswapV2) -> None:
        self.reader = reader
        self.spec = spec
        self.dex = dex
        self._pairs: dict[tuple[str, str], str] = {}
        self._decimals: dict[str, int] = {dex.quote_token.lower(): dex.quote_decimals}
        if spec.wrapped_native is not None:
            self._decimals[spec.wrapped_native] = spec.native.decimals

    async def rate(self, token: str, decimals: int | None, block: int | None) -> Rate | None:
        """The token's price in quote tokens, directly or through the wrapped coin, whichever pool is deeper."""
        quote, hub = self.dex.quote_token.lower(), self.spec.wrapped_native
        if decimals is not None:
            self._decimals.setdefault(token, decimals)
        rates = [await self._pool_rate(token, quote, block)]
        if hub is not None and token != hub:
            first = await self._pool_rate(token, hub, block)
            second = await self._pool_rate(hub, quote, block) if first is not None else None
            if first is not None and second is not None:
                price = CONTEXT.multiply(first.price, second.price)
                depth = min(CONTEXT.multiply(first.depth, second.price), second.depth)
                rates.append(Rate(price, depth))
        found = [rate for rate in rates if rate is not None]
        return max(found, key=lambda rate: rate.depth, default=None)

    async def _pool_rate(self, token: str, other: str, block: int | None) -> Rate | None:
        pair = await self._pair(token, other, block)
        if pair is None:
            return None
        reserves = await ask(self.reader, pair, GET_RESERVES, block=block)
        if len(reserves) < 2:
            return None  # the pair did not exist yet
        mine, theirs = reserves[:2] if int(token, 16) < int(other, 16) else reserves[1::-1]
        if mine == 0 or theirs == 0:
            return None
        held = units_to_decimal(theirs, await self._decimals_of(other))
        return Rate(CONTEXT.divide(held, units_to_decimal(mine, await self._decimals_of(token))), held)

    async def _pair(self, token: str, other: str, block: int | None) -> str | None:
        """The pair's address; known ones are remembered, since a factory never moves a pair."""
        key = (token, other)
        if key not in self._pairs:
            answer = await ask(
                self.reader, self.dex.factory, GET_PAIR, address_word(token), address_word(other), block=block
            )
            pair = as_address(answer[0]) if answer else None
            if pair is None:
                return None
            self._pairs[key] = pair
        return self._pairs[key]

    async def _decimals_of(self, token: str) -> int:
        if token not in self._decimals:
            answer = await ask(self.reader, token, DECIMALS)
            self._decimals[token] = answer[0] if answer else 0
        return self._decimals[token]


class UniswapV2Pools:
    """Prices tokens of every chain that names a factory."""

    name = NAME

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._dexes = {
            chain: Dex(context.readers[chain], spec, spec.dex)
            for chain, spec in context.specs.items()
            if spec.dex is not None and chain in context.readers
        }

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer the needs whose token has a pool at the block of their instant."""
        answers: dict[PriceNeed, PriceResult] = {}
        gate = asyncio.Semaphore(_AT_ONCE)
        moments = {chain: Moments(self._context, dex.reader) for chain, dex in self._dexes.items()}

        async def one(need: PriceNeed, asset: Asset) -> None:
            async with gate:
                try:
                    answer = await self._quote(need, asset, moments[asset.chain])
                except GleanerError as error:
                    answers[need] = failed(need, error)
                    return
            if answer is not None:
                answers[need] = answer

        async with asyncio.TaskGroup() as group:
            for need in needs:
                asset = assets[need.asset]
                if asset.chain in self._dexes and asset.kind in {AssetKind.ERC20, AssetKind.NATIVE}:
                    group.create_task(one(need, asset))
        return answers

    async def _quote(self, need: PriceNeed, asset: Asset, moments: Moments) -> PriceQuote | None:
        dex = self._dexes[asset.chain]
        token = asset.contract or dex.spec.wrapped_native
        moment = await moments.of(need.instant) if token is not None else None
        if token is None or moment is None:
            return None
        if token == dex.dex.quote_token.lower():
            return _made(need, moment, dex.dex.quote_currency, Decimal(1), DECLARED)
        rate = await dex.rate(token, asset.decimals, moment.block)
        if rate is None:
            return None
        quote_asset = token_id(dex.spec.id, AssetKind.ERC20, dex.dex.quote_token.lower())
        confidence = None if rate.depth >= self._context.settings.min_pool_depth else SHALLOW
        return _made(need, moment, quote_asset, rounded(rate.price), confidence)


def _made(
    need: PriceNeed, moment: Moment, currency: str, price: Decimal, confidence: float | None
) -> PriceQuote:
    return PriceQuote(
        asset=need.asset,
        currency=currency,
        instant=moment.instant,
        price=price,
        source=NAME,
        distance=abs(moment.instant - need.instant),
        confidence=confidence,
    )


def _build(context: SourceContext) -> PriceSource | None:
    return UniswapV2Pools(context)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="Uniswap v2 pools, read on chain: live, and historical where the node keeps past states",
)
