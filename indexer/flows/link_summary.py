"""The dashboard's figures about cross-chain moves: what waits for the owner, and how much is at stake."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from indexer.flows.link import views_of
from indexer.flows.services import Services
from indexer.flows.status import portfolio_freshness
from indexer.flows.views import Freshness
from indexer.model.asset import Asset
from indexer.model.links import BridgeLeg, CrossChainLink
from indexer.model.money import units_to_decimal
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult


@dataclass(frozen=True, slots=True)
class OpenMoves:
    """What waits for the owner, of one protocol or in all.

    `value` is what the moves were worth when they left (or arrived, where nothing is known to have left), in the
    portfolio's currency; `unpriced` moves are not in it.
    """

    links: int
    value: Decimal
    unpriced: int


@dataclass(frozen=True, slots=True)
class LinkSummary:
    """All links counted, and the open ones by protocol and reason."""

    currency: str
    states: Mapping[str, int]
    open: OpenMoves
    by_protocol: Mapping[str, OpenMoves]
    by_reason: Mapping[str, int]
    """Of the open ones; a link may have several reasons."""
    freshness: Freshness


async def link_summary(services: Services, portfolio: str) -> LinkSummary:
    """Count the links and value the open ones at the time of their departure."""
    async with services.ledger.read() as work:
        links = await work.links.all(portfolio)
        currency = (await work.tenants.profile(portfolio))[-1].currency
        freshness = await portfolio_freshness(work, portfolio)
        waiting = [link for link in links if link.is_open]
        views = await views_of(work, waiting)
    assets = {asset_id: asset for view in views for asset_id, asset in view.assets.items()}
    needs = [need for link in waiting if (need := _need(link.halves[0], currency, assets)) is not None]
    quotes = await services.prices.resolve(needs, assets) if needs else {}
    worth = {link.id: _worth(link.halves[0], currency, assets, quotes) for link in waiting}
    protocols = sorted({link.protocol for link in waiting})
    return LinkSummary(
        currency=currency,
        states=dict(sorted(Counter(link.state.value for link in links).items())),
        open=_moves(worth.values()),
        by_protocol={name: _moves(_of(waiting, name, worth)) for name in protocols},
        by_reason=dict(sorted(Counter(code.value for link in waiting for code in link.reasons).items())),
        freshness=freshness,
    )


def _need(leg: BridgeLeg, currency: str, assets: Mapping[str, Asset]) -> PriceNeed | None:
    asset = assets.get(leg.asset)
    if leg.time is None or asset is None or asset.decimals is None:
        return None
    return PriceNeed(leg.asset, leg.time, currency)


def _worth(
    leg: BridgeLeg, currency: str, assets: Mapping[str, Asset], quotes: Mapping[PriceNeed, PriceResult]
) -> Decimal | None:
    need = _need(leg, currency, assets)
    quote = None if need is None else quotes.get(need)
    decimals = assets[leg.asset].decimals if leg.asset in assets else None
    if not isinstance(quote, PriceQuote) or decimals is None:
        return None
    return units_to_decimal(leg.amount, decimals) * quote.price


def _of(
    links: Iterable[CrossChainLink], protocol: str, worth: Mapping[str, Decimal | None]
) -> list[Decimal | None]:
    return [worth[link.id] for link in links if link.protocol == protocol]


def _moves(worths: Iterable[Decimal | None]) -> OpenMoves:
    values = list(worths)
    known = [value for value in values if value is not None]
    return OpenMoves(len(values), sum(known, Decimal(0)), len(values) - len(known))
