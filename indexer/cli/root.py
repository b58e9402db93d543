"""The command's frame: one Typer app, one way to print, one way to fail.

Command modules import heavy libraries (web3 takes a second) inside their functions, so that `gleaner --help`
answers at once.
"""

import logging
import sys
from typing import Any

import orjson
import typer
from rich.console import Console

from indexer.model.errors import GleanerError, InputError

app = typer.Typer(
    name="gleaner",
    help="One ledger for every chain you use, and the losses in it that are worth harvesting.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

stderr = Console(stderr=True)
"""Progress and messages for people; stdout is for the answer alone."""

stdout = Console()
if not stdout.is_terminal:
    stdout = Console(width=120)  # a pipe or a file has no width; tables should not be cut to 80


def print_json(value: Any) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()


def configure_logging(level: str) -> None:
    """Log to stderr. Libraries that would write request URLs, which may hold keys, are kept quiet."""
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    for name in ("httpx", "httpcore", "web3", "aiohttp", "uvicorn.error", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def run() -> None:
    """Run the app; an error that a user may see ends as one sentence and exit code 1 (2: fix the input)."""
    try:
        app()
    except InputError as error:
        stderr.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except GleanerError as error:
        stderr.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
