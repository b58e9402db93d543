"""Conditions on long lists of values mean the same for every text, on both databases."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Text, cast, select

from indexer.store.ledger import SqlLedger
from indexer.store.lists import among

# neither database keeps the character zero in a text, and a lone surrogate is none
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
odd = st.sampled_from(["", "NULL", "null", '"', "\\", '\\"', "a,b", "{}", "{a}", " a ", "\n", "\t", "0xAB"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(values=st.lists(texts | odd, max_size=8, unique=True), asked=texts | odd)
async def test_a_text_is_among_those_that_are_listed(
    ledger: SqlLedger, values: list[str], asked: str
) -> None:
    for wanted in {asked, *values[:1]}:
        async with ledger.reading() as transaction:
            there = select(cast(wanted, Text).label("word")).cte("one")
            found = await transaction.rows(
                select(there.c.word).where(among(transaction, there.c.word, values))
            )
        assert [row.word for row in found] == ([wanted] if wanted in values else [])
