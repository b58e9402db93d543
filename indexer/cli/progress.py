"""One progress bar per chain on stderr, fed by the pages that are committed."""

from collections import defaultdict
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from indexer.cli.root import stderr
from indexer.flows.progress import Progress as Page
from indexer.model.stored import TargetKey


class ChainBars:
    """A bar shows the mean progress of its chain's targets, and how many transfers they brought."""

    def __init__(self, what: str) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=32),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=stderr,
        )
        self._what = what
        self._tasks: dict[str, TaskID] = {}
        self._shares: dict[str, dict[TargetKey, float]] = defaultdict(dict)
        self._found: dict[str, int] = defaultdict(int)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the bars as they are and draw no more."""
        self._bars.stop()

    def step(self, chain: str, done: float, total: float, note: str = "") -> None:
        """Set a chain's bar."""
        if chain not in self._tasks:
            self._tasks[chain] = self._bars.add_task(chain, total=1.0, note="")
        share = min(1.0, done / total) if total else 1.0
        self._bars.update(self._tasks[chain], completed=share, note=note or self._what)

    def page(self, page: Page) -> None:
        """Take in a committed page."""
        chain = page.key.chain
        self._found[chain] += page.new
        self._shares[chain][page.key] = min(1.0, page.covered_to / page.target) if page.target else 1.0
        shares = self._shares[chain].values()
        self.step(chain, sum(shares), len(shares), f"{self._what}: {self._found[chain]} transfers")
