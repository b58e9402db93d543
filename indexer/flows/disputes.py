"""Prices that two sources disagree about: what was used, and what the other source says."""

from collections.abc import Mapping

from indexer.model.prices import DisputedPrice, PriceNeed, PriceQuote, PriceResult


def disputed(results: Mapping[PriceNeed, PriceResult]) -> tuple[DisputedPrice, ...]:
    """The quotes that another source contradicts by more than the policy's bound, by asset and instant."""
    found = [
        _dispute(need, result, result.rival)
        for need, result in results.items()
        if isinstance(result, PriceQuote) and result.rival is not None
    ]
    return tuple(sorted(found, key=lambda price: (price.asset, price.instant, price.currency)))


def _dispute(need: PriceNeed, used: PriceQuote, rival: PriceQuote) -> DisputedPrice:
    return DisputedPrice(
        asset=need.asset,
        currency=need.currency,
        instant=need.instant,
        source=used.source,
        price=used.price,
        rival_source=rival.source,
        rival_price=rival.price,
        via=used.via,
    )
