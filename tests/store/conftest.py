import pytest

from indexer.store.ledger import SqlLedger
from tests.store.examples import World


@pytest.fixture
async def world(ledger: SqlLedger) -> World:
    return World(ledger)
