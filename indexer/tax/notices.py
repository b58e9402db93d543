"""What a reader must know about figures that are right as far as they go: nothing here changes one."""

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.model.money import fiat_to_decimal, plain
from indexer.tax.accrual import Figures
from indexer.tax.book import TaxBook
from indexer.tax.days import to_us
from indexer.tax.tape import MOVE
from indexer.tax.totals import Booked, YearTotals, amount, label, parted, year_start


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence about one year, or one movement, with the law or the choice behind it."""

    about: str
    """A year as the country writes it, or a movement's id."""
    detail: str
    source: str


def notices(book: TaxBook, years: Sequence[YearTotals], figures: Figures | None = None) -> list[Notice]:
    """Everything to be said about a book."""
    return [*unnamed_lots(book), *fees_apart(book), *law_notices(book, years, figures)]


def unnamed_lots(book: TaxBook) -> list[Notice]:
    """Sales that named lots which their pool did not hold: the method took others."""
    return [
        Notice(
            view.id_of(event),
            f"{lot} was named for this sale and there was less of it than asked for: other lots were taken in its place",
            "specific identification needs units that are there when they are sold",
        )
        for view in book.views
        for event, lot, _ in view.result.unnamed
    ]


def fees_apart(book: TaxBook) -> list[Notice]:
    """Money paid for moving units, where the profile does not add it to their basis."""
    return [
        Notice(
            view.id_of(event),
            f"the fee of {plain(fiat_to_decimal(view.note(event).fee_apart))} {book.currency} for this transfer is "
            "neither cost nor proceeds: choose to add transfer fees to basis if your law lets you",
            "profile: transfer_fee_is_disposal",
        )
        for view in book.views
        for event, kind in enumerate(view.unit.kind)
        if kind == MOVE and view.note(event).fee_apart
    ]


def law_notices(book: Booked, years: Sequence[YearTotals], figures: Figures | None = None) -> list[Notice]:
    """What a law that resets values leaves open in each year: figures that are missing, a rate that depends on you."""
    missing: dict[int, dict[str, None]] = {}
    for disposal in book.disposals:
        parts = parted(book.plan, disposal, figures or Figures())
        if parts is not None and parts.missing:
            number = book.plan.tax_year(to_us(disposal.disposed_at))
            missing.setdefault(number, {}).update(dict.fromkeys(parts.missing))
    found = []
    for year in years:
        rules = book.plan.rules_at(to_us(year_start(year)))
        if rules.reset is None or year.begins < rules.reset.since or not (year.proceeds or year.cost):
            continue
        name = label(rules, year)
        found += [
            Notice(
                name,
                f"{figure} is not known: without it neither a discount nor indexation is taken, and the gain may "
                "be overstated",
                rules.reset.source,
            )
            for figure in missing.get(year.year, {})
        ]
        rate = amount(rules, "minimum_rate", year.begins)
        if year.minimum_base and rate:
            row = rules.row("minimum_rate", year.begins)
            text = (
                f"a minimum tax of {plain(fiat_to_decimal(rate * 100))} % applies to gains of "
                f"{plain(fiat_to_decimal(year.minimum_base))} as far as your own rate is lower: it depends on your "
                "other income and is not computed"
            )
            found.append(Notice(name, text, row.source if row else ""))
    return found
