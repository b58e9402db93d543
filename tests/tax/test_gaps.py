"""What a gap says: what is missing, and which figure the owner's policy put in its place."""

from datetime import UTC, datetime, timedelta

import pytest

from indexer.model.lots import BookGapCode
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.profile import BasisPolicy, Method, Scope, TaxProfile
from indexer.tax.engine import build

START = datetime(2026, 3, 2, tzinfo=UTC)


def moved(name: str, day: int, kind: MovementKind, value: int | None, link: str | None = None) -> Movement:
    leg = Leg("w", "X", "X", 10, value)
    leaves = kind in (MovementKind.SELL, MovementKind.BRIDGE_OUT)
    out, into = ((leg,), ()) if leaves else ((), (leg,))
    return Movement(name, START + timedelta(days=day), (0,), kind, out, into, link=link)


@pytest.mark.parametrize(
    ("policy", "value", "said", "cost"),
    [
        (BasisPolicy.FAIR_VALUE, 70, "market value on arrival is taken as its cost", 70),
        (BasisPolicy.FAIR_VALUE, None, "no price is known: a sale of it is not in the totals", None),
        (BasisPolicy.ZERO, 70, "taken to have cost nothing", 0),
        (BasisPolicy.ASK, 70, "until you say, a sale of it is not in the totals", None),
    ],
)
def test_an_unknown_basis_names_what_stands_in_for_it(
    policy: BasisPolicy, value: int | None, said: str, cost: int | None
) -> None:
    movements = [moved("r", 0, MovementKind.RECEIVE, value), moved("s", 5, MovementKind.SELL, 100)]
    book = build(movements, TaxProfile(unknown_basis=policy, scope=Scope.UNIVERSAL))
    gap = book.gaps[0]
    assert (gap.movement, gap.code) == ("r", BookGapCode.UNKNOWN_BASIS)
    assert said in gap.detail
    assert "arrived from elsewhere" in gap.detail
    assert [one.cost for one in book.disposals] == ([] if cost is None else [cost])
    assert ("not in the totals" in gap.detail) == (cost is None)


@pytest.mark.parametrize("policy", list(BasisPolicy))
def test_half_a_bridge_says_which_half_is_missing(policy: BasisPolicy) -> None:
    came = build([moved("i", 0, MovementKind.BRIDGE_IN, 70, "l")], TaxProfile(unknown_basis=policy)).gaps[0]
    left = build(
        [moved("a", 0, MovementKind.BUY, 50), moved("o", 1, MovementKind.BRIDGE_OUT, 70, "l")],
        TaxProfile(unknown_basis=policy),
    ).gaps[0]
    assert came.code is left.code is BookGapCode.UNMATCHED_BRIDGE
    assert came.detail.startswith("arrived from another chain and its departure is not known")
    assert left.detail.startswith("left for another chain and its arrival is not known")


@pytest.mark.parametrize("method", [Method.FIFO, Method.HIFO, Method.AVERAGE])
def test_a_lot_that_was_named_and_is_not_there_is_remembered(method: Method) -> None:
    sale = moved("s", 5, MovementKind.SELL, 100)
    named = Movement(sale.id, sale.time, sale.order, sale.kind, sale.out, lots=(("a", 4), ("b", 6)))
    book = build([moved("a", 0, MovementKind.BUY, 50), named], TaxProfile(jurisdiction="-", method=method))
    assert [(one.matched, one.quantity, one.rule) for one in book.disposals] == [
        ("a", 4, "spec-id"),
        ("a", 6, method.value),
    ]
    assert book.runs[0].result.unnamed == [(1, "b", 6)]
