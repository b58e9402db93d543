"""Between the engine's pools and the chain's assets: which asset stands for a lot, and how it is scaled."""

from collections.abc import Mapping
from decimal import Decimal

from indexer.model.asset import Asset
from indexer.model.lots import Lot
from indexer.model.money import units_to_decimal

POOL_DECIMALS = 18


def asset_of_lot(lot: Lot, assets: Mapping[str, Asset]) -> Asset | None:
    """The asset that a lot is held as: the pool's own id, or the group's token on the lot's chain."""
    if lot.asset in assets:
        return assets[lot.asset]
    members = sorted(
        (asset for asset in assets.values() if asset.group == lot.asset), key=lambda asset: asset.id
    )
    on_chain = [asset for asset in members if asset.chain == lot.chain]
    return next(iter(on_chain or members), None)


def whole(quantity: int, asset: Asset | None) -> Decimal:
    """A pool quantity in whole tokens; where nobody knows the decimals, in base units as they are."""
    if asset is None or asset.decimals is None:
        return Decimal(quantity)
    return units_to_decimal(quantity, max(POOL_DECIMALS, asset.decimals))
