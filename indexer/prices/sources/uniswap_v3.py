"""Uniswap v3 pools, read on chain: the pool's own square root price at a block, past or present.

Of a pair's fee tiers the deepest pool is taken. Depth is what the price can be traded against: the virtual
reserve of the liquidity in range, but no more than the pool really holds.
https://docs.uniswap.org/contracts/v3/reference/core/interfaces/pool/IUniswapV3PoolState
"""

from decimal import Decimal

from indexer.model.chain import Family
from indexer.model.money import CONTEXT, units_to_decimal
from indexer.model.ports import ChainReader, PriceSource
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.contract import (
    BALANCE_OF,
    GET_POOL,
    LIQUIDITY,
    SLOT0,
    address_word,
    as_address,
    ask,
    uint_word,
)
from indexer.prices.pools import Decimals, Market, PoolSource, QuoteToken, Rate

NAME = "uniswap_v3"

FEES = (100, 500, 3_000, 10_000)
"""Fee tiers in millionths that Uniswap's own factories enable."""

_Q96 = Decimal(2**96)

_FACTORY = "0x1f98431c8ad98523631ae4a59f267346ea31f984"

DEPLOYMENTS = {
    "eip155:1": (_FACTORY, "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"),
    "eip155:10": (_FACTORY, "0x0b2c639c533813f4aa9d7837caf62653d097ff85"),
    "eip155:137": (_FACTORY, "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"),
    "eip155:8453": (
        "0x33128a8fc17869897dce68ed026d694621f6fdfd",
        "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
    ),
    "eip155:42161": (_FACTORY, "0xaf88d065e77c8cc2239327c5edb3a432268e5831"),
}
"""Factory and Circle's USDC by chain. https://docs.uniswap.org/contracts/v3/reference/deployments"""


class V3Pools:
    """The pools of one factory. Implements `indexer.prices.pools.Pools`."""

    def __init__(self, reader: ChainReader, factory: str, decimals: Decimals) -> None:
        self._reader = reader
        self._factory = factory
        self._decimals = decimals
        self._pools: dict[tuple[str, str, int], str] = {}

    async def exists(self, token: str, other: str) -> bool:
        """Whether the factory has made a pool of any fee tier."""
        for fee in FEES:
            if await self._pool(token, other, fee, None) is not None:
                return True
        return False

    async def rate(self, token: str, other: str, block: int | None) -> Rate | None:
        """The price in the deepest pool of the two tokens, in whole tokens."""
        mine, others = await self._decimals.of(token), await self._decimals.of(other)
        if mine is None or others is None:
            return None
        rates = []
        for fee in FEES:
            pool = await self._pool(token, other, fee, block)
            if pool is not None:
                rates.append(await self._pool_rate(pool, (token, mine), (other, others), block))
        return max((rate for rate in rates if rate is not None), key=lambda rate: rate.depth, default=None)

    async def _pool_rate(
        self, pool: str, token: tuple[str, int], other: tuple[str, int], block: int | None
    ) -> Rate | None:
        slot0 = await ask(self._reader, pool, SLOT0, block=block)
        liquidity = await ask(self._reader, pool, LIQUIDITY, block=block) if slot0 else []
        if not slot0 or slot0[0] == 0 or not liquidity or liquidity[0] == 0:
            return None  # no pool at that block, not initialised, or nobody provides at this price
        root = CONTEXT.divide(Decimal(slot0[0]), _Q96)  # of token1 base units for one of token0
        if int(token[0], 16) > int(other[0], 16):
            root = CONTEXT.divide(Decimal(1), root)
        held = await ask(self._reader, other[0], BALANCE_OF, address_word(pool), block=block)
        virtual = CONTEXT.multiply(Decimal(liquidity[0]), root).scaleb(-other[1], CONTEXT)
        price = CONTEXT.multiply(root, root).scaleb(token[1] - other[1], CONTEXT)
        return Rate(price, min(virtual, units_to_decimal(held[0], other[1]) if held else Decimal(0)))

    async def _pool(self, token: str, other: str, fee: int, block: int | None) -> str | None:
        """The pool's address; a known one is remembered, since a factory never moves a pool."""
        key = (token, other, fee)
        if key not in self._pools:
            words = address_word(token), address_word(other), uint_word(fee)
            answer = await ask(self._reader, self._factory, GET_POOL, *words, block=block)
            pool = as_address(answer[0]) if answer else None
            if pool is None:
                return None
            self._pools[key] = pool
        return self._pools[key]


def _build(context: SourceContext) -> PriceSource:
    markets = {}
    for chain, (factory, quote_token) in {**DEPLOYMENTS, **context.settings.uniswap_v3}.items():
        spec, reader = context.specs.get(chain), context.readers.get(chain)
        if spec is None or reader is None or spec.family is not Family.EVM:
            continue
        quote = QuoteToken(quote_token.lower())
        known = {} if spec.wrapped_native is None else {spec.wrapped_native: spec.native.decimals}
        decimals = Decimals(reader, known)
        markets[chain] = Market(reader, spec, quote, decimals, V3Pools(reader, factory, decimals))
    return PoolSource(NAME, context, markets)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="Uniswap v3 pools, read on chain: live, and historical where the node keeps past states",
)
