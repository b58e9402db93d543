"""`gleaner serve`: the API and the worker in one process, on real chains."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from indexer.cli.root import app, configure_logging, stderr


@app.command()
def serve(
    chains: Annotated[Path | None, typer.Option(help="The chains file (default: chains.yaml).")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the API; 0 takes a free one.")] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; beyond loopback API keys are required.")
    ] = None,
    worker: Annotated[bool, typer.Option(help="Collect in this process too.")] = True,
) -> None:
    """Serve the API and collect in the background until Ctrl-C.

    The database is `GLEANER_DATABASE_URL` (default `sqlite:///gleaner.db`, made and migrated when missing).
    """
    from api.serving import bind
    from api.serving import serve as run_server
    from indexer.flows.spam import judge_assets_anew
    from indexer.jobs.worker import open_queue
    from indexer.settings import load_settings
    from indexer.store.open import migrate
    from indexer.wiring import open_app

    settings = load_settings(chains=chains, port=port, host=host)
    configure_logging(settings.log_level)
    listener = bind(settings.host, settings.port)
    migrate(settings.database_url.get_secret_value())

    async def run() -> None:
        async with open_app(settings) as opened:
            await judge_assets_anew(opened.services)
            queue = open_queue(opened) if worker else None
            await run_server(opened, listener, queue, _announce)

    asyncio.run(run())


def _announce(url: str) -> None:
    stderr.print(
        f"Gleaner serves [bold]{url}[/bold]  (documentation: {url}/docs; Ctrl-C stops)", highlight=False
    )
