"""1 January 2025: one pool becomes one pool a wallet (Treas. Reg. 1.1012-1(j), Rev. Proc. 2024-28)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from indexer.model.errors import InputError
from indexer.model.judgment import Judgment, JudgmentKind
from indexer.tax.answer import Answer
from indexer.tax.changeover import SUBJECT, Allocation, allocation_of
from indexer.tax.document import read_document
from indexer.tax.engine import build


def row(name: str, day: str, kind: str, quantity: str, gross: str, wallet: str) -> dict[str, Any]:
    return {
        "id": name, "time": f"{day}T00:00:00Z", "type": kind, "asset": "X", "qty": quantity, "gross": gross,
        "wallet": wallet,
    }  # fmt: skip


# One pool until 2024: the sale in B used up the oldest lot, which had been bought in A. A still holds 10, B 10.
ROWS = [
    row("a", "2021-01-01", "buy", "10", "100", "A"),
    row("b", "2022-01-01", "buy", "10", "300", "B"),
    row("c", "2023-01-01", "buy", "10", "700", "B"),
    row("s", "2024-06-01", "sell", "10", "900", "B"),
    row("t", "2025-06-01", "sell", "10", "900", "A"),
]


def answer(allocation: dict[str, Any] | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "currency": "USD",
        "jurisdiction": "US",
        "method": "fifo",
        "transactions": ROWS,
    }
    if allocation is not None:
        document["allocation"] = allocation
    read = read_document(document)
    book = build(read.movements, read.profiles, allocation=read.allocation)
    return Answer(book, read.scales).document()


def sold_in_2025(got: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["matched"], one["qty"], one["cost"]) for one in got["disposals"] if one["disposal"] == "t"]


def test_before_2025_the_sale_takes_the_oldest_lot_of_any_wallet() -> None:
    first = answer(None)["disposals"][0]
    assert (first["disposal"], first["matched"], first["cost"]) == ("s", "a", "100")


def test_global_allocation_fills_wallets_in_the_order_recorded() -> None:
    got = answer({"wallets": ["A", "B"]})
    assert sold_in_2025(got) == [("b", "10", "300")]
    assert [(lot["lot"], lot["wallet"]) for lot in got["open_lots"]] == [("c", "B")]
    assert not got["gaps"]
    assert sold_in_2025(answer({"wallets": ["B", "A"]})) == [("c", "10", "700")]
    assert sold_in_2025(answer({"wallets": ["A", "B"], "order": "hifo"})) == [("c", "10", "700")]


def test_specific_unit_allocation_splits_lots() -> None:
    units = [
        {"lot": "b", "wallet": "A", "qty": "4"},
        {"lot": "c", "wallet": "A", "qty": "6"},
        {"lot": "b", "wallet": "B", "qty": "6"},
        {"lot": "c", "wallet": "B", "qty": "4"},
    ]
    got = answer({"units": units})
    assert sold_in_2025(got) == [("b", "4", "120"), ("c", "6", "420")]
    assert not got["gaps"]


def test_without_a_choice_units_are_dealt_out_and_a_gap_says_so() -> None:
    got = answer(None)
    # c and b were both bought in B, which holds 10: the older one stays there, the other covers what A holds.
    assert sold_in_2025(got) == [("c", "10", "700")]
    (gap,) = got["gaps"]
    assert (gap["code"], gap["qty"]) == ("no_allocation", "10")


def test_quantity_and_cost_survive_every_allocation() -> None:
    for allocation in (None, {"wallets": ["A"]}, {"units": [{"lot": "c", "wallet": "A", "qty": "3"}]}):
        got = answer(allocation)
        assert sum(float(lot["cost"]) for lot in got["open_lots"]) == 1000 - sum(
            float(one["cost"]) for one in got["disposals"] if one["disposal"] == "t"
        )
        assert got["pools"]["X"]["qty"] == "10"


@pytest.mark.parametrize(
    "allocation",
    [
        "all",
        {"units": [{"lot": "a"}]},
        {"order": "best"},
        {"order": "average"},
        {"units": [{"lot": "a", "wallet": "A", "qty": "0"}]},
    ],
)
def test_an_allocation_that_cannot_be_read_is_refused(allocation: Any) -> None:
    with pytest.raises(InputError, match="allocation"):
        answer(allocation)


def test_the_latest_judgment_holds_until_it_is_undone() -> None:
    def said(number: int, kind: JudgmentKind, subject: str, payload: dict[str, object]) -> Judgment:
        return Judgment(
            f"j{number}", "p", kind, subject, payload, "me", datetime(2025, 1, number, tzinfo=UTC)
        )

    first = said(1, JudgmentKind.LOT_ALLOCATION, SUBJECT, {"wallets": ["A"]})
    second = said(2, JudgmentKind.LOT_ALLOCATION, SUBJECT, {"wallets": ["B"]})
    assert allocation_of([second, first]) == Allocation(wallets=("B",))
    assert allocation_of([first, second, said(3, JudgmentKind.UNDO, "j2", {})]) == Allocation(wallets=("A",))
    assert allocation_of([]) is None
