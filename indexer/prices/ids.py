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
