"""The commands for profile, tax wallets, movements, decisions and years on a ledger of their own."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from indexer.cli import explain, movements, profile, wallet  # noqa: F401 - they add their commands to the app
from indexer.cli.root import app
from indexer.model.errors import InputError, NotFoundError

ALICE = "0xd8da6bf26964af9d7eed9e03e53415d37aa96045"


@pytest.fixture(autouse=True)
def ledger(monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLEANER_DATABASE_URL", sqlite_url)


def run(*arguments: str) -> Any:
    """The JSON a command prints; its errors as the command line's frame sees them."""
    done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_profile_is_changed_field_by_field() -> None:
    assert run("profile", "show")["is_default"]
    uk = run("profile", "set", "--jurisdiction", "UK", "--timezone", "Europe/London")["current"]
    assert (uk["currency"], uk["method"], uk["timezone"]) == ("GBP", "pooled", "Europe/London")
    us = run("profile", "set", "--jurisdiction", "US", "--method-of-year", "2024=hifo")["current"]
    assert (us["currency"], us["method"], us["methods_by_year"]) == ("USD", "fifo", {"2024": "hifo"})
    assert us["timezone"] == "Europe/London", "what is left out stays"
    pools = run("profile", "set", "--method-of-pool", "ETH=hifo", "--method-of-pool", "cold/ETH=lifo")[
        "current"
    ]
    assert pools["methods_by_pool"] == {"ETH": "hifo", "cold/ETH": "lifo"}
    later = run("profile", "set", "--since", "2026-01-01", "--wash-sales", "from:2026-06-01")
    assert [one["since"] for one in later["profiles"]] == ["2009-01-03", "2026-01-01"]
    assert later["profiles"][1]["wash_from"] == "2026-06-01"
    off = run("profile", "set", "--wash-sales", "off")["profiles"][-1]
    assert (off["wash_sales"], off["wash_from"]) == ("off", None)
    assert len(run("profile", "remove", "2026-01-01")["profiles"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["profile", "set", "--jurisdiction", "XX"], "unknown jurisdiction"),
        (["profile", "set", "--method", "average"], "does not allow"),
        (["profile", "set", "--since", "soon"], "YYYY-MM-DD"),
        (["profile", "set", "--wash-sales", "from"], "wash_from"),
        (["profile", "set", "--wash-sales", "sometimes"], "as-if"),
        (["profile", "set", "--method-of-year", "2024"], "YEAR=METHOD"),
        (["profile", "set", "--method-of-pool", "ETH"], "POOL=METHOD"),
        (["profile", "set", "--method-of-pool", "ETH=average"], "does not allow"),
        (["movement", "basis", "eip155:1:0x1", "much"], "COST"),
        (["movement", "basis", "eip155:1:0x1", "1", "--acquired-at", "then"], "instant"),
        (["movement", "lots", "eip155:1:0x1", "lot"], "QUANTITY"),
        (["explain", "x", "--method", "fifo"], "its own profile"),
        (["decision", "allocate"], "either wallets"),
        (["decision", "allocate", "home", "--unit", "a,home,1"], "either wallets"),
        (["decision", "allocate", "--unit", "a:home:1"], "LOT,WALLET,QUANTITY"),
        (["decision", "allocate", "--unit", "eip155:1:0x1#2,home,much"], "units are"),
        (["decision", "allocate", "--unit", "eip155:1:0x1#2,home,1.5"], "there is no tax wallet home"),
    ],
)
def test_what_is_wrong_is_named(arguments: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["movement", "decide", "eip155:1:0x1", "sell"],
        ["movement", "basis", "eip155:1:0x1", "1"],
        ["movement", "lots", "eip155:1:0x1", "lot=1"],
        ["movement", "show", "eip155:1:0x1"],
        ["spam", "eip155:1/slip44:60"],
        ["decision", "undo", "jdg_1"],
        ["group", "home", "w_1"],
        ["year", "2026"],
        ["explain", "eip155:1:0x1"],
        ["profile", "remove", "2026-01-01"],
    ],
)
def test_what_is_not_there_is_said(arguments: list[str]) -> None:
    shown = [] if arguments[1] == "show" else ["--json"]
    with pytest.raises(NotFoundError):
        CliRunner().invoke(app, [*arguments, *shown], catch_exceptions=False)


def test_an_empty_ledger_has_empty_books() -> None:
    made = run("wallet", "add", ALICE, "--chain", "eip155:1")
    grouped = run("group", "home", made["id"])
    assert [row["group"] for row in grouped["data"]] == ["home"]
    assert run("movement", "list")["data"] == []
    assert run("decision", "list")["data"] == []
    assert run("year")["data"] == []
    allocated = run("decision", "allocate", "home", "--order", "hifo", "--why", "safe harbour")
    assert allocated["said"] == {"wallets": ["home"], "order": "hifo"}
    assert [row["why"] for row in run("decision", "list")["data"]] == ["safe harbour"]
    for command in (["year"], ["movement", "list"], ["decision", "list"], ["profile", "show"]):
        done = CliRunner().invoke(app, command, catch_exceptions=False)
        assert done.exit_code == 0
