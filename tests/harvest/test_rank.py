"""Ranking: lots do not cancel each other out, unknown is not zero, the largest loss comes first."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.harvest.rank import Position, Ranked, rank
from indexer.model.lots import Term

positions = st.builds(
    Position,
    pool=st.sampled_from(["ETH", "USDC", "eip155:1/erc20:0xaa"]),
    chain=st.sampled_from(["eip155:1", "eip155:10"]),
    wallet=st.sampled_from(["0x1", "0x2"]),
    quantity=st.integers(min_value=1, max_value=10**30),
    cost=st.none() | st.integers(min_value=0, max_value=10**30),
    value=st.none() | st.integers(min_value=0, max_value=10**30),
    term=st.sampled_from(Term),
)


def lot(cost: int | None, value: int | None, pool: str = "ETH", term: Term = Term.SHORT) -> Position:
    return Position(pool, "eip155:1", "0x1", 10**18, cost, value, term)


@given(st.lists(positions))
def test_every_position_is_in_one_group_and_nothing_is_lost(given_positions: list[Position]) -> None:
    ranked = rank(given_positions, lambda position: position.pool)
    assert sorted(map(repr, (p for group in ranked for p in group.positions))) == sorted(
        map(repr, given_positions)
    )
    assert sum(group.cost for group in ranked) == sum(position.cost or 0 for position in given_positions)


@given(st.lists(positions))
def test_losses_fall_from_group_to_group(given_positions: list[Position]) -> None:
    losses = [group.loss() for group in rank(given_positions, lambda position: position.pool)]
    assert losses == sorted(losses, reverse=True)


@given(st.lists(positions))
def test_terms_add_up_and_unrealized_is_gain_minus_loss(given_positions: list[Position]) -> None:
    group = Ranked("all", tuple(given_positions))
    assert group.loss() == group.loss(Term.SHORT) + group.loss(Term.LONG)
    assert (group.unrealized or 0) == group.gain() - group.loss()


def test_a_winning_lot_does_not_hide_a_losing_one() -> None:
    (group,) = rank([lot(100, 40), lot(100, 200)], lambda position: position.pool)
    assert (group.loss(), group.gain(), group.unrealized) == (60, 100, 40)


def test_an_unpriced_lot_is_counted_and_never_valued() -> None:
    (group,) = rank([lot(100, None), lot(50, 20)], lambda position: position.pool)
    assert (group.unpriced, group.value, group.loss(), group.cost) == (1, 20, 30, 150)


def test_a_group_without_any_price_has_no_value() -> None:
    (group,) = rank([lot(100, None)], lambda position: position.pool)
    assert (group.value, group.unrealized, group.loss()) == (None, None, 0)


def test_a_lot_of_unknown_basis_is_neither_loss_nor_gain() -> None:
    (group,) = rank([lot(None, 40), lot(100, 70)], lambda position: position.pool)
    assert (group.without_basis, group.cost, group.value) == (1, 100, 110)
    assert (group.loss(), group.gain(), group.unrealized) == (30, 0, -30)
