"""What one measurement found, and how a child process that is measured is run."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@dataclass(frozen=True, slots=True)
class Measure:
    """Seconds from the first request to the last commit; `rows` that were kept; peak memory of the process.

    `finished_seconds` is when everything was derived and proven too, where the measured one does that, and `finished_mb`
    the peak memory then.
    `processor_seconds` is what the process itself worked, where that is the point. `beside_seconds` are those of what it
    is compared with, measured in turn with it.
    """

    seconds: float
    rows: int
    peak_mb: float
    finished_seconds: float | None = None
    finished_mb: float | None = None
    processor_seconds: float | None = None
    beside_seconds: float | None = None
    beside_processor_seconds: float | None = None
    note: str = ""

    def to_json(self) -> str:
        """The line a child prints last."""
        return orjson.dumps(asdict(self)).decode()


def peak_mb() -> float:
    """The most memory this process has held, MB. The kernel's figure for getrusage would be that of our parent, if more."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1e3


def run_child(
    module: str, arguments: dict[str, Any], *, limit_seconds: float, python: str = sys.executable
) -> Measure | str:
    """Run a module of this package by itself; its `Measure`, or in words why there is none."""
    command = [python, str(HERE / f"{module}.py"), orjson.dumps(arguments).decode()]
    return run_command(command, limit_seconds=limit_seconds)


def run_command(command: Sequence[str], *, limit_seconds: float) -> Measure | str:
    """Run a command that prints a `Measure` as its last line."""
    environment = {**os.environ, "PYTHONPATH": f"{HERE.parent}:{ROOT}"}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"not done after {limit_seconds:.0f} s"
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    lines = output.strip().splitlines()
    if process.returncode or not lines:
        return f"failed: {(errors.strip().splitlines() or ['no word'])[-1][:300]}"
    return Measure(**orjson.loads(lines[-1]))
