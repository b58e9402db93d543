from indexer.store.ledger import SqlLedger


async def test_opens(ledger: SqlLedger) -> None:
    async with ledger.read() as work:
        assert await work.tenants.portfolios() == ()
