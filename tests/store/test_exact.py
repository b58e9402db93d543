"""256-bit integers as text: exact, and sorted like the numbers they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.model.money import MAX_UINT256
from indexer.store.exact import ExactSum, decode, encode

amounts = st.integers(0, MAX_UINT256)
signed = st.one_of(st.integers(-(10**200), 10**200), st.sampled_from([0, 1, -1, 9, 10, -9, -10, MAX_UINT256]))


@given(signed)
def test_what_is_written_is_read_back(value: int) -> None:
    assert decode(encode(value)) == value


@given(signed, signed)
def test_text_sorts_like_the_number(one: int, other: int) -> None:
    assert (encode(one) < encode(other)) == (one < other)
    assert (encode(one) == encode(other)) == (one == other)


@given(st.lists(signed))
def test_the_sum_is_exact(values: list[int]) -> None:
    total = ExactSum()
    for value in values:
        total.step(encode(value))
    total.step(None)
    result = total.finalize()
    assert result is None if not values else result is not None and decode(result) == sum(values)


def test_the_form_is_what_the_documentation_says() -> None:
    assert encode(15) == "002:15"
    assert encode(0) == "001:0"
    assert encode(-15) == "-997:84"


@pytest.mark.parametrize("text", ["", "15", "002:1", "2:15", "abc:15", "-002", "002-15"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)


def test_a_number_beyond_999_digits_is_refused() -> None:
    with pytest.raises(OverflowError):
        encode(10**999)
