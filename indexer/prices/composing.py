"""How a slot's answer is put together: from two legs, in another currency, or as the reason why there is none."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from indexer.model.asset import Asset
from indexer.model.money import CONTEXT
from indexer.model.prices import PriceMissing, PriceNeed, PriceQuote, PriceResult, PriceStatus
from indexer.prices.asking import DOLLAR, missing
from indexer.prices.rounding import rounded
from indexer.prices.slots import Slot
from indexer.prices.stored import beside


def refusal(need: PriceNeed, assets: Mapping[str, Asset]) -> PriceMissing | None:
    """Needs that no source is asked for."""
    asset = assets.get(need.asset)
    if asset is None:
        detail, status = "the asset is not known to the ledger", PriceStatus.UNKNOWN
    elif asset.spam.spam:
        detail, status = asset.spam.reason or "marked as spam", PriceStatus.SPAM
    elif asset.decimals is None:
        detail, status = "nobody could say how many decimals it has", PriceStatus.UNKNOWN
    else:
        return None
    return PriceMissing(need.asset, need.currency, need.instant, status, detail)


def groups(assets: Iterable[Asset]) -> dict[str, list[Asset]]:
    """Priceable assets by identity group, in a stable order."""
    members: dict[str, list[Asset]] = {}
    for asset in sorted(assets, key=lambda known: known.id):
        if asset.group is not None and asset.decimals is not None and not asset.spam.spam:
            members.setdefault(asset.group, []).append(asset)
    return members


def compose(slot: Slot, ratio: PriceQuote, price: PriceResult | None) -> PriceResult:
    """A quote in another asset times that asset's own quote; as old and as uncertain as the worse of both."""
    if price is None:
        return missing(slot, PriceStatus.UNKNOWN, f"priced in {ratio.currency}, too many steps from money")
    if isinstance(price, PriceMissing):
        return missing(slot, price.status, f"priced in {ratio.currency}, which has no price: {price.detail}")
    older = max((ratio, price), key=lambda quote: abs(quote.instant - slot.instant))
    confidences = [quote.confidence for quote in (ratio, price) if quote.confidence is not None]
    made = replace(
        ratio,
        currency=DOLLAR,
        price=rounded(CONTEXT.multiply(ratio.price, price.price)),
        instant=older.instant,
        distance=abs(older.instant - slot.instant),
        confidence=min(confidences, default=None),
        via=ratio.currency,
    )
    if price.rival is None:
        return made
    other = replace(price.rival, price=rounded(CONTEXT.multiply(ratio.price, price.rival.price)))
    return replace(made, rival=beside(made, other))


def stand_in(slot: Slot, member: PriceQuote) -> PriceQuote:
    """The quote of an equal asset for a slot's; a dispute about it is a dispute about this one."""
    made = replace(member, asset=slot.asset, via=member.asset)
    return made if member.rival is None else replace(made, rival=beside(made, member.rival))


def rate_day(need: PriceNeed, now: datetime) -> date:
    """The day whose rate a need is converted by: its own, or today."""
    return min(need.instant, now).date()


def deliver(
    need: PriceNeed, answer: PriceResult, rates: Mapping[tuple[str, date], Decimal], now: datetime
) -> PriceResult:
    """Turn a slot's answer in dollars into the need's: its own distance, its own currency.

    `rates` holds units of a currency for one dollar by (currency, day).
    """
    if isinstance(answer, PriceMissing):
        return replace(answer, currency=need.currency, instant=need.instant)
    distance = abs(answer.instant - need.instant)
    quote = answer if distance == answer.distance else _away(answer, distance)
    if need.currency == DOLLAR:
        return quote
    day = rate_day(need, now)
    rate = rates.get((need.currency, day))
    if rate is None:
        detail = f"ECB has no rate of {need.currency} for {day.isoformat()} or the week before"
        return PriceMissing(need.asset, need.currency, need.instant, PriceStatus.UNKNOWN, detail)
    return _converted(quote, need.currency, rate)


def _away(quote: PriceQuote, distance: timedelta) -> PriceQuote:
    """The quote at another distance. `replace` takes thrice as long, and with daily closes this runs for every need."""
    return PriceQuote(
        quote.asset,
        quote.currency,
        quote.instant,
        quote.price,
        quote.source,
        distance,
        quote.confidence,
        quote.via,
        quote.rival,
        quote.fx_rate,
    )


def _converted(quote: PriceQuote, currency: str, rate: Decimal) -> PriceQuote:
    """A dollar quote, and its rival, in another currency."""
    rival = None if quote.rival is None else _converted(quote.rival, currency, rate)
    price = rounded(CONTEXT.multiply(quote.price, rate))
    return replace(quote, currency=currency, price=price, fx_rate=rate, rival=rival)
