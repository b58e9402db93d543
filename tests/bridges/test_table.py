"""Halves as a table, and the command that pairs them."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import indexer.cli.compute
import indexer.cli.link  # noqa: F401 - importing registers; of one command alone Typer makes no group
from indexer.bridges.table import as_lines, name_of, read_legs
from indexer.cli.root import app
from indexer.model.errors import InputError

HEADER = "leg_id,side,protocol,chain_id,tx,ts,token,is_native,amount,wallet,event_recipient,event_dst_chain,transfer_id"
ROWS = [
    "s1,src,nomad,1,0x1,1000,0xAA,,500,0xbb,0xBB,1284,d1",
    "d1,dst,nomad,1284,0x2,3000,0xcc,,500,0xbb,,,d1",
    "d1,dst,nomad,1284,0x2,3000,0xcc,,500,0xdd,,,d1",
    "s2,src,ronin,2020,0x3,,0xaa,,7,0xee,,,",
]


def table(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def run(path: Path, *options: str) -> str:
    result = CliRunner().invoke(app, ["link", str(path), *options], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("packed", [False, True])
def test_the_command_pairs_plain_and_packed_files(tmp_path: Path, *, packed: bool) -> None:
    path = tmp_path / ("legs.csv.gz" if packed else "legs.csv")
    raw = table(*ROWS).encode()
    path.write_bytes(gzip.compress(raw) if packed else raw)
    found = json.loads(run(path))
    (made,) = found["links"]
    assert (made["src_leg"], made["dst_leg"], made["tier"], made["state"]) == (
        "s1",
        "d1",
        "exact_id",
        "confirmed",
    )
    assert {one["leg"] for one in found["open"]} == {"d1", "s2"}
    assert found["ambiguous"] == []
    lines = run(path, "--format", "csv").splitlines()
    assert lines[0] == "src_leg,dst_leg,protocol,tier,confidence,state,reasons"
    assert lines[1].startswith("s1,d1,nomad,exact_id,")


def test_ambiguous_halves_name_their_candidates(tmp_path: Path) -> None:
    path = tmp_path / "legs.csv"
    path.write_text(
        table(
            "a,src,hop,1,0x1,1000,0xaa,,500,0xbb,0xbb,10,",
            "b,src,hop,1,0x2,1010,0xaa,,500,0xbb,0xbb,10,",
            "c,dst,hop,10,0x3,1100,0xcc,,500,0xbb,,,",
        )
    )
    found = json.loads(run(path))
    assert [(made["src_leg"], made["dst_leg"], made["state"]) for made in found["links"]] == [
        ("a", "c", "proposed")
    ]
    assert {"leg": "c", "candidates": ["a", "b"]} in found["ambiguous"]


def test_unknown_cells_stay_unknown() -> None:
    leg = read_legs(table(ROWS[3]).splitlines())[0]
    assert (leg.time, leg.recipient, leg.other_chain, leg.join_key) == (None, None, None, None)
    assert leg.chain == "eip155:2020"


def test_rows_of_one_event_share_its_name() -> None:
    legs = read_legs(table(*ROWS).splitlines())
    assert len({leg.id for leg in legs}) == 4
    assert [name_of(leg) for leg in legs] == ["s1", "d1", "d1", "s2"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("leg_id,side\n", "line 1"),
        (table("x,up,nomad,1,,,0xaa,,1,0xbb,,,"), "line 2"),
        (table(ROWS[0], "x,src,nomad,1,,,0xaa,,one,0xbb,,,"), "line 3"),
        (table("x,src,nomad,1,,,0xaa,,-1,0xbb,,,"), "negative"),
        (table("x,src,nomad,mars,,,0xaa,,1,0xbb,,,"), "line 2"),
    ],
)
def test_what_does_not_read_is_named_by_its_line(text: str, where: str) -> None:
    with pytest.raises(InputError, match=where):
        read_legs(text.splitlines())


@pytest.mark.parametrize("content", [b"\x1f\x8bnot really", b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "legs.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"legs\.csv"):
        CliRunner().invoke(app, ["link", str(path)], catch_exceptions=False)


def test_lines_are_quoted_where_they_must_be() -> None:
    assert list(as_lines([["a", 'b"c', "d,e", 1]])) == ['a,"b""c","d,e",1']
