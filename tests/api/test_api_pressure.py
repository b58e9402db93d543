"""Many at once, and a database that has trouble."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing

import httpx
import psycopg.errors
import pytest
from sqlalchemy.exc import OperationalError

from api.problems import from_gleaner_error
from indexer.model.errors import StorageError
from indexer.store.failures import explain
from indexer.store.place import parse
from indexer.store.schema import downgrade, upgrade
from tests.api import values
from tests.api.conftest import opened
from tests.api.test_api_wallets import register


async def test_one_wallet_registered_by_many_is_one_wallet(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(register(client, values.ALICE, "eip155:1" if n % 2 else "eip155:10") for n in range(12))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 11}
    assert len({answer.json()["id"] for answer in answers}) == 1
    (wallet,) = (await client.get("/v1/wallets")).json()["data"]
    assert {chain["chain"] for chain in wallet["chains"]} == {"eip155:1", "eip155:10"}


async def test_registering_and_removing_at_once_ends_in_one_of_the_two(client: httpx.AsyncClient) -> None:
    made = (await register(client, values.ALICE, "eip155:1")).headers["location"]
    answers = await asyncio.gather(
        *(client.delete(made) if n % 2 else register(client, values.ALICE, "eip155:10") for n in range(10))
    )
    assert {answer.status_code for answer in answers} <= {200, 201, 204, 404}
    assert len((await client.get("/v1/wallets")).json()["data"]) <= 1


async def test_readers_and_writers_do_not_wait_for_each_other(client: httpx.AsyncClient) -> None:
    writes = [register(client, f"0x{n:040x}", "eip155:1") for n in range(1, 21)]
    reads = [
        client.get(path)
        for path in ("/v1/wallets", "/v1/losses", "/v1/transfers", "/ready")
        for _ in range(10)
    ]
    answers = await asyncio.gather(*writes, *reads)
    assert Counter(answer.status_code for answer in answers) == {201: 20, 200: 40}


def _sqlite_full() -> Exception:
    """SQLite's own error of a database that may not grow."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        try:
            connection.execute("CREATE TABLE filled (x)")
        except sqlite3.OperationalError as error:
            return error
    raise AssertionError("SQLite grew beyond its bound")


@pytest.mark.parametrize(
    ("error", "url"),
    [
        (_sqlite_full(), "sqlite:////tmp/gleaner.db"),
        (psycopg.errors.DiskFull("could not extend file"), "postgresql://gleaner@localhost/gleaner"),
    ],
)
def test_a_full_disk_is_507_on_either_database(error: Exception, url: str) -> None:
    with pytest.raises(StorageError) as raised:
        explain(OperationalError("INSERT", {}, error), parse(url))
    answer = from_gleaner_error(raised.value)
    assert answer.status_code == 507
    assert "retry-after" not in answer.headers


async def test_a_schema_that_is_gone_is_said_and_not_a_fault(empty_database_url: str) -> None:
    await upgrade(empty_database_url)
    async with opened(empty_database_url) as instance:
        client = await instance.client()
        await downgrade(empty_database_url, "base")
        for path in ("/v1/wallets", "/v1/losses"):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:gleaner:problem:storage"
            assert "gleaner db upgrade" in answer.json()["detail"]
            assert answer.json()["instance"].startswith("urn:uuid:")
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/ready")).json()["checks"][0]["ok"] is False
