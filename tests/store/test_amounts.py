"""Amounts in real columns of both databases: exact to the last unit, summed and sorted as integers."""

from datetime import datetime
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from indexer.model.money import MAX_UINT256
from indexer.model.prices import PriceNeed, PriceQuote
from indexer.store.tables import transfer as table
from tests.store.examples import ALICE, ETHER, NOW, World, page, transfer

amounts = st.one_of(
    st.integers(0, MAX_UINT256), st.sampled_from([0, 1, 2**63, 2**64, 2**255 - 1, MAX_UINT256])
)
chains = count()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(amounts, st.booleans()), max_size=12))
async def test_sums_equal_python_integers(world: World, moves: list[tuple[int, bool]]) -> None:
    chain = f"eip155:{next(chains)}"
    await world.watch(ALICE, chain)
    facts = [
        transfer(
            number,
            chain=chain,
            amount=amount,
            sender="0xe" if into else ALICE,
            recipient=ALICE if into else "0xe",
        )
        for number, (amount, into) in enumerate(moves)
    ]
    await world.collect(page(facts, chain=chain))
    async with world.ledger.read() as work:
        sums = await work.facts.sums(ALICE, chain)
        half = await work.facts.sums(ALICE, chain, up_to_block=5)
    signs = [(number, amount if into else -amount) for number, (amount, into) in enumerate(moves)]
    assert sums == ({ETHER: sum(amount for _, amount in signs)} if moves else {})
    assert half == ({ETHER: sum(amount for number, amount in signs if number <= 5)} if moves else {})
    assert [fact.amount for fact in await world.transfers() if fact.chain == chain] == [
        fact.amount for fact in facts
    ]


async def test_the_database_sorts_amounts_as_integers(world: World) -> None:
    values = [0, 1, 9, 10, 99, 10**18, 2**63, 2**64, 2**128, 2**255, MAX_UINT256]
    await world.watch()
    await world.collect(page(transfer(number, amount=value) for number, value in enumerate(reversed(values))))
    async with world.ledger.reading() as transaction:
        rows = await transaction.rows(select(table.c.amount).order_by(table.c.amount))
        above = await transaction.rows(select(table.c.amount).where(table.c.amount > 2**64))
    assert [row.amount for row in rows] == values
    assert {row.amount for row in above} == {2**128, 2**255, MAX_UINT256}


async def test_an_amount_beyond_256_bits_is_refused_and_nothing_is_written(world: World) -> None:
    await world.watch()
    with pytest.raises((OverflowError, StatementError)):
        await world.collect(page([transfer(1), transfer(2, amount=10**78)]))
    assert await world.transfers() == []
    assert (await world.target()).cursor is None


async def test_a_time_without_zone_is_refused(world: World) -> None:
    with pytest.raises((ValueError, StatementError)):
        async with world.ledger.write() as work:
            await work.tenants.ensure_portfolio("p", datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(price=st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**30, places=24))
async def test_prices_keep_every_digit(world: World, price: Decimal) -> None:
    await world.ledger.quotes.save([PriceQuote(ETHER, "USD", NOW, price, "test")])
    need = PriceNeed(ETHER, NOW)
    found = await world.ledger.quotes.load([need], NOW - NOW)
    assert found[need][0].price == price
