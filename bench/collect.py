"""How fast the collector is beside the wire's own limit and two other indexers, on a local chain built once.

    .venv/bin/python bench/collect.py [--quick] [--json] [--only NAME ...]

Times run from the first request to the last commit; interpreter start and migrations are left out on every side.
Calls are counted from the node's own log. `docs/benchmarks.md` holds the figures and how to read them.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

from collecting import peers
from collecting.chain import BenchChain, open_chain, serve_chain
from collecting.measure import Measure, run_child
from collecting.node import BenchNode

from tests.fixtures.database import PostgresServer
from tests.fixtures.postgresql import running_postgresql

FOLLOWED_BLOCKS = 60
IN_TURN = (
    ("wire, all logs", "ours, all logs, SQLite", "ours, all logs, PostgreSQL"),
    ("wire, watched logs", "ours, watched logs, SQLite", "ours, watched logs, PostgreSQL"),
)
"""Measurements of seconds that are compared: in turn, `TIMES` times, since a machine's speed wanders. The medians are told."""
TIMES = 3
_TOGETHER = {name: group for group in IN_TURN for name in group}

Measured = Callable[[bool], Measure | str]
"""Measures, and does what comes after if told to."""


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement, or in words why there is none."""

    name: str
    measure: Measure | None
    calls: Mapping[str, int]
    absent: str = ""


class Bench:
    """All measurements over one running node and one PostgreSQL server."""

    def __init__(
        self, chain: BenchChain, node: BenchNode, server: PostgresServer, limit_seconds: float
    ) -> None:
        self._chain = chain
        self._node = node
        self._server = server
        self._limit = limit_seconds
        self._databases: list[str] = []

    def measurements(self) -> dict[str, Measured]:
        """By name, in the order they are run."""
        watched, everyone = list(self._chain.watched), list(self._chain.holders)
        return {
            "wire, all logs": lambda _: self._wire(None),
            "wire, watched logs": lambda _: self._wire(watched),
            "ours, watched logs, SQLite": partial(self._ours, watched, "logs", "sqlite"),
            "ours, watched logs, PostgreSQL": partial(self._ours, watched, "logs", "postgresql"),
            "ours, watched history, SQLite": partial(self._ours, watched, None, "sqlite"),
            "ours, watched history, PostgreSQL": partial(self._ours, watched, None, "postgresql"),
            "ours, all logs, SQLite": partial(self._ours, everyone, "logs", "sqlite"),
            "ours, all logs, PostgreSQL": partial(self._ours, everyone, "logs", "postgresql"),
            "ponder, watched logs, PostgreSQL": lambda _: self._ponder(watched=True),
            "ponder, all logs, PostgreSQL": lambda _: self._ponder(watched=False),
            "cryo, all logs, parquet": lambda _: peers.cryo(
                self._chain, self._node, limit_seconds=self._limit
            ),
            # last: they mine further blocks
            "follower, 50,000 wallets beside 10, SQLite": lambda _: self._follower("sqlite"),
            "follower, 50,000 wallets beside 10, PostgreSQL": lambda _: self._follower("postgresql"),
        }

    def run(self, names: Sequence[str]) -> Iterator[Line]:
        """Measure these, in turn where one of them is compared, and count the calls."""
        measured = self.measurements()
        rounds = [
            [self._once(name, measured[name], whole=number == 0) for name in names]
            for number in range(TIMES if names[0] in _TOGETHER else 1)
        ]
        yield from map(_median, zip(*rounds, strict=True))

    def _once(self, name: str, measured: Measured, *, whole: bool) -> Line:
        mark = self._node.mark()
        found = measured(whole)
        calls = dict(self._node.calls_since(mark).most_common())
        if isinstance(found, str):
            return Line(name, None, calls, found)
        return Line(name, found, calls)

    def _wire(self, addresses: list[str] | None) -> Measure | str:
        asked = {
            "url": self._node.url,
            "head": self._chain.head,
            "token": self._chain.token,
            "watched": addresses,
        }
        return run_child("wire", asked, limit_seconds=self._limit)

    def _ours(self, addresses: list[str], source: str | None, backend: str, whole: bool) -> Measure | str:
        with self._database(backend) as url:
            asked = {"url": self._node.url, "addresses": addresses, "source": source, "database": url}
            return run_child("ours", {**asked, "whole": whole}, limit_seconds=self._limit)

    def _follower(self, backend: str) -> Measure | str:
        with self._database(backend) as many, self._database(backend) as few:
            asked = {
                "url": self._node.url,
                "token": self._chain.token,
                "databases": [(50_000, many), (10, few)],
                "blocks": FOLLOWED_BLOCKS,
            }
            return run_child("follower", asked, limit_seconds=self._limit)

    def _ponder(self, *, watched: bool) -> Measure | str:
        with self._server.database(migrated=False) as url:
            return peers.ponder(self._chain, self._node, url, watched=watched, limit_seconds=self._limit)

    @contextmanager
    def _database(self, backend: str) -> Iterator[str]:
        if backend == "postgresql":
            with self._server.database(migrated=False) as url:
                yield url
            return
        with tempfile.TemporaryDirectory(prefix="gleaner-bench-") as folder:
            yield f"sqlite:///{folder}/ledger.db"


def main() -> None:
    """Build the chain where it is missing, measure, print."""
    # the servers are stopped on the way out
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    arguments = _arguments()
    chain = open_chain(quick=arguments.quick)
    with ExitStack() as stack:
        node = stack.enter_context(serve_chain(chain))
        server = PostgresServer(stack.enter_context(running_postgresql()))
        stack.callback(server.close)
        bench = Bench(chain, node, server, arguments.limit)
        lines = []
        for names in _groups(bench.measurements(), arguments.only):
            for line in bench.run(names):
                lines.append(line)
                if not arguments.json:
                    print(_told(line), flush=True)
    ratios = _ratios({line.name: line for line in lines})
    if arguments.json:
        print(json.dumps(_document(chain, lines, ratios), indent=1))
        return
    for name, value in ratios.items():
        print(f"{name}: {value:.2f}")


def _groups(names: Iterable[str], only: Sequence[str]) -> list[list[str]]:
    """What is asked for, those together that are measured in turn."""
    chosen = [name for name in names if not only or any(part in name for part in only)]
    groups = {_TOGETHER.get(name, (name,)): None for name in chosen}
    return [[name for name in group if name in chosen] for group in groups]


def _median(lines: Sequence[Line]) -> Line:
    """The one in the middle of several measurements, with what the first one alone has done to the end."""
    times = sorted((line.measure.seconds, place) for place, line in enumerate(lines) if line.measure)
    if len(times) < len(lines) or len(lines) == 1:
        return next((line for line in lines if not line.measure), lines[0])
    median, first = lines[times[len(times) // 2][1]], lines[0].measure
    assert median.measure is not None
    assert first is not None
    spread = f"median of {len(lines)}: {times[0][0]:.2f} to {times[-1][0]:.2f} s"
    found = replace(
        median.measure,
        finished_seconds=first.finished_seconds,
        finished_mb=first.finished_mb,
        note=f"{spread}; {median.measure.note}".removesuffix("; "),
    )
    return replace(lines[0], measure=found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a chain of 3,000 blocks instead of 30,000")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of text")
    parser.add_argument("--only", nargs="*", default=[], help="measurements whose name contains one of these")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds after which one is given up")
    return parser.parse_args()


def _told(line: Line) -> str:
    if line.measure is None:
        return f"{line.name}: {line.absent}"
    found = line.measure
    booked = f", proven and booked after {found.finished_seconds:.2f} s" if found.finished_seconds else ""
    proven = f"{booked} with {found.finished_mb:.0f} MB" if found.finished_mb else booked
    beside = f" beside {found.beside_seconds:.2f} s" if found.beside_seconds else ""
    note = f" ({found.note})" if found.note else ""
    return (
        f"{line.name}: {found.seconds:.2f} s{beside}{proven}, {found.rows:,} rows, {sum(line.calls.values()):,} calls, "
        f"{found.peak_mb:.0f} MB{note}"
    )


def _ratios(lines: Mapping[str, Line]) -> dict[str, float]:
    """What the targets are about; only those whose both sides were measured."""
    pairs = {
        "ponder's watched logs / ours (target at least 15)": (
            "ponder, watched logs, PostgreSQL", "ours, watched logs, PostgreSQL",
        ),
        "ponder's watched logs / our whole history (target above 1)": (
            "ponder, watched logs, PostgreSQL", "ours, watched history, PostgreSQL",
        ),
        "our all logs on SQLite / the wire (target at most 3)": ("ours, all logs, SQLite", "wire, all logs"),
        "our all logs on PostgreSQL / the wire (target at most 2.5)": (
            "ours, all logs, PostgreSQL", "wire, all logs",
        ),
        "our watched logs on SQLite / the wire": ("ours, watched logs, SQLite", "wire, watched logs"),
    }  # fmt: skip
    found = {}
    for name, (above, below) in pairs.items():
        one, other = lines.get(above), lines.get(below)
        if one and other and one.measure and other.measure:
            found[name] = one.measure.seconds / other.measure.seconds
    for backend in ("SQLite", "PostgreSQL"):
        line = lines.get(f"follower, 50,000 wallets beside 10, {backend}")
        if line and (both := line.measure) and both.beside_seconds:
            name = f"a block for 50,000 wallets / for 10, {backend}"
            found[f"{name} (target at most 1.3)"] = both.seconds / both.beside_seconds
            if both.processor_seconds and both.beside_processor_seconds:
                found[f"{name}, processor time"] = both.processor_seconds / both.beside_processor_seconds
    return found


def _document(chain: BenchChain, lines: list[Line], ratios: Mapping[str, float]) -> dict[str, Any]:
    return {
        "chain": {
            "blocks": chain.head,
            "transfer_logs": chain.logs,
            "watched_addresses": len(chain.watched),
            "watched_logs": chain.watched_logs,
            "native": chain.native,
            "internal": chain.internal,
        },
        "processors": os.cpu_count(),
        "measurements": [asdict(line) for line in lines],
        "ratios": ratios,
    }


if __name__ == "__main__":
    main()
