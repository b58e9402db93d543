"""The schema's version: bring it up to date, or say clearly that it is not.

The revisions themselves are Alembic scripts in `migrations/`, beside the packages (they are no part of the wheel:
the container copies them, `GLEANER_MIGRATIONS` may point to them).
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from indexer.model.errors import ConfigError, StorageError
from indexer.store.engines import Purpose, open_engine
from indexer.store.failures import explained
from indexer.store.place import Place, parse

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every revision this code knows, oldest first; it works with the last one."""

MIGRATIONS_VARIABLE = "GLEANER_MIGRATIONS"

_ADVISORY_LOCK = 0x676C6561


def migrations_folder() -> Path:
    """Where the Alembic scripts lie.

    Raises:
        ConfigError: they are not there.
    """
    named = os.environ.get(MIGRATIONS_VARIABLE)
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "migrations"
    if not (folder / "env.py").is_file():
        raise ConfigError(
            f"there are no migrations in {folder}: set {MIGRATIONS_VARIABLE} to the folder `migrations` of the "
            "source tree or container"
        )
    return folder


def config() -> Config:
    """Alembic's configuration without a file, so that it works from anywhere."""
    made = Config()
    made.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def migrate(url: str) -> None:
    """Bring the database up to this version's schema, making the SQLite file if it is missing. Idempotent.

    Raises:
        ConfigError: the URL is wrong.
        StorageError: the database cannot be used.
    """
    asyncio.run(upgrade(url))


async def upgrade(url: str, revision: str = "head") -> None:
    """`migrate` for those who already run an event loop."""
    place = parse(url)
    found = await _look(place)
    if found is not None and found not in REVISIONS:
        raise _too_new(place, found)
    await _with_alembic(place, lambda made: command.upgrade(made, revision))


async def downgrade(url: str, revision: str) -> None:
    """Go back to a revision (`base`: drop every table of the ledger)."""
    await _with_alembic(parse(url), lambda made: command.downgrade(made, revision))


async def current(url: str) -> str | None:
    """The revision the database has, None when it has no schema."""
    return await _look(parse(url))


async def check_schema(url: str) -> None:
    """Make sure that the database has the schema of this code.

    Raises:
        ConfigError: the URL is wrong.
        StorageError: no schema, an older or a newer one; the text says what to do.
    """
    place = parse(url)
    found = await _look(place)
    if found == REVISIONS[-1]:
        return
    name = place.name[:1].upper() + place.name[1:]
    if found is None:
        raise StorageError(f"{name} has no ledger yet: run `gleaner db upgrade`.")
    if found in REVISIONS:
        raise StorageError(
            f"{name} has schema {found}, this Gleaner needs {REVISIONS[-1]}: make a backup and run `gleaner db upgrade`."
        )
    raise _too_new(place, found)


def _too_new(place: Place, found: str) -> StorageError:
    return StorageError(
        f"{place.name[:1].upper() + place.name[1:]} has schema {found}, which is newer than this Gleaner "
        f"({REVISIONS[-1]}): update Gleaner. Nothing was changed."
    )


async def _look(place: Place) -> str | None:
    if place.file is not None and not place.file.exists():
        return None
    engine = open_engine(place, Purpose.READ)
    try:
        with explained(place):
            async with engine.begin() as connection:
                return await connection.run_sync(
                    lambda link: MigrationContext.configure(link).get_current_revision()
                )
    finally:
        await engine.dispose()


async def _with_alembic(place: Place, run: Callable[[Config], None]) -> None:
    """Run an Alembic command in one transaction; a second process waits and then finds nothing left to do."""
    made = config()
    engine = open_engine(place, Purpose.MIGRATE)

    def inside(link: Connection) -> None:
        if link.dialect.name == "postgresql":
            link.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        made.attributes["connection"] = link
        run(made)
        if (
            link.dialect.name == "sqlite"
            and link.exec_driver_sql("PRAGMA foreign_key_check").first() is not None
        ):
            raise StorageError(f"the migration of {place.name} would leave rows that refer to nothing.")

    try:
        with explained(place):
            async with engine.begin() as connection:
                await connection.run_sync(inside)
    finally:
        await engine.dispose()
