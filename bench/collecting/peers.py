"""Two other indexers on the same chain, where they are installed (`make bench` installs them).

Ponder 1.0.0 (npm) writes the token's transfers into PostgreSQL and answers GraphQL; cryo 0.3.2 (PyPI) writes logs
into parquet files. Both are timed from the first call that the node sees.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from collecting.chain import BENCH, BenchChain
from collecting.measure import Measure, run_command
from collecting.node import BenchNode, free_port

PONDER = BENCH / "peers" / "ponder"
CRYO_PYTHON = BENCH / ".venv" / "bin" / "python"
READY_EVERY_SECONDS = 0.05


class FirstCall(threading.Thread):
    """Notes when the node's log grows beyond a mark: the first request of whoever is measured."""

    def __init__(self, node: BenchNode) -> None:
        super().__init__(daemon=True)
        self._node = node
        self._mark = node.mark()
        self._over = threading.Event()
        self.at: float | None = None
        self.start()

    def run(self) -> None:
        """Look every hundredth of a second."""
        while not self._over.wait(0.01):
            if self._node.mark() > self._mark:
                self.at = time.perf_counter()
                return

    def stop(self) -> float | None:
        """When the first call came."""
        self._over.set()
        self.join()
        return self.at


def ponder(
    chain: BenchChain, node: BenchNode, database: str, *, watched: bool, limit_seconds: float
) -> Measure | str:
    """From the first request until ponder says that it is ready: all history is in its database."""
    command = PONDER / "node_modules" / ".bin" / "ponder"
    if not command.is_file():
        return "not installed: run `make bench`"
    environment = {
        **os.environ,
        "BENCH_META": str(chain.meta),
        "BENCH_RPC": node.url,
        "BENCH_DATABASE": database,
        "PONDER_TELEMETRY_DISABLED": "true",
        "NODE_OPTIONS": "--max-old-space-size=4096",
        **({"BENCH_WATCHED": "1"} if watched else {}),
    }
    log = chain.folder / f"ponder-{'watched' if watched else 'all'}.log"
    port = free_port()
    with log.open("wb") as output:
        first = FirstCall(node)
        process = subprocess.Popen(
            [
                str(command),
                "start",
                "--schema",
                f"bench_{int(time.time())}",
                "-p",
                str(port),
                "-H",
                "127.0.0.1",
            ],
            cwd=PONDER,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with _peak_of(process.pid) as peak:
            ready = _await_ready(process, port, limit_seconds)
            rows = _ponder_rows(port) if ready else 0
    finally:
        started = first.stop()
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if ready is None or started is None:
        return f"not ready after {limit_seconds:.0f} s, see {log.name}"
    return Measure(ready - started, rows, peak[0])


def _await_ready(process: subprocess.Popen[bytes], port: int, limit_seconds: float) -> float | None:
    deadline = time.perf_counter() + limit_seconds
    while time.perf_counter() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
                if answer.status == 200:
                    return time.perf_counter()
        except OSError:
            pass
        time.sleep(READY_EVERY_SECONDS)
    return None


def _ponder_rows(port: int) -> int:
    body = orjson.dumps({"query": "{ transfers { totalCount } }"})
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(orjson.loads(answer.read())["data"]["transfers"]["totalCount"])


def cryo(chain: BenchChain, node: BenchNode, *, limit_seconds: float) -> Measure | str:
    """From the first request until the last parquet file is written."""
    if not CRYO_PYTHON.is_file():
        return "not installed: run `make bench`"
    script = str(Path(__file__).parent / "cryo_child.py")
    out = chain.folder / "cryo"
    first = FirstCall(node)
    asked = orjson.dumps(
        {"url": node.url, "head": chain.head, "token": chain.token, "out": str(out)}
    ).decode()
    found = run_command([str(CRYO_PYTHON), script, asked], limit_seconds=limit_seconds)
    started = first.stop()
    if isinstance(found, str) or started is None:
        return found if isinstance(found, str) else "it never asked the node"
    # the child tells the end on the same clock: CLOCK_MONOTONIC is one for all processes
    return Measure(found.seconds - started, found.rows, found.peak_mb)


@contextmanager
def _peak_of(pid: int) -> Iterator[list[float]]:
    """The most resident memory of a process group, MB, sampled ten times a second."""
    peak = [0.0]
    over = threading.Event()

    def sample() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], sum(_resident_mb(each) for each in _group(pid)))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _group(leader: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == leader:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if sys.platform != "linux":  # /proc and CLOCK_MONOTONIC across processes
    raise SystemExit("the peers are measured on Linux only")
