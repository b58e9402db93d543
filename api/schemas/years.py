"""Tax years: realized, netted, limited, carried."""

from datetime import date
from typing import Self

from pydantic import Field

from api.schemas.base import Fresh, Money, Output, fresh, money
from indexer.flows.year import YearReport, YearsReport, YearView
from indexer.model.money import fiat_to_decimal
from indexer.tax.totals import Carry


class CarryOut(Output):
    """Losses carried between years, as positive amounts, by character."""

    short: Money
    long: Money

    @classmethod
    def of(cls, carry: Carry, currency: str) -> Self:
        """Write a carry."""
        return cls(
            short=money(fiat_to_decimal(carry.short), currency),
            long=money(fiat_to_decimal(carry.long), currency),
        )


class YearOut(Output):
    """One tax year under the rules in force at its beginning. Losses are positive amounts."""

    year: int
    label: str = Field(description="As the country writes it.", examples=["2025", "2025-26"])
    begins: date
    jurisdiction: str
    disposals: int = Field(description="How many rows `/v1/disposals?year=` has.")
    proceeds: Money
    cost: Money
    disallowed: Money = Field(description="Losses that a wash-sale rule puts off.")
    short_gains: Money
    short_losses: Money
    long_gains: Money
    long_losses: Money
    net_short: Money = Field(description="Of the year itself, before anything is carried in.")
    net_long: Money
    carried_in: CarryOut
    deducted: Money = Field(description="Net loss that lowers other income of the year, up to the limit.")
    exempt: Money = Field(description="Covered by an annual exemption, a discount or a holding period.")
    taxable_short: Money
    taxable_long: Money
    taxable: Money = Field(description="What is left to be taxed as capital gain.")
    carried_out: CarryOut
    lost: Money = Field(description="Losses that the law lets expire with the year.")
    income: Money = Field(description="Receipts at market value, such as staking rewards.")
    notes: list[str] = Field(description="What the law of the year leaves open, one sentence each.")

    @classmethod
    def of(cls, view: YearView) -> Self:
        """Write a year."""
        totals, currency = view.totals, view.currency
        sums = {
            name: money(fiat_to_decimal(getattr(totals, name)), currency)
            for name, field in cls.model_fields.items()
            if field.annotation is Money
        }
        return cls(
            year=totals.year,
            label=view.label,
            begins=totals.begins,
            jurisdiction=view.jurisdiction,
            disposals=view.disposals,
            notes=list(view.notes),
            carried_in=CarryOut.of(totals.carried_in, currency),
            carried_out=CarryOut.of(totals.carried_out, currency),
            **sums,
        )


class YearsOut(Fresh):
    """Every tax year with a disposal or income, and those between, oldest first; all on one page."""

    data: list[YearOut]
    next_cursor: None = None

    @classmethod
    def of(cls, report: YearsReport) -> Self:
        """Write the years."""
        return cls(data=[YearOut.of(view) for view in report.years], **fresh(report.freshness))


class YearDetailOut(Fresh):
    """One tax year, and whether its figures are final."""

    totals: YearOut

    @classmethod
    def of(cls, report: YearReport) -> Self:
        """Write a year."""
        return cls(totals=YearOut.of(report.year), **fresh(report.freshness))
