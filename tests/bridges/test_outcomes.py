"""Both readings of a flagged move, and the default treatment per jurisdiction."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.bridges.outcomes import LotPart, Move, outcomes
from indexer.bridges.treatment import default_treatment, treatment_of, why
from indexer.model.links import ReasonCode, Treatment

BOUGHT = datetime(2023, 1, 1, tzinfo=UTC)
LATER = datetime(2023, 6, 1, tzinfo=UTC)
MOVED = datetime(2024, 5, 1, tzinfo=UTC)
LOTS = (LotPart(600, 900, BOUGHT), LotPart(400, 300, LATER))


def test_as_a_disposal_everything_that_arrived_is_new() -> None:
    reading = outcomes(Move(LOTS, 990, MOVED, value_out=2000), fee_is_disposal=True).if_disposal
    assert reading is not None
    assert (reading.proceeds, reading.cost, reading.gain) == (1980, 1200, 780)
    assert reading.lots == (LotPart(990, 1980, MOVED),)


def test_otherwise_cost_and_dates_go_along_and_the_fee_is_a_disposal() -> None:
    reading = outcomes(Move(LOTS, 990, MOVED, value_out=2000), fee_is_disposal=True).if_not
    assert (reading.proceeds, reading.cost, reading.gain) == (20, 15, 5)
    assert reading.lots == (LotPart(590, 885, BOUGHT), LotPart(400, 300, LATER))


def test_or_the_fee_stays_in_the_basis() -> None:
    reading = outcomes(Move(LOTS, 990, MOVED, value_out=2000), fee_is_disposal=False).if_not
    assert reading.gain == 0
    assert reading.lots == (LotPart(594, 900, BOUGHT), LotPart(396, 300, LATER))


def test_an_unknown_value_is_not_zero() -> None:
    both = outcomes(Move(LOTS, 990, MOVED, value_out=None), fee_is_disposal=True)
    assert both.if_disposal is None
    assert both.if_not.gain is None
    assert both.if_not.basis == 1185


def test_more_than_left_cannot_arrive() -> None:
    with pytest.raises(ValueError, match="1001"):
        outcomes(Move(LOTS, 1001, MOVED, value_out=1), fee_is_disposal=True)


lots = st.lists(
    st.builds(LotPart, st.integers(1, 10**24), st.integers(0, 10**30), st.just(BOUGHT)),
    min_size=1,
    max_size=6,
)


@given(lots, st.integers(1, 10**6), st.booleans())
def test_a_move_makes_and_loses_no_cost(parts: list[LotPart], share: int, fee_is_disposal: bool) -> None:
    left = sum(part.quantity for part in parts)
    arrived = max(1, left * share // 10**6)
    reading = outcomes(Move(tuple(parts), arrived, MOVED, 10**20), fee_is_disposal=fee_is_disposal).if_not
    assert sum(part.quantity for part in reading.lots) == arrived
    assert reading.basis + reading.cost == sum(part.cost for part in parts)
    assert all(part.quantity > 0 for part in reading.lots)


@pytest.mark.parametrize("jurisdiction", ["US", "UK", "CA", "DE", "AU", "IE", "FR", "-"])
def test_the_strictest_reason_rules(jurisdiction: str) -> None:
    for reason in ReasonCode:
        assert why(reason)
        mixed = default_treatment((ReasonCode.SAME_ASSET_CANONICAL, reason), jurisdiction)
        assert mixed is treatment_of(reason, jurisdiction)
    assert default_treatment((), jurisdiction) is Treatment.REVIEW


def test_what_was_read_differs_by_country() -> None:
    assert treatment_of(ReasonCode.WRAPPED_REPRESENTATION, "AU") is Treatment.TAXABLE
    assert treatment_of(ReasonCode.WRAPPED_REPRESENTATION, "US") is Treatment.REVIEW
    assert treatment_of(ReasonCode.DIFFERENT_ASSET, "DE") is Treatment.REVIEW
    assert treatment_of(ReasonCode.LIQUIDITY_SAME_SYMBOL, "UK") is Treatment.REVIEW
