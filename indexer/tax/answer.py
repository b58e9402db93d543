"""The book as the document that `gleaner compute` prints. Every number is an exact decimal string."""

from collections.abc import Mapping
from typing import Any

from indexer.model.lots import Disposal, Lot
from indexer.model.money import fiat_to_decimal, plain, units_to_decimal
from indexer.tax.accrual import Figures
from indexer.tax.book import TaxBook
from indexer.tax.days import to_us
from indexer.tax.explain import Explanation
from indexer.tax.notices import notices
from indexer.tax.totals import YearTotals, label, year_start, yearly
from indexer.tax.warnings import warnings


def money(amount: int) -> str:
    """An amount of 10**-18 currency units as a plain decimal."""
    return plain(fiat_to_decimal(amount))


class Answer:
    """Writes one book; `scales` are the decimals of each asset's quantities."""

    def __init__(self, book: TaxBook, scales: Mapping[str, int], figures: Figures | None = None) -> None:
        self._book, self._scales, self._figures = book, scales, figures

    def _units(self, quantity: int, asset: str) -> str:
        return plain(units_to_decimal(quantity, self._scales.get(asset, 18)))

    def document(self) -> dict[str, Any]:
        """The whole book."""
        book = self._book
        years = yearly(book, figures=self._figures)
        return {
            "currency": book.currency,
            "disposals": [self.disposal(disposal) for disposal in book.disposals],
            "open_lots": [self.lot(lot) for lot in book.lots],
            "pools": {
                asset: {"qty": self._units(pool.quantity, asset), "cost": money(pool.cost)}
                for asset, pool in book.pools.items()
            },
            "income": money(sum(income.value for income in book.income)),
            "years": [self.year(year) for year in years],
            "removed": [
                {
                    "movement": gone.movement,
                    "reason": gone.reason,
                    "asset": gone.asset,
                    "wallet": gone.wallet,
                    "lot": gone.lot,
                    "qty": self._units(gone.quantity, gone.asset),
                    "cost": money(gone.cost),
                }
                for gone in book.removals
            ],
            "gaps": [
                {
                    "movement": gap.movement,
                    "code": gap.code.value,
                    "asset": gap.asset,
                    "qty": self._units(gap.quantity, gap.asset),
                    "detail": gap.detail,
                }
                for gap in book.gaps
            ],
            "warnings": [
                {
                    "disposal": warning.disposal,
                    "asset": warning.asset,
                    "loss": money(warning.loss),
                    "purchase": warning.purchase,
                    "days": warning.days,
                    "source": warning.source,
                }
                for warning in warnings(book)
            ],
            "notices": [
                {"about": notice.about, "detail": notice.detail, "source": notice.source}
                for notice in notices(book, years, self._figures)
            ],
            "fingerprint": book.fingerprint,
        }

    def disposal(self, disposal: Disposal) -> dict[str, Any]:
        """One disposal row."""
        row: dict[str, Any] = {
            "disposal": disposal.id,
            "time": disposal.disposed_at.isoformat(),
            "asset": disposal.asset,
            "wallet": disposal.wallet,
            "qty": self._units(disposal.quantity, disposal.asset),
            "matched": disposal.matched,
            "rule": disposal.rule,
            "acquired": disposal.acquired_at.isoformat() if disposal.acquired_at else None,
            "proceeds": money(disposal.proceeds),
            "cost": money(disposal.cost),
            "gain": money(disposal.gain),
            "disallowed": money(disposal.disallowed),
            "term": disposal.term.value,
        }
        if disposal.washed_into:
            row["washed_into"] = disposal.washed_into
        return row

    def lot(self, lot: Lot) -> dict[str, Any]:
        """One open lot."""
        return {
            "lot": lot.id,
            "asset": lot.asset,
            "wallet": lot.wallet,
            "qty": self._units(lot.quantity, lot.asset),
            "cost": money(lot.cost) if lot.basis_known or lot.origin != "gap:ask" else None,
            "acquired": lot.acquired_at.isoformat(),
            "holding_from": lot.holding_from.isoformat(),
            "origin": lot.origin,
            "basis_known": lot.basis_known,
        }

    def year(self, year: YearTotals) -> dict[str, Any]:
        """One tax year's totals."""
        return {
            "year": label(self._book.plan.rules_at(to_us(year_start(year))), year),
            "short_gains": money(year.short_gains),
            "short_losses": money(year.short_losses),
            "long_gains": money(year.long_gains),
            "long_losses": money(year.long_losses),
            "proceeds": money(year.proceeds),
            "cost": money(year.cost),
            "disallowed": money(year.disallowed),
            "income": money(year.income),
            "carried_in_short": money(year.carried_in.short),
            "carried_in_long": money(year.carried_in.long),
            "exempt": money(year.exempt),
            "deducted": money(year.deducted),
            "taxable_short": money(year.taxable_short),
            "taxable_long": money(year.taxable_long),
            "carried_out_short": money(year.carried_out.short),
            "carried_out_long": money(year.carried_out.long),
            "lost": money(year.lost),
            "deferred_short": money(year.deferred_short),
            "deferred_long": money(year.deferred_long),
            "indexation": money(year.indexation),
            "minimum_base": money(year.minimum_base),
        }

    def explained(self, explanation: Explanation) -> dict[str, Any]:
        """One disposal with what it is made of."""
        return {
            "disposal": explanation.id,
            "gain": money(explanation.gain),
            "steps": [
                {
                    **self.disposal(step.disposal),
                    "acquisitions": list(step.acquisitions),
                    "notes": list(step.notes),
                }
                for step in explanation.steps
            ],
        }
