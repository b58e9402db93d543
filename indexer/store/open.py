"""The store's door."""

from indexer.store.ledger import SqlLedger
from indexer.store.place import parse
from indexer.store.schema import check_schema, migrate, upgrade

__all__ = ["check_schema", "migrate", "open_ledger", "upgrade"]


async def open_ledger(url: str) -> SqlLedger:
    """Open the ledger at a database URL; its schema must be this version's (`migrate` brings it there).

    Raises:
        ConfigError: the URL is wrong.
        StorageError: the database cannot be opened, or its schema is another version's.
    """
    await check_schema(url)
    ledger = SqlLedger(parse(url))
    await ledger.heal()
    return ledger
