"""What collecting says while it works."""

from collections.abc import Callable
from dataclasses import dataclass

from indexer.model.stored import TargetKey


@dataclass(frozen=True, slots=True)
class Progress:
    """Said after every commit: `covered_to` of `target` blocks, `new` transfers in it."""

    key: TargetKey
    covered_to: int
    target: int
    new: int


OnProgress = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """The listener of those who do not watch."""
