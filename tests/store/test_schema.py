"""Migrations build exactly the tables of the code, go down to nothing and up again, and say what is wrong."""

import asyncio
import dataclasses
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from indexer.model.errors import ConfigError, StorageError
from indexer.model.lots import BookGap, Disposal, Income, Lot
from indexer.model.prices import DisputedPrice
from indexer.store import schema
from indexer.store.engines import Purpose, open_engine
from indexer.store.open import check_schema, open_ledger, upgrade
from indexer.store.place import parse
from indexer.store.tables import book_disposal, book_gap, book_income, book_lot, book_price_conflict, metadata

T = TypeVar("T")

REPOSITORY = Path(__file__).resolve().parents[2]

CATALOGUE = """
    SELECT table_name, column_name, data_type, numeric_precision, numeric_scale, is_nullable, column_default,
           collation_name
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    ORDER BY table_name, ordinal_position
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text AS of_table, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
    UNION ALL
    SELECT relname, 'options', reloptions::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
    UNION ALL
    SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    AND tablename <> 'alembic_version' ORDER BY 1, 2, 3
"""
SQLITE_SCHEMA = """
    SELECT type, name, sql FROM sqlite_schema WHERE name <> 'alembic_version' AND name NOT LIKE 'sqlite_autoindex_%'
    ORDER BY type, name
"""


async def look(url: str, run: Callable[[Connection], T]) -> T:
    engine = open_engine(parse(url), Purpose.MIGRATE)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(run)
    finally:
        await engine.dispose()


def described(connection: Connection) -> list[tuple[object, ...]]:
    """Everything the database itself says of the schema, so that nothing Alembic overlooks can differ."""
    queries = [SQLITE_SCHEMA] if connection.dialect.name == "sqlite" else [CATALOGUE, CONSTRAINTS]
    return [
        tuple(_plain(cell) for cell in row) for query in queries for row in connection.execute(text(query))
    ]


def _plain(cell: object) -> object:
    return " ".join(cell.replace("( ", "(").split()) if isinstance(cell, str) else cell


def differences(connection: Connection) -> list[object]:
    return list(
        compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
    )


def names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_migrations_equal_the_tables(empty_database_url: str) -> None:
    await upgrade(empty_database_url)
    assert await look(empty_database_url, differences) == []
    migrated = await look(empty_database_url, described)
    await schema.downgrade(empty_database_url, "base")
    await look(empty_database_url, metadata.create_all)
    created = await look(empty_database_url, described)
    assert migrated == created


async def test_downgrade_leaves_nothing_and_the_way_up_is_open_again(empty_database_url: str) -> None:
    await upgrade(empty_database_url)
    first = await look(empty_database_url, described)
    await schema.downgrade(empty_database_url, "base")
    assert await look(empty_database_url, names) == {"alembic_version"}
    assert await schema.current(empty_database_url) is None
    await upgrade(empty_database_url)
    assert await look(empty_database_url, described) == first
    await upgrade(empty_database_url)
    await check_schema(empty_database_url)


async def test_hashes_of_blocks_move_into_their_table_and_back(empty_database_url: str) -> None:
    sqlite = empty_database_url.startswith("sqlite")
    time, amount = ("0", "'001:7'") if sqlite else ("'1970-01-01Z'", "7")
    known, unknown = (
        f"('0x{tx}', 'native', 'eip155:1', 1, {number}, '{told}', {time}, '0xa', '0xb', 'eth', {amount}, 'native')"
        for tx, number, told in (("1", 5, "0x55"), ("2", 6, ""))
    )

    def fill(connection: Connection) -> None:
        connection.execute(text(f"INSERT INTO block VALUES ('eip155:1', 5, '0x55', {time})"))
        connection.execute(
            text(
                "INSERT INTO transfer (tx, position, chain, rank, block_number, block_hash, time, sender, recipient, "
                f"asset, amount, kind) VALUES {known}, {unknown}"
            )
        )

    def told(connection: Connection) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM transfer ORDER BY tx"))]

    def hashes(connection: Connection) -> list[object]:
        return [row[0] for row in connection.execute(text("SELECT block_hash FROM transfer ORDER BY tx"))]

    await upgrade(empty_database_url, "0001")
    await look(empty_database_url, fill)
    before = await look(empty_database_url, told)
    await upgrade(empty_database_url)
    assert await look(empty_database_url, told) == [row[:5] + row[6:] for row in before]
    await schema.downgrade(empty_database_url, "0001")
    assert await look(empty_database_url, hashes) == ["0x55", ""]


async def test_the_code_knows_every_revision() -> None:
    scripts = ScriptDirectory.from_config(schema.config())
    walked = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(walked)) == schema.REVISIONS
    assert scripts.get_current_head() == schema.REVISIONS[-1]


async def test_a_database_without_schema_says_what_to_do(empty_database_url: str) -> None:
    with pytest.raises(StorageError, match="run `gleaner db upgrade`"):
        await open_ledger(empty_database_url)


async def test_a_newer_schema_is_left_alone(own_database_url: str) -> None:
    await look(
        own_database_url,
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")),
    )
    with pytest.raises(StorageError, match="newer than this Gleaner"):
        await open_ledger(own_database_url)
    with pytest.raises(StorageError, match="Nothing was changed"):
        await upgrade(own_database_url)


async def test_an_older_schema_says_what_to_do(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "9000"))
    with pytest.raises(StorageError, match="make a backup and run `gleaner db upgrade`"):
        await open_ledger(database_url)


async def test_two_processes_may_migrate_at_once(empty_database_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(schema.migrate, empty_database_url) for _ in range(3)))
    await check_schema(empty_database_url)


async def test_a_failing_migration_leaves_nothing_behind(empty_database_url: str) -> None:
    """DDL is part of the transaction on both databases: half a schema cannot be committed."""

    def half(connection: Connection) -> None:
        metadata.create_all(connection)
        raise LookupError

    with pytest.raises(LookupError):
        await look(empty_database_url, half)
    assert await look(empty_database_url, names) == set()


def test_missing_migrations_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLEANER_MIGRATIONS", str(tmp_path))
    with pytest.raises(ConfigError, match="GLEANER_MIGRATIONS"):
        schema.migrate(f"sqlite:///{tmp_path / 'ledger.db'}")


def test_the_alembic_command_works_from_pyproject(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    for arguments in (["upgrade", "head"], ["check"], ["downgrade", "base"], ["upgrade", "head"]):
        done = subprocess.run(
            [sys.executable, "-m", "alembic", *arguments],
            cwd=REPOSITORY,
            env={"GLEANER_DATABASE_URL": url, "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (
            schema.REVISIONS[-1],
        )
    connection.close()


def test_every_tenant_table_is_led_by_its_portfolio() -> None:
    shared = {
        "portfolio",
        "sync_target",
        "block",
        "chain_state",
        "transfer",
        "raw_transaction",
        "asset",
        "gap",
        "quote",
    }
    for table in metadata.sorted_tables:
        if table.name not in shared:
            assert next(iter(table.primary_key.columns)).name == "portfolio_id", table.name


def test_the_book_keeps_every_field_of_the_model() -> None:
    for table, kind in (
        (book_lot, Lot),
        (book_disposal, Disposal),
        (book_income, Income),
        (book_gap, BookGap),
        (book_price_conflict, DisputedPrice),
    ):
        fields = {field.name for field in dataclasses.fields(kind)}
        assert {column.name for column in table.c} == fields | {"portfolio_id", "place"}
