"""`gleaner compute`: the tax engine for a document of trades, no chain and no database needed."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from indexer.cli.root import app, print_json
from indexer.model.errors import InputError


class Format(StrEnum):
    """How the book is printed."""

    JSON = "json"


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


@app.command()
def compute(
    file: Annotated[Path, typer.Argument(help="JSON or CSV of trades; `-` reads standard input.")],
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.JSON,
) -> None:
    """Book a file of trades: disposals, open lots, pools, income, and every gap by name."""
    from indexer.tax.answer import Answer
    from indexer.tax.document import read_json
    from indexer.tax.engine import build

    document = read_json(read_text(file))
    answer = Answer(build(document.movements, document.profiles), document.scales).document()
    if output is Format.JSON:
        print_json(answer)
