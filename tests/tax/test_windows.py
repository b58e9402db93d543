"""Who and what a window sees: affiliated persons, families of assets, purpose."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from indexer.model.asset import Asset
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.profile import Scope, TaxProfile, WashSales
from indexer.tax.answer import Answer
from indexer.tax.document import read_document
from indexer.tax.engine import build
from indexer.tax.netting import broad_families
from indexer.tax.plan import Plan
from indexer.tax.warnings import warnings

START = datetime(2026, 3, 2, tzinfo=UTC)
US = TaxProfile(scope=Scope.UNIVERSAL, wash_sales=WashSales.AS_IF)


def trade(name: str, day: int, kind: MovementKind, quantity: int, value: int, asset: str = "ETH") -> Movement:
    leg = Leg("w", asset, asset, quantity, value)
    sold = kind is MovementKind.SELL
    return Movement(
        name, START + timedelta(days=day), (0,), kind, (leg,) if sold else (), () if sold else (leg,)
    )


BOUGHT = trade("a", 0, MovementKind.BUY, 10, 1000)
SOLD = trade("s", 60, MovementKind.SELL, 10, 600)


@pytest.mark.parametrize(("day", "disallowed"), [(29, 0), (30, 400), (90, 400), (91, 0)])
def test_the_window_is_30_days_on_either_side(day: int, disallowed: int) -> None:
    book = build([BOUGHT, SOLD, trade("b", day, MovementKind.BUY, 10, 500)], US)
    assert sum(one.disallowed for one in book.disposals) == disallowed


def test_rewards_are_no_purchases_in_the_us() -> None:
    book = build([BOUGHT, SOLD, trade("i", 70, MovementKind.INCOME, 10, 500)], US)
    assert book.disposals[0].disallowed == 0


@pytest.mark.parametrize(("wash", "start", "disallowed"), [
    (WashSales.OFF, None, 0),
    (WashSales.NEVER, None, 0),
    (WashSales.AS_IF, None, 400),
    (WashSales.FROM_DATE, START + timedelta(days=60), 400),
    (WashSales.FROM_DATE, START + timedelta(days=61), 0),
])  # fmt: skip
def test_a_window_is_off_as_if_or_from_a_date(
    wash: WashSales, start: datetime | None, disallowed: int
) -> None:
    profile = replace(US, wash_sales=wash, wash_from=start.date() if start else None)
    book = build([BOUGHT, SOLD, trade("b", 70, MovementKind.BUY, 10, 500)], profile)
    assert book.disposals[0].disallowed == disallowed


def test_strict_sees_one_asset_and_broad_its_family() -> None:
    assets = {
        "eip155:1/slip44:60": Asset("eip155:1/slip44:60", "ETH", 18, group="ETH", broad_group="ETH"),
        "eip155:1/erc20:0xae7a": Asset("eip155:1/erc20:0xae7a", "stETH", 18, broad_group="ETH"),
    }
    families = broad_families(assets)
    movements = [BOUGHT, SOLD, trade("b", 70, MovementKind.BUY, 4, 250, "eip155:1/erc20:0xae7a")]
    strict = build(movements, US, families=families)
    broad = build(movements, replace(US, wash_group="broad"), families=families)
    assert sum(one.disallowed for one in strict.disposals) == 0
    assert sum(one.disallowed for one in broad.disposals) == 160
    assert [lot.cost for lot in broad.lots] == [250 + 160]


def test_wrapping_joins_units_but_not_windows() -> None:
    """Bought ETH, wrapped it, sold the WETH at a loss, bought ETH: under `strict` these are two properties."""
    wrap = Movement(
        "w",
        START + timedelta(days=5),
        (0,),
        MovementKind.WRAP,
        (Leg("w", "ETH", "ETH", 10),),
        (Leg("w", "WETH", "WETH", 10),),
    )
    movements = [
        BOUGHT,
        wrap,
        trade("s", 60, MovementKind.SELL, 10, 600, "WETH"),
        trade("b", 70, MovementKind.BUY, 10, 500),
    ]
    assert build(movements, US).disposals[0].disallowed == 0
    again = [*movements, trade("c", 71, MovementKind.BUY, 10, 500, "WETH")]
    assert build(again, US).disposals[0].disallowed == 400


def test_a_unit_stands_in_once() -> None:
    movements = [
        trade("a", 0, MovementKind.BUY, 20, 2000),
        trade("s", 60, MovementKind.SELL, 10, 600),
        trade("t", 62, MovementKind.SELL, 10, 600),
        trade("b", 70, MovementKind.BUY, 10, 500),
    ]
    book = build(movements, US)
    assert [(one.id, one.disallowed, one.washed_into) for one in book.disposals] == [
        ("s", 400, "b"),
        ("t", 0, None),
    ]


def test_the_switch_for_units_sold_on_the_day_of_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    from indexer.tax.wash import WashKernel

    movements = [
        trade("a", 0, MovementKind.BUY, 10, 1000),
        trade("b", 45, MovementKind.BUY, 10, 900),
        trade("s", 60, MovementKind.SELL, 20, 1400),
    ]
    on = [(one.matched, one.disallowed, one.gain) for one in build(movements, US).disposals]
    assert on == [("a", 300, 0), ("b", 0, -500)]
    monkeypatch.setattr(WashKernel, "sold_same_day", False)
    off = [(one.matched, one.disallowed, one.gain) for one in build(movements, US).disposals]
    assert off == [("a", 0, -300), ("b", 0, -200)]


def canada(*rows: tuple[str, str, str, str, str, str]) -> dict[str, Any]:
    names = ("id", "time", "type", "qty", "gross", "wallet")
    document = {
        "currency": "CAD",
        "jurisdiction": "CA",
        "method": "pooled",
        "affiliate_wallets": ["spouse"],
        "transactions": [{**dict(zip(names, row, strict=True)), "asset": "X"} for row in rows],
    }
    read = read_document(document)
    return Answer(build(read.movements, read.profiles), read.scales).document()


def test_a_spouses_purchase_makes_a_loss_superficial_and_takes_it_over() -> None:
    got = canada(
        ("a", "2024-01-01T00:00:00Z", "buy", "10", "1000", "mine"),
        ("s", "2024-06-01T00:00:00Z", "sell", "10", "600", "mine"),
        ("p", "2024-05-20T00:00:00Z", "buy", "4", "240", "spouse"),
        ("q", "2025-06-01T00:00:00Z", "sell", "4", "900", "spouse"),
    )
    assert [(row["disposal"], row["disallowed"], row["gain"]) for row in got["disposals"]] == [
        ("s", "160", "-240")
    ]
    assert got["open_lots"] == []
    assert got["pools"]["X"] == {"qty": "0", "cost": "0"}


def test_australia_warns_and_changes_no_figure() -> None:
    profile = replace(US, jurisdiction="AU", currency="AUD", wash_sales=WashSales.OFF)
    book = build([BOUGHT, SOLD, trade("b", 75, MovementKind.BUY, 10, 500)], profile)
    (warning,) = warnings(book)
    assert (warning.disposal, warning.loss, warning.purchase, warning.days) == ("s", 400, "b", 15)
    assert book.disposals[0].gain == -400
    assert not warnings(build([BOUGHT, SOLD], profile))


def test_windows_are_dated_rows_that_a_plan_reads() -> None:
    segments = Plan(replace(US, wash_sales=WashSales.FROM_DATE, wash_from=START.date())).segments(
        int((START - timedelta(days=90)).timestamp()) * 10**6,
        int((START + timedelta(days=90)).timestamp()) * 10**6,
    )
    assert [segment.window is not None for segment in segments] == [False, True]
