"""Alembic's environment: one transaction on one connection.

Gleaner hands its own connection over (`gleaner db upgrade`). The `alembic` command, which reads `[tool.alembic]`
of pyproject.toml, opens one for the database of `GLEANER_DATABASE_URL`.
"""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from indexer.store.engines import Purpose, open_engine
from indexer.store.place import Place, parse
from indexer.store.tables import metadata


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        # SQLite alters a table by building it anew
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_alone(place: Place) -> None:
    engine = open_engine(place, Purpose.MIGRATE)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def run_offline(place: Place) -> None:
    """Print SQL instead of running it (`alembic upgrade head --sql`)."""
    context.configure(url=place.url, target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    database = parse(os.environ.get("GLEANER_DATABASE_URL", "sqlite:///gleaner.db"))
    if context.is_offline_mode():
        run_offline(database)
    else:
        asyncio.run(run_alone(database))
