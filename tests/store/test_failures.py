"""Disks fill up, files are locked, damaged or not ours, servers go away: a sentence that helps, and nothing lost."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from indexer.model.errors import StorageError
from indexer.store import engines
from indexer.store.engines import Purpose, open_engine
from indexer.store.ledger import SqlLedger
from indexer.store.open import check_schema, open_ledger
from indexer.store.place import parse
from tests.store.examples import NOW, World, page, transfer

ROOT = Path(__file__).resolve().parents[2]

FILL = """
import asyncio, json, os, sys
from indexer.model.errors import StorageError
from indexer.model.facts import RawTransaction
from indexer.store.open import open_ledger
from tests.store.examples import ALICE, CHAIN, World, page, transfer

async def main(url, limit):
    ledger = await open_ledger(url)
    world = World(ledger)
    await world.watch()
    if limit:
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    kept = 0
    try:
        for number in range(10_000):
            raw = RawTransaction(CHAIN, f"0x{number}", "0xh", "node", os.urandom(20_000))
            await world.collect(page([transfer(number)], cursor={"kept": number}, raws=(raw,)))
            kept += 1
    except StorageError as error:
        readable = len(await world.transfers())
        print(json.dumps({"kept": kept, "readable": readable, "said": str(error)}))
    await ledger.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def fill(url: str, limit: int = 0) -> dict[str, object]:
    """Write pages in another process until the disk is full; what it said."""
    done = subprocess.run(
        [sys.executable, "-c", FILL, url, str(limit)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


async def kept_whole(url: str, answer: dict[str, object]) -> None:
    """What was committed is there with its cursor, the file is sound, and writing goes on when there is room."""
    kept = answer["kept"]
    assert isinstance(kept, int)
    assert kept > 0
    assert answer["readable"] == kept
    assert "Nothing was half written" in str(answer["said"])
    ledger = await open_ledger(url)
    try:
        world = World(ledger)
        assert len(await world.transfers()) == kept
        assert (await world.target()).cursor == {"kept": kept - 1}
        async with ledger.reading() as transaction:
            row = await transaction.row(text("PRAGMA integrity_check"))
            assert row is not None
            assert row[0] == "ok"
    finally:
        await ledger.close()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[bool]:
    """A file system of this size; False where nobody lets us mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    try:
        yield mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_loses_nothing(sqlite_template: Path, tmp_path: Path) -> None:
    """On a real file system of 2 MB where we may mount one, else under a limit on the size of files."""
    folder = tmp_path / "disk"
    with small_disk(folder, "2m") as mounted:
        file = shutil.copy(sqlite_template, folder / "ledger.db")
        answer = fill(f"sqlite:///{file}", 0 if mounted else 2_000_000)
        assert "free" in str(answer["said"]).lower()
        if mounted:
            subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)  # noqa: ASYNC221 - at once
        await kept_whole(f"sqlite:///{file}", answer)


async def test_a_quota_loses_nothing(sqlite_url: str) -> None:
    answer = fill(sqlite_url, 1_000_000)
    await kept_whole(sqlite_url, answer)


async def test_a_full_database_can_be_written_again_when_there_is_room(sqlite_url: str) -> None:
    ledger = await open_ledger(sqlite_url)
    world = World(ledger)
    await world.watch()
    async with ledger.writing() as transaction:
        row = await transaction.row(text("PRAGMA page_count"))
        assert row is not None
        await transaction.run(text(f"PRAGMA max_page_count = {row[0]}"))
    facts = [transfer(number) for number in range(3000)]
    with pytest.raises(StorageError, match=r"disk .* is full"):
        await world.collect(page(facts, cursor={"next": 3000}))
    assert await world.transfers() == []
    assert (await world.target()).cursor is None
    async with ledger.writing() as transaction:
        await transaction.run(text("PRAGMA max_page_count = 1000000"))
    assert await world.collect(page(facts)) == 3000
    await ledger.close()


async def test_a_locked_database_says_so_and_goes_on_afterwards(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_SECONDS", 1)
    ledger = await open_ledger(database_url)
    world = World(ledger)
    await world.watch()
    if database_url.startswith("sqlite"):
        other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        release = other.close
    else:
        holder = psycopg.connect(database_url)
        holder.execute("LOCK TABLE wallet IN EXCLUSIVE MODE")
        release = holder.close
    try:
        with pytest.raises(StorageError, match="stays locked"):
            await world.watch("0xb")
        assert len(await world.transfers()) == 0  # reading is not in the way of anybody
    finally:
        release()
    await world.watch("0xb")
    await ledger.close()


READ_ONLY = """
import asyncio, concurrent.futures.thread, os, sys
from indexer.model.errors import StorageError
from indexer.store.open import migrate, open_ledger
from tests.store.examples import World

async def write(file):
    ledger = await open_ledger(f"sqlite:///{file}")
    try:
        await World(ledger).watch()
    finally:
        await ledger.close()

migrate(f"sqlite:///{sys.argv[2]}")
asyncio.run(write(sys.argv[2]))  # whatever is loaded late is loaded while we may still read it
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
try:
    asyncio.run(write(sys.argv[1]))
except StorageError as error:
    print(error)
"""


@pytest.mark.parametrize("folder_mode", [0o555, 0o755])
def test_a_file_of_somebody_else_is_named(sqlite_template: Path, tmp_path: Path, folder_mode: int) -> None:
    """Root may write everywhere, so root becomes nobody for this."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.db"
        shutil.copy(sqlite_template, file)
        file.chmod(0o444)
        Path(folder).chmod(folder_mode)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(file), str(tmp_path / "other.db")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        Path(folder).chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert str(file) in done.stdout
    assert "this user" in done.stdout


async def test_a_read_only_server_is_named(own_database_url: str) -> None:
    ledger = await open_ledger(own_database_url)
    if own_database_url.startswith("postgresql"):
        with psycopg.connect(own_database_url, autocommit=True) as connection:
            connection.execute(
                "ALTER ROLE CURRENT_USER IN DATABASE "
                + own_database_url.rpartition("/")[2]
                + " SET default_transaction_read_only = on"
            )
        await ledger.close()
        ledger = await open_ledger(own_database_url)
        with pytest.raises(StorageError, match="is read-only"):
            await World(ledger).watch()
    with pytest.raises(StorageError, match="is read-only"):
        async with ledger.read() as work:
            await work.tenants.ensure_portfolio("p", NOW)
    await ledger.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_text("Dear diary, " * 1000)
    with pytest.raises(StorageError, match="not a SQLite database"):
        await check_schema(f"sqlite:///{file}")
    assert file.read_text() == "Dear diary, " * 1000


def test_failing_connections_leave_no_thread_behind(tmp_path: Path) -> None:
    """One that reports to a closed event loop prints a traceback over the message meant for the user."""
    file = tmp_path / "ledger.db"
    file.write_text("Dear diary, " * 1000)
    for _ in range(20):
        with pytest.raises(StorageError):
            asyncio.run(check_schema(f"sqlite:///{file}"))
    assert [thread.name for thread in threading.enumerate() if "_connection_worker" in thread.name] == []


async def test_a_damaged_file_is_named(sqlite_url: str) -> None:
    ledger = await open_ledger(sqlite_url)
    world = World(ledger)
    await world.watch()
    await world.collect(page(transfer(number) for number in range(2000)))
    await ledger.close()
    with open(sqlite_url.removeprefix("sqlite:///"), "r+b") as file:  # noqa: ASYNC230, PTH123 - a test's own file
        size = os.fstat(file.fileno()).st_size
        file.seek(size // 2)
        file.write(b"\xa5" * (size // 2))
    ledger = await open_ledger(sqlite_url)
    with pytest.raises(StorageError, match="damaged"):
        await World(ledger).transfers()
    await ledger.close()


async def test_a_connection_that_breaks_in_the_middle_loses_nothing_else(
    ledger: SqlLedger, database_url: str
) -> None:
    world = World(ledger)
    await world.watch()
    if database_url.startswith("sqlite"):
        return

    async def broken() -> None:
        async with ledger.writing() as transaction:
            await transaction.run(
                text("INSERT INTO asset VALUES ('x', '', 0, '', NULL, NULL, NULL, false, '')")
            )
            row = await transaction.row(text("SELECT pg_backend_pid()"))
            assert row is not None
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [row[0]])
            await transaction.run(text("SELECT 1"))

    with pytest.raises(StorageError, match=r"cannot be reached|terminating"):
        await broken()
    async with ledger.read() as work:
        assert await work.facts.assets(["x"]) == {}
    await world.watch("0xb")


async def test_errors_never_show_values(database_url: str) -> None:
    engine = open_engine(parse(database_url), Purpose.WRITE)
    try:
        with pytest.raises(Exception) as failure:
            async with engine.begin() as connection:
                await connection.execute(
                    text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "my-private-note"}
                )
        assert "my-private-note" not in str(failure.value)
    finally:
        await engine.dispose()
