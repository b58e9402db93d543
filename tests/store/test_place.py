"""Database URLs: what is taken, what is refused, and that no message ever shows a password."""

import asyncio
from pathlib import Path

import pytest

from indexer.model.errors import ConfigError, StorageError
from indexer.store.open import check_schema, open_ledger
from indexer.store.place import parse
from tests.fixtures.database import PostgresServer


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+aiosqlite"])
def test_sqlite_urls(driver: str, tmp_path: Path) -> None:
    place = parse(f"{driver}:///{tmp_path}/ledger.db")
    assert place.url.drivername == "sqlite+aiosqlite"
    assert place.file == tmp_path / "ledger.db"


@pytest.mark.parametrize("driver", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_urls(driver: str) -> None:
    place = parse(f"{driver}://me:s3cret@db.example:5433/gleaner")
    assert place.url.drivername == "postgresql+psycopg"
    assert place.url.password == "s3cret"
    assert place.name == "the PostgreSQL database gleaner at db.example:5433"
    assert "s3cret" not in repr(place)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gleaner.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////no/such/folder/ledger.db",
        "mysql://me:s3cret@host/db",
        "postgresql+asyncpg://me:s3cret@host/db",
        "postgresql://me:s3cret@host",
    ],
)
def test_what_cannot_be_used_is_refused_with_a_way_out(url: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse(url)
    assert "s3cret" not in str(refusal.value)


async def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(StorageError, match="cannot be reached") as refusal:
        await open_ledger("postgresql://me:s3cret@127.0.0.1:1/gleaner")
    assert "s3cret" not in str(refusal.value)
    assert "127.0.0.1:1" in str(refusal.value)


def test_looking_for_a_database_does_not_make_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no ledger yet"):
        asyncio.run(check_schema(f"sqlite:///{tmp_path / 'other.db'}"))
    assert list(tmp_path.iterdir()) == []


async def test_a_wrong_password_and_a_missing_database_are_told_apart(
    postgres_server: PostgresServer,
) -> None:
    with postgres_server.database(migrated=False) as url:
        with pytest.raises(StorageError, match="does not exist"):
            await check_schema(url + "_other")
        password = url.partition("://")[2].partition("@")[0].partition(":")[2]
        with pytest.raises(StorageError, match="password") as refusal:
            await check_schema(url.replace(password, "wr0ng"))
        assert "wr0ng" not in str(refusal.value)
