"""`gleaner compute`: the tax engine for a document of trades, no chain and no database needed."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexer.cli.root import app, print_json, stdout
from indexer.model.errors import InputError

if TYPE_CHECKING:
    from indexer.tax.answer import Answer
    from indexer.tax.book import TaxBook


class Format(StrEnum):
    """How the book is printed."""

    JSON = "json"
    TABLE = "table"
    CSV = "csv"


class Table(StrEnum):
    """Which part of the book a CSV holds."""

    DISPOSALS = "disposals"
    LOTS = "open_lots"
    YEARS = "years"
    REMOVED = "removed"
    GAPS = "gaps"
    WARNINGS = "warnings"
    NOTICES = "notices"


FileArgument = Annotated[Path, typer.Argument(help="JSON or CSV of trades; `-` reads standard input.")]
Jurisdiction = Annotated[str | None, typer.Option(help="US, UK, CA, DE, AU, IE, FR or -")]
Currency = Annotated[str | None, typer.Option(help="ISO 4217 code")]
MethodOption = Annotated[str | None, typer.Option(help="fifo, lifo, hifo, lofo, average, spec-id or pooled")]
ScopeOption = Annotated[str | None, typer.Option(help="wallet or universal")]
Zone = Annotated[str | None, typer.Option(help="IANA zone that tax days are counted in")]
Wash = Annotated[bool | None, typer.Option(help="Apply the country's window as if it reached crypto assets.")]


def read_text(file: Path) -> str:
    """A file's text; `-` is standard input.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text") from error


def book_file(file: Path, options: dict[str, Any]) -> "tuple[TaxBook, Answer]":
    """Read and book a document; options that are given replace what it says."""
    from indexer.tax.answer import Answer
    from indexer.tax.document import read_csv, read_json
    from indexer.tax.engine import build

    given = {name: value for name, value in options.items() if value is not None}
    text = read_text(file)
    is_json = text.lstrip()[:1] in ("{", "[")
    document = read_json(text, given) if is_json else read_csv(text, given)
    book = build(document.movements, document.profiles, allocation=document.allocation)
    return book, Answer(book, document.scales, document.figures)


@app.command()
def compute(
    file: FileArgument,
    *,
    output: Annotated[Format, typer.Option("--format", help="json, table or csv")] = Format.TABLE,
    table: Annotated[Table, typer.Option(help="What a CSV holds.")] = Table.DISPOSALS,
    jurisdiction: Jurisdiction = None,
    currency: Currency = None,
    method: MethodOption = None,
    scope: ScopeOption = None,
    timezone: Zone = None,
    wash_sales: Wash = None,
) -> None:
    """Book a file of trades: disposals, open lots, pools, income, yearly totals, and every gap by name."""
    options = {
        "jurisdiction": jurisdiction,
        "currency": currency,
        "method": method,
        "scope": scope,
        "timezone": timezone,
        "wash_sales": wash_sales,
    }
    _, answer = book_file(file, options)
    document = answer.document()
    if output is Format.JSON:
        print_json(document)
    elif output is Format.CSV:
        _print_csv(document[table.value])
    else:
        _print_tables(document)


def _print_csv(rows: list[dict[str, Any]]) -> None:
    import csv

    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_tables(document: dict[str, Any]) -> None:
    from rich.table import Table as Grid

    columns = {
        "disposals": "disposal asset qty matched rule proceeds cost disallowed gain term",
        "open_lots": "lot asset wallet qty cost holding_from origin",
        "years": "year short_gains short_losses long_gains long_losses disallowed income exempt deducted "
        "taxable_short taxable_long carried_out_short carried_out_long deferred_long indexation minimum_base",
        "removed": "movement reason asset qty cost",
        "gaps": "movement code asset qty detail",
        "warnings": "disposal asset loss purchase days source",
        "notices": "about detail source",
    }
    for name, fields in columns.items():
        rows = document[name]
        if not rows:
            continue
        # A column of nothing but zeros says nothing.
        shown = [
            field for field in fields.split() if any(row.get(field) not in (None, "", "0") for row in rows)
        ]
        grid = Grid(title=f"{name.replace('_', ' ')} ({document['currency']})", title_justify="left")
        for field in shown:
            grid.add_column(field.replace("_", " "), overflow="fold")
        for row in rows:
            grid.add_row(*("" if row.get(field) is None else str(row[field]) for field in shown))
        stdout.print(grid)
