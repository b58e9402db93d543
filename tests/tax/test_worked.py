"""Worked examples of authorities, and the corners that they leave, as documents: figures by hand, source beside each."""

from datetime import date, timedelta
from typing import Any

import pytest

from indexer.tax.answer import Answer
from indexer.tax.document import read_document
from indexer.tax.engine import build

Trade = tuple[Any, ...]
"""(id, day, type, quantity, gross) and, where needed, a mapping of further fields."""


def answer(jurisdiction: str, *trades: Trade, **more: Any) -> dict[str, Any]:
    rows = []
    for name, day, kind, quantity, gross, *rest in trades:
        at = day if "T" in day else f"{day}T00:00:00Z"
        row = {
            "id": name,
            "time": at,
            "type": kind,
            "asset": "X",
            "qty": str(quantity),
            **(rest[0] if rest else {}),
        }
        rows.append(row if gross is None else {**row, "gross": str(gross)})
    read = read_document({"jurisdiction": jurisdiction, "transactions": rows, **more})
    book = build(read.movements, read.profiles, allocation=read.allocation)
    return Answer(book, read.scales, read.figures).document()


def rows(got: dict[str, Any], *fields: str) -> list[tuple[str, ...]]:
    return [tuple(str(row.get(field)) for field in fields) for row in got["disposals"]]


def lots(got: dict[str, Any]) -> list[tuple[str, ...]]:
    return [tuple(str(lot[name]) for name in ("lot", "wallet", "qty", "cost")) for lot in got["open_lots"]]


def us(*trades: Trade, **more: Any) -> dict[str, Any]:
    return answer("US", *trades, method="fifo", scope="universal", wash_sales=True, **more)


def test_us_fewer_units_bought_than_sold() -> None:
    """IRS Pub. 550: 100 sold at a loss, 50 and 25 bought within 30 days before: 75 of the loss wait on them."""
    got = us(
        ("a", "2013-09-26", "buy", 100, 5000),
        ("b", "2013-12-19", "buy", 50, 2750),
        ("c", "2013-12-27", "buy", 25, 1125),
        ("s", "2014-01-09", "sell", 100, 4000),
    )
    assert rows(got, "qty", "disallowed", "gain", "washed_into") == [
        ("50", "500", "0", "b"),
        ("25", "250", "0", "c"),
        ("25", "0", "-250", "None"),
    ]
    assert lots(got) == [("b", "", "50", "3250"), ("c", "", "25", "1375")]


def test_us_more_units_bought_than_sold_the_earliest_stand_in() -> None:
    """26 CFR 1.1091-1(c): in the order of their acquisition, and no more than were sold."""
    got = us(
        ("a", "2013-09-26", "buy", 100, 5000),
        ("s", "2014-02-06", "sell", 100, 4000),
        *((name, f"2014-02-{day}", "buy", 50, 1000) for name, day in zip("bcde", range(11, 15), strict=True)),
    )
    assert rows(got, "disallowed", "washed_into") == [("500", "b"), ("500", "c")]
    assert [lot[3] for lot in lots(got)] == ["1500", "1500", "1000", "1000"]


def test_us_a_loss_passed_on_twice_in_a_day_is_passed_on_once_for_each_unit() -> None:
    """Bought and sold together: a's loss joins b, b's (risen) loss joins c, and nothing comes back to a."""
    got = us(
        ("a", "2015-06-24T01:00:00Z", "buy", 6, 1200),
        ("b", "2015-06-24T02:00:00Z", "buy", 10, 2000),
        ("c", "2015-06-24T03:00:00Z", "buy", 6, 1200),
        ("s", "2015-06-25T01:00:00Z", "sell", 22, 3960),
    )
    assert sorted(rows(got, "matched", "qty", "disallowed", "gain")) == [
        ("a", "6", "120", "0"),
        ("b", "4", "0", "-80"),
        ("b", "6", "240", "0"),
        ("c", "6", "0", "-360"),
    ]


@pytest.mark.parametrize("moved", [False, True])
def test_us_a_move_changes_nothing_about_a_loss_carried(moved: bool) -> None:
    """b carries a's loss. Sold at a loss while a's rest is still there: neither is the other's replacement."""
    wallet = {"wallet": "A"}
    moves = [
        ("n", "2024-02-06", "transfer", 10, None, {"wallet": "A", "to_wallet": "C"}),
        ("m", "2024-02-07", "transfer", 10, None, {"wallet": "A", "to_wallet": "B"}),
    ]
    got = answer(
        "US",
        ("a", "2024-01-20", "buy", 20, 2000, wallet),
        ("s", "2024-02-01", "sell", 10, 800, {**wallet, "lots": [{"lot": "a", "qty": 10}]}),
        ("b", "2024-02-05", "buy", 10, 900, wallet),
        *(moves if moved else []),
        (
            "t",
            "2024-02-10",
            "sell",
            10,
            700,
            {"wallet": "B" if moved else "A", "lots": [{"lot": "b", "qty": 10}]},
        ),
        method="spec-id",
        scope="wallet",
        wash_sales=True,
    )
    assert rows(got, "disposal", "matched", "disallowed", "gain") == [
        ("s", "a", "200", "0"),
        ("t", "b", "0", "-400"),
    ]


def test_us_spec_id_of_the_regulation() -> None:
    """Treas. Reg. 1.1012-1(j)(5): 10 at 2 and 20 at 5, 10 sold at 10; the units named decide."""
    bought = (("p", "2023-01-01", "buy", 10, 20), ("q", "2024-01-01", "buy", 20, 100))
    named = answer(
        "US", *bought, ("s", "2024-09-02", "sell", 10, 100, {"lots": [{"lot": "q", "qty": "10"}]}),
        method="spec-id", scope="wallet", wash_sales=False,
    )  # fmt: skip
    assert rows(named, "matched", "cost", "gain", "term") == [("q", "50", "50", "short")]
    silent = answer("US", *bought, ("s", "2024-09-02", "sell", 10, 100), method="spec-id", scope="wallet")
    assert rows(silent, "matched", "cost", "gain", "term") == [("p", "20", "80", "long")]


def test_a_lot_that_is_elsewhere_cannot_be_named() -> None:
    got = answer(
        "US",
        ("a", "2025-01-02", "buy", 10, 100, {"wallet": "A"}),
        ("b", "2025-01-03", "buy", 10, 300, {"wallet": "B"}),
        ("s", "2025-05-01", "sell", 4, 200, {"wallet": "B", "lots": [{"lot": "a", "qty": "4"}]}),
        method="spec-id",
    )
    assert rows(got, "matched", "rule", "cost") == [("b", "fifo", "120")]
    (notice,) = got["notices"]
    assert (notice["about"], notice["detail"].split(" was ")[0]) == ("s", "a")


@pytest.mark.parametrize(("fee", "cost", "said"), [("disposal", "100", 1), ("basis", "107", 0)])
def test_the_fee_of_a_transfer_is_basis_or_said(fee: str, cost: str, said: int) -> None:
    got = answer(
        "US",
        ("a", "2025-01-02", "buy", 10, 100, {"wallet": "A"}),
        ("m", "2025-01-03", "transfer", 10, None, {"wallet": "A", "to_wallet": "B", "fee": "7"}),
        transfer_fee=fee,
    )
    assert lots(got) == [("a", "B", "10", cost)]
    assert len(got["notices"]) == said
    assert all("fee of 7" in one["detail"] for one in got["notices"])


def days(first: str, *trades: tuple[str, int, str, str, str]) -> list[Trade]:
    begin = date.fromisoformat(first)
    return [
        (name, (begin + timedelta(days=day)).isoformat(), kind, quantity, gross)
        for name, day, kind, quantity, gross in trades
    ]


@pytest.mark.parametrize(
    ("trades", "gains", "pool"),
    [
        (  # bought in the window and partly sold in it: 1 of 5, then 1 of 4 is still there at the end
            [("a", 0, "buy", "10", "12"), ("s", 1, "sell", "5", "1"), ("t", 14, "sell", "4", "0.8"), ("u", 99, "sell", "1", "0.2")],
            [("s", "1", "-4"), ("t", "1.2", "-3.6"), ("u", "0", "-2.4")],
            ("0", "0"),
        ),
        (  # as many bought back as sold
            [("a", 0, "buy", "10", "12"), ("s", 49, "sell", "5", "1"), ("b", 50, "buy", "5", "3")],
            [("s", "5", "0")],
            ("10", "14"),
        ),
        (  # 25 of 99
            [("a", 0, "buy", "100", "302"), ("s", 49, "sell", "99", "198"), ("b", 50, "buy", "25", "57")],
            [("s", "25.5", "-75.48")],
            ("26", "85.52"),
        ),
        (  # all sold, 3 of 15 bought left: the denied part waits for the next purchase
            [("a", 0, "buy", "10", "12"), ("s", 1, "sell", "10", "2"), ("b", 2, "buy", "5", "7"), ("t", 3, "sell", "2", "0.4"), ("u", 49, "sell", "3", "0.6")],
            [("s", "3", "-7"), ("t", "3.6", "0"), ("u", "0", "-9")],
            ("0", "0"),
        ),
        (  # the 30th day counts, the 31st does not
            [("a", 0, "buy", "10", "100"), ("s", 60, "sell", "5", "10"), ("b", 90, "buy", "5", "10"), ("t", 130, "sell", "5", "10"), ("c", 161, "buy", "5", "10")],
            [("s", "40", "0"), ("t", "0", "-40")],
            ("10", "60"),
        ),
    ],
)  # fmt: skip
def test_canada_denies_the_least_of_sold_acquired_and_held(
    trades: list[Any], gains: list[tuple[str, ...]], pool: tuple[str, str]
) -> None:
    """ITA s.54, IT-456R s.12 with CRA's formula: loss x min(S, P, B) / S."""
    got = answer("CA", *days("2024-01-01", *trades), method="pooled", wash_sales=True)
    assert rows(got, "disposal", "disallowed", "gain") == gains
    assert (got["pools"]["X"]["qty"], got["pools"]["X"]["cost"]) == pool


def uk(*trades: Trade, zone: str = "UTC") -> dict[str, Any]:
    return answer("UK", *trades, method="pooled", wash_sales=True, timezone=zone)


def test_uk_some_are_bought_back_within_30_days() -> None:
    """HMRC CRYPTO22255: 4,000 of 14,000 sold for 160,000; 500 bought back twelve days later for 17,500."""
    got = uk(
        ("a", "2018-01-01", "buy", 14000, 200000),
        ("s", "2018-08-30", "sell", 4000, 160000),
        ("b", "2018-09-11", "buy", 500, 17500),
    )
    assert rows(got, "rule", "matched", "qty", "proceeds", "cost", "gain") == [
        ("30_day", "b", "500", "20000", "17500", "2500"),
        ("s104", "", "3500", "140000", "50000", "90000"),
    ]
    assert got["pools"]["X"] == {"qty": "10500", "cost": "150000"}


@pytest.mark.parametrize(("day", "rule"), [(30, "30_day"), (31, "s104")])
def test_uk_the_window_ends_with_the_30th_day(day: int, rule: str) -> None:
    got = uk(
        *days(
            "2024-01-01",
            ("a", 0, "buy", "10", "40"),
            ("s", 40, "sell", "10", "90"),
            ("b", 40 + day, "buy", "10", "30"),
        )
    )
    assert rows(got, "rule") == [(rule,)]


def test_uk_a_later_days_own_sale_comes_before_an_earlier_days_claim_across_the_year() -> None:
    got = uk(
        ("a", "2020-03-01", "buy", 100, 100),
        ("s", "2020-04-01", "sell", 70, 140),
        ("b", "2020-04-10", "buy", 60, 90),
        ("t", "2020-04-10", "sell", 50, 150),
    )
    assert rows(got, "disposal", "rule", "qty", "cost") == [
        ("s", "30_day", "10", "15"),
        ("s", "s104", "60", "60"),
        ("t", "same_day", "50", "75"),
    ]
    assert [year["year"] for year in got["years"]] == ["2019-20", "2020-21"]


def test_uk_two_sales_share_one_day_of_purchases_in_order() -> None:
    """Earliest disposal first; three purchases of one day are one, and so is what they cost."""
    got = uk(
        ("a", "2021-01-01", "buy", 100, 1000),
        ("s", "2021-02-01", "sell", 20, 300),
        ("t", "2021-02-05", "sell", 20, 320),
        ("b", "2021-02-10T08:00:00Z", "buy", 10, 130),
        ("c", "2021-02-10T09:00:00Z", "buy", 20, 230),
    )
    assert rows(got, "disposal", "rule", "matched", "qty", "cost") == [
        ("s", "30_day", "b+c", "20", "240"),
        ("t", "30_day", "b+c", "10", "120"),
        ("t", "s104", "", "10", "100"),
    ]


def test_uk_days_are_the_taxpayers() -> None:
    """23:30 UTC in June is the next day in London: no same-day match there, one in UTC."""
    trades = (
        ("a", "2024-01-01", "buy", 10, 100),
        ("s", "2024-06-01T12:00:00Z", "sell", 5, 90),
        ("b", "2024-06-01T23:30:00Z", "buy", 5, 60),
    )
    assert rows(uk(*trades), "rule") == [("same_day",)]
    assert rows(uk(*trades, zone="Europe/London"), "rule") == [("30_day",)]


def test_germany_a_wallets_own_order_and_a_moves_own_date() -> None:
    """BMF 6 March 2025: first in first out by wallet; a transfer is no purchase, the year runs on."""
    got = answer(
        "DE",
        ("a", "2023-05-01", "buy", 1, 20000, {"wallet": "A"}),
        ("b", "2024-05-01", "buy", 1, 60000, {"wallet": "B"}),
        ("m", "2024-05-02", "transfer", 1, None, {"wallet": "A", "to_wallet": "B"}),
        ("s", "2024-05-03", "sell", 1, 62000, {"wallet": "B"}),
        method="fifo",
        timezone="Europe/Berlin",
    )
    assert rows(got, "matched", "gain", "term") == [("a", "42000", "long")]
    assert got["years"][0]["taxable_short"] == "0"


def test_two_laws_one_denied_loss() -> None:
    """Canada denies the loss; the replacement is bought under other rules and still costs more by it."""
    trades = [
        {"id": name, "time": f"{day}T00:00:00Z", "type": kind, "asset": "X", "qty": "10", "gross": gross}
        for name, day, kind, gross in (
            ("a", "2024-01-01", "buy", "1000"),
            ("s", "2024-12-20", "sell", "600"),
            ("b", "2025-01-10", "buy", "650"),
        )
    ]
    document = {
        "jurisdiction": "CA",
        "method": "pooled",
        "methods_by_year": {"2025": "fifo"},
        "transactions": trades,
    }
    read = read_document(document)
    book = build(read.movements, read.profiles)
    assert [(one.disallowed, one.gain) for one in book.disposals] == [(400 * 10**18, 0)]
    assert [lot.cost for lot in book.lots] == [1050 * 10**18]
