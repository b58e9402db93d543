"""`gleaner link`: pair the halves of cross-chain moves in a file; no chain and no database needed."""

import gzip
import sys
import zlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexer.cli.root import app, print_json
from indexer.model.errors import InputError

if TYPE_CHECKING:
    from indexer.bridges.link import LinkResult

_GZIP_MAGIC = b"\x1f\x8b"


class Format(StrEnum):
    """How the links are printed."""

    JSON = "json"
    CSV = "csv"


@app.command()
def link(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV of halves, plain or gzip: leg_id, side, protocol, chain_id, token, amount, wallet and, "
            "where known, ts, event_recipient, event_dst_chain, transfer_id. `-` reads standard input."
        ),
    ],
    output: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.JSON,
) -> None:
    """Pair the two halves of each cross-chain move, and say how sure each pair is."""
    import gc

    from indexer.bridges.link import link as pair
    from indexer.bridges.table import as_lines, read_legs

    gc.disable()  # one pass over data that all stays alive: collecting in between only costs time
    try:
        result = pair(read_legs(_lines(file)))
    finally:
        gc.enable()
    if output is Format.JSON:
        print_json(_document(result))
        return
    header = ["src_leg", "dst_leg", "protocol", "tier", "confidence", "state", "reasons"]
    rows = ([*(row | {"reasons": "|".join(row["reasons"])}).values()] for row in _links(result))
    sys.stdout.write("\n".join(as_lines([header, *rows])) + "\n")


def _lines(file: Path) -> list[str]:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        if raw[:2] == _GZIP_MAGIC:
            raw = gzip.decompress(raw)
        return raw.decode("utf-8-sig").splitlines()
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(f"{file} is not a whole gzip file") from error
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text") from error


def _document(result: "LinkResult") -> dict[str, Any]:
    from indexer.bridges.table import name_of

    return {
        "links": _links(result),
        "ambiguous": [
            {"leg": name_of(one.leg), "candidates": [name_of(leg) for leg in one.candidates]}
            for one in result.ambiguous
        ],
        "refunds": [
            {
                "src_leg": name_of(one.source),
                "refund_leg": name_of(one.destination),
                "confidence": one.confidence,
            }
            for one in result.refunds
            if one.source is not None and one.destination is not None
        ],
        "open": [
            {"leg": name_of(leg), "reasons": list(one.reasons)}
            for one in result.open_halves
            if (leg := one.source or one.destination) is not None
        ],
    }


def _links(result: "LinkResult") -> list[dict[str, Any]]:
    from indexer.bridges.table import name_of

    return [
        {
            "src_leg": name_of(one.source),
            "dst_leg": name_of(one.destination),
            "protocol": one.protocol,
            "tier": one.tier,
            "confidence": one.confidence,
            "state": one.state,
            "reasons": list(one.reasons),
        }
        for one in result.links
        if one.source is not None and one.destination is not None
    ]
