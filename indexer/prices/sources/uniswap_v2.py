"""Uniswap v2 pools, read on chain: the ratio of the reserves at a block, past or present.

Chains say in `chains.yaml` which factory and which quote token to use (`ChainSpec.dex`).
https://docs.uniswap.org/contracts/v2/reference/smart-contracts/pair
"""

from indexer.model.money import CONTEXT, units_to_decimal
from indexer.model.ports import ChainReader, PriceSource
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.contract import GET_PAIR, GET_RESERVES, address_word, as_address, ask
from indexer.prices.pools import Decimals, Market, PoolSource, QuoteToken, Rate

NAME = "uniswap_v2"


class V2Pools:
    """The pairs of one factory. Implements `indexer.prices.pools.Pools`."""

    def __init__(self, reader: ChainReader, factory: str, decimals: Decimals) -> None:
        self._reader = reader
        self._factory = factory
        self._decimals = decimals
        self._pairs: dict[tuple[str, str], str] = {}

    async def exists(self, token: str, other: str) -> bool:
        """Whether the factory has made this pair."""
        return await self._pair(token, other, None) is not None

    async def rate(self, token: str, other: str, block: int | None) -> Rate | None:
        """Reserves of the other token over reserves of this one, both in whole tokens."""
        pair = await self._pair(token, other, block)
        reserves = await ask(self._reader, pair, GET_RESERVES, block=block) if pair is not None else []
        if len(reserves) < 2:
            return None  # no pair, or not at that block
        mine, theirs = reserves[:2] if int(token, 16) < int(other, 16) else reserves[1::-1]
        mine_decimals, other_decimals = await self._decimals.of(token), await self._decimals.of(other)
        if mine == 0 or theirs == 0 or mine_decimals is None or other_decimals is None:
            return None
        held = units_to_decimal(theirs, other_decimals)
        return Rate(CONTEXT.divide(held, units_to_decimal(mine, mine_decimals)), held)

    async def _pair(self, token: str, other: str, block: int | None) -> str | None:
        """The pair's address; a known one is remembered, since a factory never moves a pair."""
        key = (token, other)
        if key not in self._pairs:
            words = address_word(token), address_word(other)
            answer = await ask(self._reader, self._factory, GET_PAIR, *words, block=block)
            pair = as_address(answer[0]) if answer else None
            if pair is None:
                return None
            self._pairs[key] = pair
        return self._pairs[key]


def _build(context: SourceContext) -> PriceSource:
    markets = {}
    for chain, spec in context.specs.items():
        reader = context.readers.get(chain)
        if spec.dex is None or reader is None:
            continue
        quote = QuoteToken(spec.dex.quote_token.lower(), spec.dex.quote_currency)
        known = {quote.address: spec.dex.quote_decimals}
        if spec.wrapped_native is not None:
            known[spec.wrapped_native] = spec.native.decimals
        decimals = Decimals(reader, known)
        pools = V2Pools(reader, spec.dex.factory, decimals)
        markets[chain] = Market(reader, spec, quote, decimals, pools)
    return PoolSource(NAME, context, markets)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="Uniswap v2 pools, read on chain: live, and historical where the node keeps past states",
)
