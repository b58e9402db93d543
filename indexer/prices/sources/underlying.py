"""Vault shares, liquidity shares and staked coins, valued through what they stand for, as the chain says it.

ERC-4626 vaults answer `asset()` and `convertToAssets` (https://eips.ethereum.org/EIPS/eip-4626); Uniswap v2 shares
are a part of both reserves; the large staked coins name their rate. The answer is given in the underlying asset,
which the service then prices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from indexer.model.asset import Asset, AssetKind, token_id
from indexer.model.errors import RefusedError
from indexer.model.money import CONTEXT, units_to_decimal
from indexer.model.ports import ChainReader, PriceSource
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.contract import (
    ASSET,
    CONVERT_TO_ASSETS,
    DECIMALS,
    GET_RESERVES,
    TOKEN0,
    TOKEN1,
    TOTAL_SUPPLY,
    as_address,
    ask,
    uint_word,
)
from indexer.prices.moments import Moment
from indexer.prices.onchain import assets_on, look_up
from indexer.prices.rounding import rounded

NAME = "underlying"


@dataclass(frozen=True, slots=True)
class Staked:
    """A staked coin: the view function that says what one is worth (18 decimals), and in which asset."""

    selector: str
    underlying: str


STAKED = {
    "eip155:1/erc20:0x7f39c581f595b53c5cb19bd0b3f8da6c935e2ca0": Staked(
        "035faf82", "eip155:1/erc20:0xae7ab96520de3a18e5e111b5eaab095312d7fe84"
    ),  # wstETH: stEthPerToken()
    "eip155:1/erc20:0xae78736cd615f374d3085123a210448e74fc6393": Staked(
        "e6aa216c", "eip155:1/slip44:60"
    ),  # rETH: getExchangeRate()
    "eip155:1/erc20:0xbe9895146f7af43049ca1c1ae358b0541ea49704": Staked(
        "3ba0b9a9", "eip155:1/slip44:60"
    ),  # cbETH: exchangeRate()
}


@dataclass(frozen=True, slots=True)
class Vault:
    """An ERC-4626 vault."""

    asset: str
    """address"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A Uniswap v2 pair whose shares are held."""

    token0: str
    token1: str


class Underlying:
    """Finds out once what kind of share a contract issues, then reads its worth at each block."""

    name = NAME
    confirms_history = False

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._kinds: dict[str, Vault | Pair | None] = {}
        self._decimals: dict[tuple[str, str], int | None] = {}

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer the needs whose token is a share in something else."""
        tokens = [need for need in needs if assets[need.asset].kind is AssetKind.ERC20]
        wanted = assets_on(tokens, assets, self._context.readers)
        return await look_up(NAME, self._context, wanted, self._look, self._is_share)

    async def _is_share(self, asset: Asset) -> bool:
        if asset.id in STAKED:
            return True
        return (
            await self._kind(self._context.readers[asset.chain], asset.id, asset.contract or "") is not None
        )

    async def _look(self, need: PriceNeed, asset: Asset, moment: Moment) -> PriceQuote | None:
        reader = self._context.readers[asset.chain]
        contract = asset.contract or ""
        staked = STAKED.get(asset.id)
        if staked is not None:
            rate = await ask(reader, contract, staked.selector, block=moment.block)
            if not rate:
                return None
            return _made(need, moment, staked.underlying, units_to_decimal(rate[0], 18))
        kind = await self._kind(reader, asset.id, contract)
        if isinstance(kind, Vault):
            return await self._vault(need, asset, moment, kind)
        if isinstance(kind, Pair):
            return await self._share(need, asset, moment, kind)
        return None

    async def _vault(self, need: PriceNeed, asset: Asset, moment: Moment, vault: Vault) -> PriceQuote | None:
        """Assets of one whole share, fees left aside as `convertToAssets` does."""
        reader = self._context.readers[asset.chain]
        shares = await self._shares(reader, asset)
        inner = await self._decimals_of(reader, vault.asset)
        if shares is None or inner is None:
            return None
        worth = await _ask_or_none(
            reader, asset.contract or "", CONVERT_TO_ASSETS, uint_word(10**shares), block=moment.block
        )
        if not worth:
            return None
        underlying = token_id(asset.chain, AssetKind.ERC20, vault.asset)
        return _made(need, moment, underlying, units_to_decimal(worth[0], inner))

    async def _share(self, need: PriceNeed, asset: Asset, moment: Moment, pair: Pair) -> PriceQuote | None:
        """One whole share: its part of one reserve, twice, since both reserves are worth the same in the pool."""
        reader, contract = self._context.readers[asset.chain], asset.contract or ""
        reserves = await _ask_or_none(reader, contract, GET_RESERVES, block=moment.block)
        supply = await _ask_or_none(reader, contract, TOTAL_SUPPLY, block=moment.block)
        decimals = await self._shares(reader, asset)
        if len(reserves) < 2 or not supply or supply[0] == 0 or decimals is None:
            return None
        side = self._side(asset.chain, pair)
        token = (pair.token0, pair.token1)[side]
        inner = await self._decimals_of(reader, token)
        if inner is None:
            return None
        shares = units_to_decimal(supply[0], decimals)
        worth = CONTEXT.divide(2 * units_to_decimal(reserves[side], inner), shares)
        return _made(need, moment, token_id(asset.chain, AssetKind.ERC20, token), worth)

    def _side(self, chain: str, pair: Pair) -> int:
        """The side that is surest to have a price: the quote token, else the wrapped coin, else the first."""
        spec = self._context.specs[chain]
        known = [spec.wrapped_native]
        if spec.dex is not None:
            known.insert(0, spec.dex.quote_token.lower())
        for token in known:
            if token in {pair.token0, pair.token1}:
                return int(token == pair.token1)
        return 0

    async def _kind(self, reader: ChainReader, asset: str, contract: str) -> Vault | Pair | None:
        if asset not in self._kinds:
            self._kinds[asset] = await self._recognise(reader, contract)
        return self._kinds[asset]

    async def _recognise(self, reader: ChainReader, contract: str) -> Vault | Pair | None:
        inner = await _ask_or_none(reader, contract, ASSET)
        address = as_address(inner[0]) if inner else None
        if address is not None and await _ask_or_none(reader, contract, CONVERT_TO_ASSETS, uint_word(1)):
            return Vault(address)
        first = await _ask_or_none(reader, contract, TOKEN0)
        second = await _ask_or_none(reader, contract, TOKEN1) if first else []
        reserves = await _ask_or_none(reader, contract, GET_RESERVES) if second else []
        token0 = as_address(first[0]) if first else None
        token1 = as_address(second[0]) if second else None
        if token0 is not None and token1 is not None and len(reserves) == 3:
            return Pair(token0, token1)
        return None

    async def _shares(self, reader: ChainReader, asset: Asset) -> int | None:
        """Decimals of the share: the ledger's, else the contract's (a share inside another share)."""
        if asset.decimals is not None:
            return asset.decimals
        return await self._decimals_of(reader, asset.contract or "")

    async def _decimals_of(self, reader: ChainReader, token: str) -> int | None:
        key = (reader.spec.id, token)
        if key not in self._decimals:
            answer = await _ask_or_none(reader, token, DECIMALS)
            self._decimals[key] = answer[0] if answer and answer[0] <= 77 else None
        return self._decimals[key]


async def _ask_or_none(
    reader: ChainReader, to: str, selector: str, *arguments: bytes, block: int | None = None
) -> list[int]:
    """The words of an answer, none when the contract refuses: it is of another kind."""
    try:
        return await ask(reader, to, selector, *arguments, block=block)
    except RefusedError:
        return []


def _made(need: PriceNeed, moment: Moment, currency: str, price: Decimal) -> PriceQuote:
    distance = abs(moment.instant - need.instant)
    return PriceQuote(need.asset, currency, moment.instant, rounded(price), NAME, distance)


def _build(context: SourceContext) -> PriceSource:
    return Underlying(context)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="Vault, liquidity and staking shares, valued through what they stand for, as the chain says",
)
