"""An anvil that writes every call it gets into a log, so that calls are counted without a proxy in the way."""

import contextlib
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from indexer.demo.anvil import find_anvil
from indexer.model.errors import RetryableError

START_SECONDS = 120.0
DUMP_SECONDS = 300.0
_CALL = re.compile(rb"^(?:eth|net|web3|debug|trace|anvil|evm)_\w+$")


@dataclass(frozen=True, slots=True)
class BenchNode:
    """A running node. `log` has one line for every call; `pid` is the node's own process."""

    url: str
    log: Path
    pid: int

    def ask(self, method: str, *params: object) -> Any:
        """One call; raises `RetryableError` with the node's words."""
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=600) as response:
            answer = orjson.loads(response.read())
        if "error" in answer:
            raise RetryableError(f"{method}: {answer['error']}")
        return answer["result"]

    def mark(self) -> int:
        """Where the log ends now: calls are counted from here."""
        return self.log.stat().st_size

    def calls_since(self, mark: int) -> Counter[str]:
        """Calls by method since a mark."""
        time.sleep(0.3)  # the node writes its log behind the answers
        with self.log.open("rb") as file:
            file.seek(mark)
            lines = (line.strip() for line in file)
            return Counter(line.decode() for line in lines if _CALL.match(line))


@contextlib.contextmanager
def run_node(folder: Path, extra: Sequence[str] = (), *, stop_seconds: float = 10.0) -> Iterator[BenchNode]:
    """Start anvil on a free loopback port with its log in `folder`; stop it whatever happens."""
    port = free_port()
    log = folder / "anvil.log"
    command = [
        str(find_anvil()),
        "--host", "127.0.0.1", "--port", str(port),
        "--no-request-size-limit", "--no-mining", "--order", "fifo",
        "--hardfork", "cancun", "--timestamp", "1700000000",
        "--slots-in-an-epoch", "1",
        *extra,
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        node = BenchNode(f"http://127.0.0.1:{port}", log, process.pid)
        _await(node, process)
        yield node
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(stop_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(node: BenchNode, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            node.ask("eth_chainId")
            return
        time.sleep(0.1)
    raise RetryableError(f"anvil did not start; see {node.log}")


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
