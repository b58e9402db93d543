"""Prices from pools on chain: what every exchange's source shares, whatever its pools look like.

A token's price is given in the chain's quote token, directly or through the wrapped coin, whichever way is deeper.
The quote token is itself priced by whoever knows it; the configuration's word that it counts as the currency is
used last and marked by a low confidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from indexer.model.asset import Asset, AssetKind, token_id
from indexer.model.chain import ChainSpec
from indexer.model.money import CONTEXT
from indexer.model.ports import ChainReader
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.prices.context import SourceContext
from indexer.prices.contract import DECIMALS, ask
from indexer.prices.moments import Moment
from indexer.prices.onchain import assets_on, look_up
from indexer.prices.rounding import rounded

DECLARED = 0.4
"""Confidence in a quote token being worth one unit of currency because the configuration says so."""

SHALLOW = 0.3
"""Confidence in a pool that a small trade could move."""

_FUNGIBLE = frozenset({AssetKind.ERC20, AssetKind.NATIVE})


@dataclass(frozen=True, slots=True)
class Rate:
    """What one whole token costs in quote tokens, and how many quote tokens stand behind that price."""

    price: Decimal
    depth: Decimal


@dataclass(frozen=True, slots=True)
class QuoteToken:
    """The token that pools are quoted in, and the currency whose unit it is declared to be worth."""

    address: str
    currency: str = "USD"


class Decimals:
    """Decimals of one chain's tokens: as known, else as the contract says."""

    def __init__(self, reader: ChainReader, known: Mapping[str, int]) -> None:
        self._reader = reader
        self._known = dict(known)

    def learn(self, token: str, decimals: int | None) -> None:
        """Remember what the ledger knows of a token."""
        if decimals is not None:
            self._known.setdefault(token, decimals)

    async def of(self, token: str) -> int | None:
        """Decimals of a token, None when its contract does not say."""
        if token not in self._known:
            answer = await ask(self._reader, token, DECIMALS)
            if not answer or answer[0] > 255:
                return None
            self._known[token] = answer[0]
        return self._known[token]


class Pools(Protocol):
    """The pools of one exchange on one chain."""

    async def exists(self, token: str, other: str) -> bool:
        """Whether there is a pool of the two tokens at the newest block."""
        ...

    async def rate(self, token: str, other: str, block: int | None) -> Rate | None:
        """One token in units of the other at a block (None: newest), None without a pool."""
        ...


@dataclass(frozen=True, slots=True)
class Market:
    """One exchange on one chain."""

    reader: ChainReader
    spec: ChainSpec
    quote: QuoteToken
    decimals: Decimals
    pools: Pools

    async def trades(self, token: str) -> bool:
        """Whether the token has a way to the quote token today; a pool of the past is there for ever."""
        if token == self.quote.address or await self.pools.exists(token, self.quote.address):
            return True
        hub = self.spec.wrapped_native
        return hub is not None and token != hub and await self.pools.exists(token, hub)

    async def rate(self, token: str, block: int | None) -> Rate | None:
        """The token's price in quote tokens, directly or through the wrapped coin, whichever is deeper."""
        quote, hub = self.quote.address, self.spec.wrapped_native
        rates = [await self.pools.rate(token, quote, block)]
        if hub is not None and hub not in {token, quote}:
            first = await self.pools.rate(token, hub, block)
            second = await self.pools.rate(hub, quote, block) if first is not None else None
            if first is not None and second is not None:
                price = CONTEXT.multiply(first.price, second.price)
                rates.append(Rate(price, min(CONTEXT.multiply(first.depth, second.price), second.depth)))
        return max((rate for rate in rates if rate is not None), key=lambda rate: rate.depth, default=None)


class PoolSource:
    """Implements `PriceSource` over markets by CAIP-2 id."""

    confirms_history = False

    def __init__(self, name: str, context: SourceContext, markets: Mapping[str, Market]) -> None:
        self._name = name
        self._context = context
        self._markets = markets

    @property
    def name(self) -> str:
        """The name of the exchange."""
        return self._name

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer the needs whose token has a pool at the block of their instant."""
        readers = {chain: market.reader for chain, market in self._markets.items()}
        fungible = [need for need in needs if assets[need.asset].kind in _FUNGIBLE]
        return await look_up(
            self._name, self._context, assets_on(fungible, assets, readers), self._quote, self._trades
        )

    async def _trades(self, asset: Asset) -> bool:
        market = self._markets[asset.chain]
        token = asset.contract or market.spec.wrapped_native
        return token is not None and await market.trades(token)

    async def _quote(self, need: PriceNeed, asset: Asset, moment: Moment) -> PriceQuote | None:
        market = self._markets[asset.chain]
        token = asset.contract or market.spec.wrapped_native
        if token is None:
            return None
        if token == market.quote.address:
            return self._made(need, moment, market.quote.currency, Rate(Decimal(1), Decimal(0)), DECLARED)
        market.decimals.learn(token, asset.decimals)
        rate = await market.rate(token, moment.block)
        if rate is None:
            return None
        currency = token_id(market.spec.id, AssetKind.ERC20, market.quote.address)
        confidence = None if rate.depth >= self._context.settings.min_pool_depth else SHALLOW
        return self._made(need, moment, currency, rate, confidence)

    def _made(
        self, need: PriceNeed, moment: Moment, currency: str, rate: Rate, confidence: float | None
    ) -> PriceQuote:
        return PriceQuote(
            asset=need.asset,
            currency=currency,
            instant=moment.instant,
            price=rounded(rate.price),
            source=self._name,
            distance=abs(moment.instant - need.instant),
            confidence=confidence,
        )
