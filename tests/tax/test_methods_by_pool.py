"""One pool may follow another method than the rest: a standing order is given for an account (Reg. 1.1012-1(j)(3))."""

from typing import Any

import pytest

from indexer.model.errors import InputError
from indexer.tax.answer import Answer
from indexer.tax.document import read_document
from indexer.tax.engine import build


def answer(**options: Any) -> dict[str, Any]:
    rows = [
        {"id": f"{name}{wallet}{asset}", "time": f"2025-0{month}-01T00:00:00Z", "type": kind, "asset": asset,
         "qty": "1", "gross": gross, "wallet": wallet}
        for asset in "XY"
        for wallet in "AB"
        for name, month, kind, gross in (("a", 1, "buy", "100"), ("b", 2, "buy", "300"), ("s", 3, "sell", "500"))
    ]  # fmt: skip
    read = read_document({"jurisdiction": "US", "method": "fifo", "transactions": rows, **options})
    return Answer(build(read.movements, read.profiles), read.scales).document()


def took(**options: Any) -> dict[str, str]:
    return {
        row["disposal"][1:]: f"{row['matched'][0]} {row['rule']}" for row in answer(**options)["disposals"]
    }


def test_the_closest_name_of_a_pool_decides() -> None:
    chosen = {"X": "hifo", "B": "lifo", "B/X": "lofo"}
    assert took(methods_by_pool=chosen) == {"AX": "b hifo", "AY": "a fifo", "BX": "a lofo", "BY": "b lifo"}


def test_one_pool_for_all_wallets_goes_by_its_asset() -> None:
    got = took(scope="universal", methods_by_pool={"X": "hifo", "A": "hifo"})
    assert {name: rule.split()[1] for name, rule in got.items()} == {
        "AX": "hifo", "BX": "hifo", "AY": "fifo", "BY": "fifo",
    }  # fmt: skip


def test_one_pool_may_keep_an_average() -> None:
    got = answer(jurisdiction="-", scope="wallet", methods_by_pool={"A/Y": "average"})
    costs = {row["disposal"][1:]: row["cost"] for row in got["disposals"]}
    assert costs == {"AX": "100", "BX": "100", "AY": "200", "BY": "100"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"jurisdiction": "UK", "method": "pooled", "methods_by_pool": {"X": "fifo"}},
            "books all pools as one",
        ),
        ({"methods_by_pool": {"X": "pooled"}}, "books all pools as one"),
        ({"methods_by_pool": {"X": "average"}, "wash_sales": True}, "average cost has no lots"),
        ({"methods_by_pool": {"X": "best"}}, "methods_by_pool X"),
        ({"methods_by_pool": ["X"]}, "must map"),
    ],
)
def test_what_cannot_be_combined_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        answer(**options)
