"""Money is integers: exact at every size, conserved when it is split."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.model.money import (
    MAX_UINT256,
    MoneyError,
    fiat_from_decimal,
    fiat_to_decimal,
    plain,
    split_cost,
    units_to_decimal,
    value_of,
)

amounts = st.integers(min_value=-(10**40), max_value=10**40)


@given(amounts)
def test_fiat_survives_the_way_to_decimal_and_back(amount: int) -> None:
    assert fiat_from_decimal(fiat_to_decimal(amount)) == amount


@given(st.integers(min_value=0, max_value=MAX_UINT256), st.integers(min_value=0, max_value=36))
def test_units_are_exact_up_to_the_largest_uint256(raw: int, decimals: int) -> None:
    assert units_to_decimal(raw, decimals) * 10**decimals == raw


@given(amounts, st.lists(st.integers(min_value=1, max_value=10**30), min_size=1, max_size=8))
def test_taking_a_lot_apart_conserves_its_cost(cost: int, takes: list[int]) -> None:
    left, quantity = cost, sum(takes)
    parts = []
    for take in takes:
        part = split_cost(left, take, quantity)
        parts.append(part)
        left, quantity = left - part, quantity - take
    assert (left, quantity) == (0, 0)
    assert sum(parts) == cost
    assert all(part * cost >= 0 for part in parts)


@pytest.mark.parametrize("take", [0, -1, 11])
def test_taking_more_than_there_is_or_nothing_is_refused(take: int) -> None:
    with pytest.raises(MoneyError):
        split_cost(100, take, 10)


def test_a_value_keeps_every_digit_of_price_and_quantity() -> None:
    assert value_of(10**30, 18, Decimal("1234.567890123456789")) == 1234567890123456789 * 10**15
    assert value_of(1, 18, Decimal(2000)) == 2000


@pytest.mark.parametrize(
    ("number", "text"), [("1.50", "1.5"), ("100", "100"), ("-0", "0"), ("1E+3", "1000"), ("0.000", "0")]
)
def test_numbers_are_written_plainly(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_money(number: str) -> None:
    with pytest.raises(MoneyError):
        fiat_from_decimal(Decimal(number))
