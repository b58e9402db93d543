"""A portfolio's list is found by its addresses: it may not slow down with what others collect."""

from sqlalchemy import select, text
from sqlalchemy.dialects import sqlite

from indexer.store.ledger import SqlLedger
from indexer.store.open import open_ledger
from indexer.store.reading import ORDER, _touching


async def plan(ledger: SqlLedger) -> list[str]:
    seen = _touching("p", []).subquery()
    query = select(seen).order_by(*(seen.c[name] for name in ORDER)).limit(101)
    spelled = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    async with ledger.reading() as transaction:
        return [row.detail for row in await transaction.rows(text("EXPLAIN QUERY PLAN " + spelled))]


async def test_both_branches_go_through_an_index_on_the_address(sqlite_url: str) -> None:
    ledger = await open_ledger(sqlite_url)
    try:
        steps = await plan(ledger)
    finally:
        await ledger.close()
    assert [step for step in steps if "transfer" in step] == [
        "SEARCH transfer USING INDEX transfer_sent (sender=? AND chain=?)",
        "SEARCH transfer USING INDEX transfer_received (recipient=? AND chain=?)",
    ]
    # whether the portfolio watches the sender, too, is one look-up however many wallets it has
    [watched] = [step for step in steps if "wallet_chain_1" in step]
    assert watched.startswith("SEARCH wallet_chain_1 USING INDEX wallet_chain_watched (chain=? AND address=?")
