"""What price sources call an asset. An explicit `Asset.price_id` always wins."""

from collections.abc import Mapping

from indexer.model.asset import Asset, AssetKind
from indexer.model.chain import ChainSpec, Family

_ZERO_ADDRESS = "0x" + "0" * 40

_COINS = {"BTC": "bitcoin", "LTC": "litecoin", "DOGE": "dogecoin", "BCH": "bitcoin-cash", "SOL": "solana"}
"""CoinGecko ids of coins whose chains have no zero address."""


def llama_id(asset: Asset, specs: Mapping[str, ChainSpec]) -> str | None:
    """DefiLlama's name, `<platform>:<address>` or `coingecko:<id>`; None when it cannot know the asset.

    The native coin of an EVM chain is the platform's zero address. https://defillama.com/docs/api (coins)
    """
    if asset.price_id is not None:
        return asset.price_id
    spec = specs.get(asset.chain)
    if spec is None or spec.price_platform is None:
        return None
    if asset.kind in {AssetKind.ERC20, AssetKind.SPL}:
        return f"{spec.price_platform}:{asset.contract}"
    if asset.kind is AssetKind.NATIVE:
        if spec.family is Family.EVM:
            return f"{spec.price_platform}:{_ZERO_ADDRESS}"
        coin = _COINS.get(spec.native.symbol)
        return None if coin is None else f"coingecko:{coin}"
    return None  # a non-fungible item has no market price


def on_market(asset: Asset, specs: Mapping[str, ChainSpec]) -> bool:
    """Whether an asset is worth what the market says: not so on chains that exist on one machine only."""
    if asset.price_id is not None:
        return True
    spec = specs.get(asset.chain)
    return spec is not None and spec.price_platform is not None


_GECKO_PLATFORMS = {
    "eip155:1": "ethereum",
    "eip155:10": "optimistic-ethereum",
    "eip155:56": "binance-smart-chain",
    "eip155:100": "xdai",
    "eip155:137": "polygon-pos",
    "eip155:8453": "base",
    "eip155:42161": "arbitrum-one",
    "eip155:43114": "avalanche",
    "eip155:59144": "linea",
    "eip155:534352": "scroll",
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp": "solana",
}
"""CoinGecko's asset platforms by CAIP-2 id."""

_GECKO_COINS = {
    **_COINS,
    "ETH": "ethereum",
    "BNB": "binancecoin",
    "POL": "polygon-ecosystem-token",
    "AVAX": "avalanche-2",
    "HYPE": "hyperliquid",
    "xDAI": "xdai",
}


def gecko_id(asset: Asset, specs: Mapping[str, ChainSpec]) -> tuple[str | None, str] | None:
    """CoinGecko's name: (None, coin id) or (platform, contract); None when it cannot know the asset."""
    if asset.price_id is not None and asset.price_id.startswith("coingecko:"):
        return None, asset.price_id.removeprefix("coingecko:")
    if not on_market(asset, specs):
        return None
    if asset.kind is AssetKind.NATIVE:
        spec = specs.get(asset.chain)
        coin = None if spec is None else _GECKO_COINS.get(spec.native.symbol)
        return None if coin is None else (None, coin)
    platform = _GECKO_PLATFORMS.get(asset.chain)
    if platform is None or asset.contract is None or asset.kind not in {AssetKind.ERC20, AssetKind.SPL}:
        return None
    return platform, asset.contract
