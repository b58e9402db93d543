"""Run the API, and the worker beside it, in one event loop until asked to stop."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn

from api.app import create_app
from indexer.jobs.embedded import EmbeddedQueue
from indexer.model.errors import InputError
from indexer.wiring import App

log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """uvicorn raises the signal again after shutdown, which would end the process before its parts are closed."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so once requests are answered."""
        await super().startup(sockets=sockets)
        if self.started:
            self._announce()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Take the address before anything starts; port 0 takes a free one.

    Raises:
        InputError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"cannot listen on {host}:{port}: {error.strerror}. Choose another with --port (0 takes a free one)."
        ) from error
    return listener


async def serve(
    app: App,
    listener: socket.socket,
    queue: EmbeddedQueue | None,
    announce: Callable[[str], None],
    stopped: asyncio.Event | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM or `stopped`.

    `queue` is run meanwhile; None leaves collecting to other processes. A worker that dies takes the server with
    it: an instance that answers and no longer collects looks alive.
    """
    host, port = listener.getsockname()[:2]
    config = uvicorn.Config(
        create_app(app.services, app.settings, wake=queue.wake if queue else None),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    server = _Server(config, lambda: announce(url))
    loop = asyncio.get_running_loop()

    stopped = stopped or asyncio.Event()

    async def leave() -> None:
        await stopped.wait()
        server.should_exit = True

    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stopped.set)
    leaving = asyncio.create_task(leave())
    work = asyncio.create_task(queue.run()) if queue else None
    if work is not None:
        work.add_done_callback(lambda _: stopped.set())
    try:
        await server.serve(sockets=[listener])
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(signum)
        leaving.cancel()
        if work is not None:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
