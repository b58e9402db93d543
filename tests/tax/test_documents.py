"""The neutral document: what is read, what is refused by name, what is printed."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from indexer.cli import compute, explain
from indexer.cli.root import app
from indexer.model.errors import InputError, NotFoundError
from indexer.tax.answer import Answer
from indexer.tax.document import read_csv, read_document, read_json
from indexer.tax.engine import build
from indexer.tax.explain import explain as explained

COMMANDS = (compute, explain)
"""Registered on `app` by being imported."""

BUY = {"id": "a", "time": "2023-01-01T00:00:00Z", "type": "buy", "asset": "BTC", "qty": "1", "price": "1000"}
SELL = {
    "id": "s",
    "time": "2024-03-01T00:00:00Z",
    "type": "sell",
    "asset": "BTC",
    "qty": "1",
    "gross": "1500",
}


def document(*rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"currency": "USD", "jurisdiction": "US", "method": "fifo", "transactions": list(rows), **fields}


def answer(given: dict[str, Any]) -> dict[str, Any]:
    read = read_document(given)
    return Answer(build(read.movements, read.profiles), read.scales).document()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"qty": "-1"}, "transaction 2 (id 's'): qty must be more than zero"),
        ({"qty": "0"}, "qty must be more than zero"),
        ({"qty": ""}, "transaction 2 (id 's'): qty is missing"),
        ({"qty": "1e400"}, "beyond what can be booked exactly"),
        ({"qty": "NaN"}, "beyond what can be booked exactly"),
        ({"qty": "one"}, "qty must be a number"),
        ({"qty": True}, "qty must be a number"),
        ({"asset": ""}, "transaction 2 (id 's'): asset is missing"),
        ({"gross": ""}, "transaction 2 (id 's'): price or gross is missing"),
        ({"gross": "-5"}, "gross must not be negative"),
        ({"gross": "", "price": "-5"}, "price must not be negative"),
        ({"fee": "-1"}, "fee must not be negative"),
        ({"id": "a"}, "the id 'a' is already that of transaction 1"),
        ({"id": ""}, "transaction 2 has no id"),
        ({"time": "2024-03-01T00:00:00"}, "has no zone"),
        ({"time": "yesterday"}, "is no ISO 8601 instant"),
        ({"type": "barter"}, "type 'barter' is unknown"),
        ({"order": "first"}, "order must be a whole number"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"type": "transfer"}, "to_wallet is missing"),
        ({"lots": [{"lot": "a", "qty": "2"}]}, "the lots named hold more than the qty"),
        ({"lots": [{"lot": "a", "qty": "0"}]}, "qty of lot 'a' must be more than zero"),
        ({"lots": "a"}, "lots must be a list"),
    ],
)
def test_a_bad_row_is_refused_by_name(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        answer(document(BUY, {**SELL, **changes}))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"jurisdiction": "XX"}, "unknown jurisdiction 'XX'"),
        ({"method": "newest"}, "method 'newest' is unknown"),
        ({"scope": "galaxy"}, "scope 'galaxy' is unknown"),
        ({"timezone": "Mars/Base"}, "unknown time zone"),
        ({"wash_sales": "yes"}, "wash_sales must be true or false"),
        ({"methods_by_year": {"2024": "best"}}, "method"),
        ({"method": "average", "wash_sales": True}, "average cost has no lots"),
        ({"transactions": None}, "no list `transactions`"),
    ],
)
def test_a_bad_document_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        answer(document(BUY, SELL, **fields))
    assert complaint in str(caught.value)


def test_text_that_is_not_json_is_refused() -> None:
    with pytest.raises(InputError, match="not JSON"):
        read_json("{")
    with pytest.raises(InputError, match="must be an object"):
        read_json("[]")


def test_numbers_are_never_floats() -> None:
    text = json.dumps(document(BUY, SELL)).replace('"1000"', "1000.000000000000000001")
    read = read_json(text)
    book = build(read.movements, read.profiles)
    assert book.disposals[0].cost == 1_000_000_000_000_000_000_001


def test_selling_more_than_is_held_is_a_gap_with_its_proceeds() -> None:
    got = answer(document(BUY, {**SELL, "qty": "3", "gross": "3000"}))
    assert [(row["qty"], row["proceeds"]) for row in got["disposals"]] == [("1", "1000")]
    (gap,) = got["gaps"]
    assert (gap["code"], gap["qty"]) == ("sold_more_than_held", "2")
    assert "2000" in gap["detail"]


def test_huge_and_tiny_quantities_stay_exact() -> None:
    rows = (
        {**BUY, "qty": "1000000000000000000000000000000", "gross": "7", "price": ""},
        {**SELL, "qty": "999999999999999999999999999999.999999999999999999", "gross": "8"},
        {**SELL, "id": "t", "qty": "0.000000000000000001", "gross": "0"},
    )
    got = answer(document(*rows))
    assert got["open_lots"] == []
    assert sum(int(row["cost"].replace(".", "").ljust(19, "0")) for row in got["disposals"]) == 7 * 10**18


def test_more_than_18_decimals_make_a_finer_scale() -> None:
    got = answer(
        document({**BUY, "qty": "0.0000000000000000000001"}, {**SELL, "qty": "0.00000000000000000000005"})
    )
    assert got["disposals"][0]["qty"] == "0.00000000000000000000005"
    assert got["open_lots"][0]["qty"] == "0.00000000000000000000005"


def test_csv_and_json_are_the_same_document() -> None:
    rows = [{**BUY, "fee": "1", "wallet": "A"}, {**SELL, "fee": "2", "wallet": "A", "lots": "a:1"}]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    options = {"currency": "USD", "jurisdiction": "US", "method": "spec-id"}
    from_csv = read_csv(text.getvalue(), options)
    rows[1]["lots"] = [{"lot": "a", "qty": "1"}]  # type: ignore[assignment]  # JSON writes lots as a list
    assert from_csv == read_document({**options, "transactions": rows})


def test_a_ragged_csv_line_is_refused_by_number() -> None:
    with pytest.raises(InputError, match="transaction 1: the line does not have 2 cells"):
        read_csv("id,time\na,2024-01-01T00:00:00Z,buy\n", {})
    with pytest.raises(InputError, match="CSV is empty"):
        read_csv("", {})


def test_explain_follows_a_figure_to_its_transactions() -> None:
    moved = {
        "id": "m", "time": "2023-06-01T00:00:00Z", "type": "transfer", "asset": "BTC", "qty": "1",
        "wallet": "A", "to_wallet": "B",
    }  # fmt: skip
    read = read_document(document({**BUY, "wallet": "A"}, moved, {**SELL, "wallet": "B"}))
    book = build(read.movements, read.profiles)
    (step,) = explained(book, "s").steps
    assert step.acquisitions == ("a",)
    assert any("first in, first out" in note for note in step.notes)
    assert any("moved here with its cost and date" in note for note in step.notes)
    with pytest.raises(NotFoundError, match="no disposal 'zzz'"):
        explained(book, "zzz")


def test_the_commands_read_files_and_print_every_format(tmp_path: Path) -> None:
    file = tmp_path / "trades.json"
    file.write_text(json.dumps(document(BUY, SELL)))
    runner = CliRunner()
    got = runner.invoke(app, ["compute", str(file), "--format", "json"])
    assert json.loads(got.stdout)["disposals"][0]["gain"] == "500"
    table = runner.invoke(
        app, ["compute", str(file), "--format", "csv", "--table", "open_lots", "--method", "lifo"]
    )
    assert table.exit_code == 0
    lines = runner.invoke(app, ["compute", str(file), "--format", "csv"]).stdout.splitlines()
    assert lines[0].startswith("disposal,time,asset")
    assert runner.invoke(app, ["compute", str(file)]).exit_code == 0
    told = runner.invoke(app, ["explain", "s", "--file", str(file), "--json"])
    assert json.loads(told.stdout)["gain"] == "500"
    missing = runner.invoke(app, ["compute", str(tmp_path / "nothing.json")])
    assert isinstance(missing.exception, InputError)
