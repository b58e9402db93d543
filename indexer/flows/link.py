"""Find a portfolio's cross-chain moves in its kept transactions and say what they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from indexer.bridges.link import LinkSettings, link
from indexer.bridges.protocols import decode
from indexer.flows.raw import transaction_view
from indexer.flows.services import Services
from indexer.flows.status import portfolio_freshness
from indexer.flows.views import Freshness, LinkView
from indexer.model.asset import Asset
from indexer.model.ledger import UnitOfWork
from indexer.model.links import BridgeLeg, CrossChainLink, LinkState

RAW_BATCH = 500
"""Raw transactions held in memory at a time."""


@dataclass(frozen=True, slots=True)
class LinkPage:
    """A slice of the links with how far the ledger is known."""

    items: tuple[LinkView, ...]
    next_cursor: str | None
    freshness: Freshness


async def relink(services: Services, portfolio: str) -> tuple[CrossChainLink, ...]:
    """Decode the bridge events of every transaction of the portfolio, pair the halves, replace the links."""
    async with services.ledger.read() as work:
        wallets = await work.wallets.all(portfolio)
        times = {(t.chain, t.tx): t.block.time async for t in work.facts.stream(portfolio)}
        assets = await work.facts.portfolio_assets(portfolio)
        profiles = await work.tenants.profile(portfolio)
        legs = await _decode(services, work, times)
    own = frozenset(wallet.address for wallet in wallets)
    settings = LinkSettings(own=own, jurisdiction=profiles[-1].jurisdiction)
    flags = link([_described(leg, assets) for leg in legs if _concerns(leg, own)], settings).flags
    async with services.ledger.write() as work:
        await work.links.replace(portfolio, flags)
    return flags


async def _decode(
    services: Services, work: UnitOfWork, times: Mapping[tuple[str, str], datetime]
) -> list[BridgeLeg]:
    natives = {chain: spec.native_id for chain, spec in services.readers.specs.items()}
    legs: list[BridgeLeg] = []
    for start in range(0, len(times), RAW_BATCH):
        batch = list(times)[start : start + RAW_BATCH]
        for key, raw in (await work.facts.raws(batch)).items():
            view = transaction_view(raw, times[key])
            legs += decode(view, extra=services.bridge_contracts, natives=natives)
    return legs


def _concerns(leg: BridgeLeg, own: frozenset[str]) -> bool:
    """A batch transaction moves strangers' assets too: only halves that an own wallet sends or receives count."""
    return leg.wallet in own or leg.recipient in own or leg.tx_sender in own


def _described(leg: BridgeLeg, assets: Mapping[str, Asset]) -> BridgeLeg:
    asset = assets.get(leg.asset)
    return leg if asset is None else replace(leg, group=asset.group, decimals=asset.decimals)


async def list_links(
    services: Services,
    portfolio: str,
    *,
    state: LinkState | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> LinkPage:
    """The portfolio's links, newest departure first.

    Raises:
        InputError: the cursor is not one this list gave out.
    """
    async with services.ledger.read() as work:
        page = await work.links.list(portfolio, state, cursor, limit)
        ids = {leg.asset for found in page.items for leg in _halves(found)}
        assets = await work.facts.assets(ids)
        items = tuple(LinkView(found, assets) for found in page.items)
        return LinkPage(items, page.next_cursor, await portfolio_freshness(work, portfolio))


def _halves(found: CrossChainLink) -> Sequence[BridgeLeg]:
    return [leg for leg in (found.source, found.destination, *found.further) if leg is not None]
