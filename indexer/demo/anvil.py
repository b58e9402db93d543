"""A local EVM node as an async context manager that leaves nothing behind.

anvil comes with the project's `npm ci` on Linux x86-64; elsewhere the user brings it
(https://getfoundry.sh). Whatever ends this process, even SIGKILL, ends the node: a small shell stands between
the two, waits for its standard input to close, then stops the node and removes its folder.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from indexer.demo.packages import node_modules
from indexer.model.errors import ConfigError, RetryableError

ANVIL_VARIABLE = "GLEANER_ANVIL"
"""Environment variable naming the anvil binary to use instead of the installed one."""

_PACKAGED = Path("@foundry-rs") / "anvil-linux-amd64" / "bin" / "anvil"
_LISTENING = re.compile(rb"Listening on (?P<host>[0-9.]+):(?P<port>[0-9]+)")
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0

# $1 is the node's own folder, the rest its command. The shell lets go of the output at once, so that the end
# of the output means the end of the node, and `read` returns when this process closes the pipe or dies.
_GUARD = """
folder=$1; shift
"$@" </dev/null & node=$!
exec >/dev/null 2>&1
read -r _
kill -TERM "$node"; wait "$node"
rm -rf -- "$folder"
"""


@dataclass(frozen=True, slots=True)
class AnvilOptions:
    """How a node starts. `genesis_time` is in Unix seconds, None for the present; `extra` goes to anvil as is."""

    chain_id: int = 31337
    genesis_time: int | None = None
    automine: bool = True
    balance_ether: int = 10_000
    """What each of the ten development accounts holds at genesis."""
    hardfork: str = "cancun"
    """Named, so that every version of anvil charges the same gas."""
    extra: tuple[str, ...] = ()


def find_anvil() -> Path:
    """Return the anvil binary: `GLEANER_ANVIL`, else the one of `npm ci`, else the one on PATH.

    Raises `ConfigError` saying how to get one.
    """
    named = os.environ.get(ANVIL_VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise ConfigError(
                f"{ANVIL_VARIABLE}={named} is not an executable file: name an anvil binary there."
            )
        return Path(found)
    for folder in node_modules():
        if os.access(folder / _PACKAGED, os.X_OK) and sys.platform == "linux":
            return folder / _PACKAGED
    found = shutil.which("anvil")
    if found is not None:
        return Path(found)
    raise ConfigError(
        "The local chains need anvil and none was found. On Linux x86-64 run `npm ci` in the project's folder; "
        f"elsewhere install Foundry (https://getfoundry.sh) so that `anvil` is on PATH, or set {ANVIL_VARIABLE}."
    )


@asynccontextmanager
async def run_anvil(options: AnvilOptions | None = None) -> AsyncIterator[str]:
    """Start a node on a free loopback port, yield its URL, and stop it whatever happens.

    Raises `ConfigError` when there is no anvil, `RetryableError` when it does not start.
    """
    binary = find_anvil()
    folder = Path(tempfile.mkdtemp(prefix="gleaner-anvil-"))
    try:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", _GUARD, "anvil-guard", str(folder), *_command(binary, options, folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to handle, not the node's
        )  # fmt: skip
        output = process.stdout
        if output is None:  # pragma: no cover - asked for above
            raise AssertionError
        drain: asyncio.Task[None] | None = None
        try:
            url = await _listening(output)
            drain = asyncio.create_task(_drain(output), name="anvil-output")
            yield url
        finally:
            if drain is not None:
                drain.cancel()
            await _stop(process)
            if drain is not None:
                with contextlib.suppress(asyncio.CancelledError):
                    await drain
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _command(binary: Path, options: AnvilOptions | None, folder: Path) -> list[str]:
    chosen = options or AnvilOptions()
    command = [
        str(binary),
        "--host", "127.0.0.1",
        "--port", "0",
        "--chain-id", str(chosen.chain_id),
        # the order in which transactions were sent, so that every run makes the same blocks
        "--order", "fifo",
        # `finalized` follows the head by two blocks instead of staying at genesis
        "--slots-in-an-epoch", "1",
        "--accounts", "10",
        "--hardfork", chosen.hardfork,
        "--balance", str(chosen.balance_ether),
        "--mnemonic", "test test test test test test test test test test test junk",
        "--cache-path", str(folder),
    ]  # fmt: skip
    if chosen.genesis_time is not None:
        command += ["--timestamp", str(chosen.genesis_time)]
    if not chosen.automine:
        command.append("--no-mining")
    return [*command, *chosen.extra]


async def _listening(output: asyncio.StreamReader) -> str:
    said: list[bytes] = []
    try:
        async with asyncio.timeout(_START_SECONDS):
            async for line in output:
                match = _LISTENING.search(line)
                if match:
                    return f"http://{match['host'].decode()}:{match['port'].decode()}"
                said.append(line)
    except TimeoutError:
        pass
    last = b"".join(said[-5:]).decode(errors="replace").strip()
    raise RetryableError(
        f"anvil did not start within {_START_SECONDS:.0f} s. It said last: {last or 'nothing'}"
    )


async def _drain(output: asyncio.StreamReader) -> None:
    """Read on and forget: a full pipe would stop the node."""
    while await output.read(65_536):
        pass


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Let the guard stop the node; kill the whole group when that takes too long."""
    if process.stdin is not None:
        process.stdin.close()
    waiter = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait_for(asyncio.shield(waiter), _STOP_SECONDS)
    except (TimeoutError, asyncio.CancelledError) as reason:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await waiter
        if isinstance(reason, asyncio.CancelledError):
            raise
