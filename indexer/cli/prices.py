"""`gleaner prices`: how the price sources are, and the user's own quotes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from indexer.cli.opened import Json, with_app
from indexer.cli.root import app, print_json, stderr, stdout
from indexer.model.errors import GleanerError, InputError

if TYPE_CHECKING:
    from indexer.prices.doctor import Diagnosis
    from indexer.prices.manual import ImportReport
    from indexer.prices.service import Prices
    from indexer.wiring import App

prices = typer.Typer(no_args_is_help=True, help="See how the price sources are; bring your own quotes.")
app.add_typer(prices, name="prices")


@prices.command()
def doctor(as_json: Json = False) -> None:
    """Ask every source for your assets now, a month and a year ago: health, coverage, disagreements.

    Disagreements about prices that your book is made with are listed too.
    """

    async def work(opened: "App") -> "Diagnosis":
        from indexer.prices.doctor import diagnose
        from indexer.prices.sources import discover

        async with opened.services.ledger.read() as unit:
            assets = await unit.facts.portfolio_assets(opened.settings.portfolio)
            book = await unit.books.load(opened.settings.portfolio)
        kept = () if book is None else book.disputed
        return await diagnose(_service(opened), assets, opened.services.clock, discover(), kept)

    found = with_app(work)
    if as_json:
        print_json(found.document())
    else:
        _show(found)
    if not found.healthy:
        raise GleanerError("no price source answered: see their last errors above")


@prices.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV with the columns asset, time, price and, if need be, currency.")
    ],
    as_json: Json = False,
) -> None:
    """Take in your own quotes. They win over every other source; a file with a wrong line changes nothing."""
    text = _read(file)

    async def work(opened: "App") -> "ImportReport":
        from indexer.prices.fx import EcbRates
        from indexer.prices.manual import import_quotes, parse_csv

        services = opened.services
        quotes = parse_csv(text, opened.settings.currency)
        fx = _service(opened).fx or EcbRates(services.clock, None)
        report = await import_quotes(quotes, services.ledger.quotes, fx)
        _service(opened).forget()
        async with services.ledger.write() as unit:  # books that were valued without these quotes
            await unit.books.mark_stale({quote.asset.partition("/")[0] for quote in quotes})
        return report

    report = with_app(work)
    if as_json:
        print_json(
            {
                "rows": report.rows,
                "assets": report.assets,
                "first": None if report.first is None else report.first.isoformat(),
                "last": None if report.last is None else report.last.isoformat(),
                "unconverted": report.unconverted,
            }
        )
        return
    stdout.print(f"{report.rows} quotes of {report.assets} assets taken in.", highlight=False)
    if report.unconverted:
        stderr.print(
            f"{report.unconverted} of them are in a currency that ECB has no rate for on their day: they count in "
            "books of that currency alone."
        )


def _service(opened: "App") -> "Prices":
    from indexer.prices.service import Prices

    service = opened.services.prices
    if not isinstance(service, Prices):
        raise TypeError(f"the price service is a {type(service).__name__}")
    return service


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text") from error


def _show(found: "Diagnosis") -> None:
    table = Table(title=f"Price sources, {found.asked} questions to each")
    for name in ("source", "answered", "weak", "unknown", "stale", "limited", "unreachable", "last error"):
        table.add_column(name, justify="left" if name in {"source", "last error"} else "right")
    for source in found.sources:
        table.add_row(
            source.name,
            f"{source.answered}/{source.asked}",
            str(source.weak),
            str(source.unknown),
            str(source.stale),
            str(source.rate_limited),
            str(source.unavailable),
            source.last_error or "",
        )
    stdout.print(table)
    document = found.document()
    for conflict in [*document["conflicts"], *document["book_conflicts"]]:
        chosen, rival = conflict["chosen"], conflict["rival"]
        book = " (in your book)" if "via" in conflict else ""
        stdout.print(
            f"[yellow]{conflict['code']}[/yellow]{book} {conflict['asset']} at {conflict['instant']}: {chosen['source']} says "
            f"{chosen['price']}, {rival['source']} says {rival['price']} {conflict['currency']}",
            highlight=False,
            soft_wrap=True,
        )
    for gap in document["unpriced"]:
        stdout.print(
            f"[red]{gap['status']}[/red] {gap['asset']}: {gap['detail'] or 'no source knows it'}",
            highlight=False,
            soft_wrap=True,
        )
    for factory in found.unused:
        key = " (needs a key)" if factory.needs_key else ""
        stdout.print(f"[dim]not in the order: {factory.name}{key}: {factory.about}[/dim]", highlight=False)
