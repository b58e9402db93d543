"""The well-known asset of an identity group, which may stand in for a wrapped or bridged member of it."""

from collections.abc import Mapping

from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec
from indexer.prices.ids import on_market


def _ethereum(symbol: str, contract: str, decimals: int, coin: str) -> Asset:
    return Asset(f"eip155:1/erc20:{contract}", symbol, decimals, group=symbol, price_id=f"coingecko:{coin}")


ANCHORS: dict[str, Asset] = {
    "ETH": Asset("eip155:1/slip44:60", "ETH", 18, group="ETH", price_id="coingecko:ethereum"),
    "BTC": Asset(
        "bip122:000000000019d6689c085ae165831e93/slip44:0",
        "BTC",
        8,
        group="BTC",
        price_id="coingecko:bitcoin",
    ),
    "SOL": Asset(
        "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp/slip44:501",
        "SOL",
        9,
        group="SOL",
        price_id="coingecko:solana",
    ),
    "USDC": _ethereum("USDC", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", 6, "usd-coin"),
    "USDT": _ethereum("USDT", "0xdac17f958d2ee523a2206206994597c13d831ec7", 6, "tether"),
    "DAI": _ethereum("DAI", "0x6b175474e89094c44da98b954eedeac495271d0f", 18, "dai"),
}
"""By identity group. The contracts are those of the issuers' own pages."""

WELL_KNOWN = {asset.id: asset for asset in ANCHORS.values()}
"""The same by CAIP-19 id."""


class AnchorFor:
    """Names the anchor of an asset; None where the market's price means nothing (local chains)."""

    def __init__(self, specs: Mapping[str, ChainSpec]) -> None:
        self._specs = specs

    def __call__(self, asset: Asset) -> Asset | None:
        """The chain's own coin for its wrapped form, the group's well-known asset for other members."""
        spec = self._specs.get(asset.chain)
        if spec is not None and spec.wrapped_native is not None and asset.contract == spec.wrapped_native:
            return Asset(spec.native_id, spec.native.symbol, spec.native.decimals)
        if asset.group is None or not on_market(asset, self._specs):
            return None
        return ANCHORS.get(asset.group)
