"""Seeds in the default suite, few rounds each, every seed another history. More of them: `pytest -m long`.

`GLEANER_SEEDS` chooses the seeds of the long run: `17` is one (as a failure names it), `1-2000` a range.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.play import simulate

FOUND = (30, 40, 63)
"""Seeds that have found what no other test had: forks that were placed too high, or hidden."""
SEEDS = (*range(1, 26), *FOUND)
LONG_SEEDS = "26-225"


def chosen_seeds() -> range:
    """The seeds of the long run."""
    first, _, last = os.environ.get("GLEANER_SEEDS", LONG_SEEDS).partition("-")
    return range(int(first), int(last or first) + 1)


def backend_of(seed: int) -> str:
    """Every fifth seed runs on PostgreSQL."""
    return "postgresql" if seed % 5 == 0 else "sqlite"


@pytest.mark.parametrize("seed", SEEDS)
async def test_ledger_equals_a_fresh_index_and_the_nodes_balances(
    seed: int, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    await simulate(seed, backend_of(seed), tmp_path, new_database)


@pytest.mark.long
async def test_so_do_many_more_seeds(tmp_path: Path, new_database: Callable[[str], str]) -> None:
    """Prints what all seeds together did; a failure names its seed and the others still run."""
    counts: Counter[str] = Counter()
    failures = []
    for seed in chosen_seeds():
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            run = await simulate(seed, backend_of(seed), folder, new_database)
        except AssertionError as failure:
            failures.append(str(failure))
            print(failure, flush=True)  # noqa: T201 - the run takes hours, and its findings are wanted before
        else:
            counts.update(run.counts)
    print(dict(counts))  # noqa: T201 - the figures of the note
    assert not failures, f"{len(failures)} of {len(chosen_seeds())} seeds failed:\n" + "\n".join(failures)
