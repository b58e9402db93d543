"""What a whole portfolio was worth at its sales: France's law needs it (CGI art. 150 VH bis III).

Counted are the units that the ledger shows at that instant, before the sale: fungible assets that are not spam.
Items (ERC-721, ERC-1155) are left out, as they are no digital assets in the meaning of art. L. 54-10-1 CMF unless
they are used as one. One holding without a price leaves the worth unknown: the sale is then a gap, not a guess.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from indexer.model.asset import Asset, AssetKind
from indexer.model.money import value_of
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.model.profile import Method, TaxProfile
from indexer.tax.days import to_us
from indexer.tax.jurisdiction import Kernel
from indexer.tax.netting import pool_scale
from indexer.tax.plan import Plan
from indexer.tax.posting import join_bridges

_SALES = frozenset({MovementKind.SELL, MovementKind.REPAY})
_KEPT = frozenset({MovementKind.STAKE, MovementKind.LEND})
"""Units given away in these kinds without anything in return are still the owner's."""
_ITEMS = frozenset({AssetKind.ERC721, AssetKind.ERC1155})


class Worths:
    """What was held at each sale that needs the portfolio's worth, and the quotes to value it by."""

    def __init__(
        self, movements: Sequence[Movement], assets: Mapping[str, Asset], profiles: Sequence[TaxProfile]
    ) -> None:
        self._assets = assets
        self._currency = profiles[-1].currency
        self._held: dict[str, tuple[datetime, dict[str, int]]] = {}
        plan = Plan(profiles)
        if any(plan.rules_of(profile).pooled is Kernel.PORTFOLIO for profile in plan.profiles):
            self._follow(join_bridges(movements), plan)

    def _follow(self, movements: Iterable[Movement], plan: Plan) -> None:
        balance: dict[str, int] = defaultdict(int)
        for movement in movements:
            if movement.kind is MovementKind.SPAM:
                continue
            if _asks(movement, plan):
                self._held[movement.id] = (movement.time, {a: n for a, n in balance.items() if n > 0})
            _count(balance, movement.fee, -1)
            one_sided = not movement.out or not movement.into
            if movement.kind in _KEPT and one_sided:
                continue
            _count(balance, movement.out, -1)
            _count(balance, movement.into, 1)

    @property
    def needs(self) -> list[PriceNeed]:
        """Quotes that the worths take."""
        found = {
            PriceNeed(asset, instant, self._currency)
            for instant, held in self._held.values()
            for asset in held
            if self._counts(asset)
        }
        return sorted(found, key=lambda need: (need.instant, need.asset))

    def fill(
        self, movements: Sequence[Movement], results: Mapping[PriceNeed, PriceResult]
    ) -> Sequence[Movement]:
        """The movements with the worth at each sale that has one."""
        worths = {movement: self._worth(*held, results) for movement, held in self._held.items()}
        if not worths:
            return movements
        return [
            replace(movement, portfolio_value=worths[movement.id])
            if movement.portfolio_value is None and worths.get(movement.id) is not None
            else movement
            for movement in movements
        ]

    def _worth(
        self, instant: datetime, held: Mapping[str, int], results: Mapping[PriceNeed, PriceResult]
    ) -> int | None:
        total = 0
        for asset_id, quantity in held.items():
            if not self._counts(asset_id):
                continue
            quote = results.get(PriceNeed(asset_id, instant, self._currency))
            asset = self._assets.get(asset_id)
            if not isinstance(quote, PriceQuote) or asset is None or asset.decimals is None:
                return None
            total += value_of(quantity, pool_scale(asset), quote.price)
        return total

    def _counts(self, asset_id: str) -> bool:
        asset = self._assets.get(asset_id)
        return asset is None or not (asset.spam.spam or asset.kind in _ITEMS)


def _asks(movement: Movement, plan: Plan) -> bool:
    """Whether the law needs the portfolio's worth for this movement (as `tax.posting` asks for it)."""
    if movement.kind not in _SALES or movement.group is not None or movement.portfolio_value is not None:
        return False
    us = to_us(movement.time)
    profile = plan.profile_at(us)
    method = profile.methods_by_year.get(plan.tax_year(us), profile.method)
    return plan.rules_at(us).pooled is Kernel.PORTFOLIO and method is Method.POOLED


def _count(balance: dict[str, int], legs: Iterable[Leg], sign: int) -> None:
    for leg in legs:
        balance[leg.asset] += sign * leg.quantity
