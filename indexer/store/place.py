"""Where the ledger lies: database URLs, and how a database is named in messages without its secrets."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from indexer.model.errors import ConfigError

FORMS = "use sqlite:///path/to/file.db or postgresql://user:password@host:port/database"


@dataclass(frozen=True, slots=True)
class Place:
    """A parsed database URL. `name` is what messages may show; the URL itself holds a password."""

    url: URL
    name: str
    file: Path | None
    """The SQLite file, None on PostgreSQL."""

    def __repr__(self) -> str:
        return f"Place({self.name})"


def parse(url: str) -> Place:
    """Read a database URL: `sqlite:///path`, `sqlite+aiosqlite:///path`, `postgresql://...`, `postgres://...`.

    Raises:
        ConfigError: another database, another driver, or no URL at all. The text never repeats the URL.
    """
    try:
        parsed = make_url(url.strip())
    except ArgumentError as error:
        raise ConfigError(f"GLEANER_DATABASE_URL is not a database URL: {FORMS}") from error
    if parsed.drivername in {"sqlite", "sqlite+aiosqlite"}:
        return _sqlite(parsed)
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return _postgresql(parsed)
    raise ConfigError(
        f"GLEANER_DATABASE_URL names {parsed.drivername}, which Gleaner does not speak: {FORMS}"
    )


def _sqlite(url: URL) -> Place:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ConfigError(
            "the ledger needs a SQLite file, because several connections share it: sqlite:///gleaner.db"
        )
    file = Path(url.database)
    if not file.parent.is_dir():
        raise ConfigError(f"the folder {file.parent} of the SQLite database does not exist: make it first")
    return Place(url.set(drivername="sqlite+aiosqlite"), f"the SQLite database {file}", file)


def _postgresql(url: URL) -> Place:
    if not url.database:
        raise ConfigError(f"GLEANER_DATABASE_URL names no database on the PostgreSQL server: {FORMS}")
    host = url.host or url.query.get("host") or "the local socket"
    port = f":{url.port}" if url.port else ""
    return Place(
        url.set(drivername="postgresql+psycopg"),
        f"the PostgreSQL database {url.database} at {host}{port}",
        None,
    )
