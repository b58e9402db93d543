"""Which prices the books need, and what the legs are worth once they are there."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from indexer.model.asset import Asset, AssetKind
from indexer.model.money import value_of
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.tax.netting import pool_scale

_MOVES = (MovementKind.SELF, MovementKind.WRAP, MovementKind.BRIDGE_IN, MovementKind.SPAM)
"""Kinds whose legs keep their cost. A bridge's out half is priced, for the part that the crossing may eat."""


def _needed(movement: Movement) -> tuple[Leg, ...]:
    """Legs whose worth the books use, and do not know yet."""
    legs = movement.fee if movement.kind in _MOVES else (*movement.out, *movement.into, *movement.fee)
    return tuple(leg for leg in legs if leg.value is None)


def _priceable(leg: Leg, assets: Mapping[str, Asset]) -> bool:
    asset = assets.get(leg.asset)
    return (
        asset is not None
        and asset.decimals is not None
        and not asset.spam.spam
        and asset.kind not in (AssetKind.ERC721, AssetKind.ERC1155)
    )


def needs(movements: Sequence[Movement], assets: Mapping[str, Asset], currency: str) -> list[PriceNeed]:
    """Distinct quotes that the engine needs, by time and asset. What can never be priced is not asked for."""
    found = {
        PriceNeed(leg.asset, movement.time, currency)
        for movement in movements
        for leg in _needed(movement)
        if _priceable(leg, assets)
    }
    return sorted(found, key=lambda need: (need.instant, need.asset))


def value(
    movements: Sequence[Movement], assets: Mapping[str, Asset], results: Mapping[PriceNeed, PriceResult]
) -> list[Movement]:
    """Fill in what legs are worth. A leg without a quote keeps None: the engine names it as a gap."""
    prices = {
        (need.asset, need.instant): result.price
        for need, result in results.items()
        if isinstance(result, PriceQuote)
    }
    return [_valued(movement, assets, prices) for movement in movements]


def _valued(
    movement: Movement, assets: Mapping[str, Asset], prices: Mapping[tuple[str, datetime], Decimal]
) -> Movement:
    def worth(leg: Leg) -> Leg:
        price = prices.get((leg.asset, movement.time))
        if leg.value is not None or price is None or not _priceable(leg, assets):
            return leg
        return replace(leg, value=value_of(leg.quantity, pool_scale(assets[leg.asset]), price))

    return replace(
        movement,
        out=tuple(map(worth, movement.out)),
        into=tuple(map(worth, movement.into)),
        fee=tuple(map(worth, movement.fee)),
    )
