"""The assets that a portfolio's transfers move, with the verdicts on spam that hold for it."""

from indexer.flows.services import Services
from indexer.model.asset import Asset


async def list_assets(services: Services, portfolio: str) -> tuple[Asset, ...]:
    """Every asset, by id; the owner's own verdict stands before the automatic one."""
    async with services.ledger.read() as work:
        found = await work.facts.portfolio_assets(portfolio)
    return tuple(found[asset_id] for asset_id in sorted(found))
