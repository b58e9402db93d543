"""Australia from 1 July 2027: what was held is valued on that day, the gain after it is indexed (Act No. 49 of 2026).

The index numbers are made up: those of the quarters in question are not published yet.
"""

from decimal import Decimal
from typing import Any

import pytest

from indexer.model.errors import InputError
from indexer.tax.accrual import Figures
from indexer.tax.answer import Answer
from indexer.tax.document import read_document
from indexer.tax.engine import build

BOUGHT = ("a", "2026-01-10", "buy", "1", "100000")
SOLD = ("s", "2028-03-15", "sell", "1", "155000")
WORTH = {"BTC": "140000"}
INDEX = {"2027-07-01": "100.0", "2027-10-01": "101.0", "2028-01-01": "102.04"}


def answer(*rows: tuple[str, str, str, str, str], **more: Any) -> dict[str, Any]:
    names = ("id", "time", "type", "qty", "gross")
    given = {
        "currency": "AUD",
        "jurisdiction": "AU",
        "transactions": [
            {**dict(zip(names, row, strict=True)), "time": f"{row[1]}T02:00:00Z", "asset": "BTC"}
            for row in rows
        ],
        **more,
    }
    read = read_document(given)
    return Answer(build(read.movements, read.profiles), read.scales, read.figures).document()


def year(got: dict[str, Any], number: str = "2027-28") -> dict[str, str]:
    found: dict[str, str] = next(one for one in got["years"] if one["year"] == number)
    return found


def test_held_across_the_day_the_first_part_keeps_its_discount_and_the_second_is_indexed() -> None:
    got = answer(BOUGHT, SOLD, market_values=WORTH, index_numbers=INDEX)
    totals = year(got)
    # 140,000 - 100,000 is deferred; 155,000 - 140,000 x 1.020 came later.
    assert (totals["deferred_long"], totals["indexation"]) == ("40000", "2800")
    assert (totals["long_gains"], totals["exempt"]) == ("52200", "20000")
    assert (totals["taxable_long"], totals["minimum_base"]) == ("32200", "12200")
    (notice,) = got["notices"]
    assert "minimum tax of 30 % applies to gains of 12200" in notice["detail"]


def test_losses_meet_deferred_gains_first() -> None:
    """Bought for 30,000 and sold for 20,000 within the year: the loss takes from what has the discount."""
    got = answer(
        BOUGHT,
        ("b", "2027-09-01", "buy", "1", "30000"),
        ("t", "2028-03-16", "sell", "1", "20000"),
        SOLD,
        market_values=WORTH,
        index_numbers=INDEX,
    )
    totals = year(got)
    assert (totals["short_losses"], totals["exempt"]) == ("10000", "15000")
    assert (totals["taxable_long"], totals["minimum_base"]) == ("27200", "12200")


@pytest.mark.parametrize(
    ("proceeds", "later", "loss", "off"),
    [("155000", "12200", "0", "2800"), ("141000", "0", "0", "1000"), ("139000", "0", "1000", "0")],
)
def test_indexation_makes_no_loss(proceeds: str, later: str, loss: str, off: str) -> None:
    got = answer(BOUGHT, (*SOLD[:4], proceeds), market_values=WORTH, index_numbers=INDEX)
    totals = year(got)
    assert Decimal(totals["long_gains"]) == 40000 + Decimal(later)
    assert (totals["long_losses"], totals["indexation"]) == (loss, off)


def test_bought_after_the_day_there_is_no_deferred_part() -> None:
    got = answer(("b", "2027-08-01", "buy", "1", "100000"), ("t", "2028-09-15", "sell", "1", "120000"),
                 index_numbers={**INDEX, "2028-07-01": "103.0"})  # fmt: skip
    totals = year(got, "2028-29")
    assert (totals["deferred_long"], totals["indexation"], totals["taxable_long"]) == ("0", "3000", "17000")


def test_twelve_months_are_counted_over_the_day_and_needed_for_either_relief() -> None:
    got = answer(
        ("b", "2027-05-01", "buy", "1", "100000"),
        ("t", "2028-03-15", "sell", "1", "155000"),
        market_values=WORTH,
        index_numbers=INDEX,
    )
    totals = year(got)
    assert (totals["exempt"], totals["indexation"], totals["taxable_short"]) == ("0", "0", "55000")
    assert totals["deferred_short"] == "40000"


def test_what_is_not_known_is_not_taken_off_and_said() -> None:
    bare = answer(BOUGHT, SOLD)
    assert (year(bare)["taxable_long"], year(bare)["exempt"]) == ("55000", "0")
    assert any("market value of BTC on 2027-07-01 is not known" in one["detail"] for one in bare["notices"])
    valued = answer(BOUGHT, SOLD, market_values=WORTH)
    assert (year(valued)["taxable_long"], year(valued)["exempt"]) == ("35000", "20000")
    missing = [one["detail"] for one in valued["notices"] if "price index" in one["detail"]]
    assert [text.split(" is ")[0][-10:] for text in missing] == ["2027-07-01", "2028-01-01"]


def test_the_last_day_of_the_old_law_is_30_june_in_the_taxpayers_zone() -> None:
    def sold(time: str) -> dict[str, Any]:
        document = {"timezone": "Australia/Sydney", "market_values": WORTH}
        read = read_document(
            {
                "currency": "AUD",
                "jurisdiction": "AU",
                **document,
                "transactions": [
                    {"id": "a", "time": "2026-01-10T00:00:00Z", "type": "buy", "asset": "BTC", "qty": "1", "gross": "1"},
                    {"id": "s", "time": time, "type": "sell", "asset": "BTC", "qty": "1", "gross": "3"},
                ],
            }
        )  # fmt: skip
        return Answer(build(read.movements, read.profiles), read.scales, read.figures).document()

    before, after = sold("2027-06-30T13:59:59Z"), sold("2027-06-30T14:00:00Z")
    assert (before["years"][0]["year"], before["years"][0]["exempt"]) == ("2026-27", "1")
    assert not before["notices"]
    assert (after["years"][0]["year"], after["years"][0]["deferred_long"]) == ("2027-28", "139999")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"market_values": {"BTC": "0"}}, "more than zero"),
        ({"market_values": ["BTC"]}, "must map"),
        ({"market_values": {"BTC": "dear"}}, "must be a number"),
        ({"index_numbers": {"2027-07": "100"}}, "first day"),
        ({"index_numbers": {"2027-08-01": "100"}}, "first day of a quarter"),
    ],
)
def test_figures_that_cannot_be_read_are_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        answer(BOUGHT, SOLD, **more)


def test_a_document_without_figures_has_none() -> None:
    assert read_document({"transactions": []}).figures == Figures()
