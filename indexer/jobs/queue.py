"""The port between what has to be done and who does it.

Work is level-triggered: a queue is never told what happened, it looks at what is due. Distributing the same
handlers over processes needs another `Queue`, not other handlers.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from indexer.model.stored import TargetKey


@dataclass(frozen=True, slots=True)
class Handlers:
    """The kinds of work. All may be run at any time, twice, or at the same time as themselves."""

    collect: Callable[[TargetKey], Awaitable[bool]]
    """Bring one target up to date."""
    sweep: Callable[[str, str], Awaitable[bool]]
    """Bring all targets of a chain and source up to date that are free and due."""
    follow: Callable[[str], Awaitable[bool]]
    """Bring a chain's head follower up to date."""
    refresh: Callable[[str], Awaitable[None]]
    """Derive one portfolio's links and book anew."""
    swept: Callable[[str], frozenset[str]]
    """The sources of a chain that are swept; targets of all others are collected one by one."""
    listeners: Sequence[Callable[[Callable[[], None]], Awaitable[None]]] = ()
    """Wait for what makes work due out of its time, and ring; while the queue runs for ever."""


class Queue(Protocol):
    """Runs what is due."""

    async def drain(self) -> int:
        """Run until nothing is due; returns how many jobs ran."""
        ...

    async def run(self) -> None:
        """Run for ever; ends when cancelled."""
        ...

    def wake(self) -> None:
        """Look again now: something may have become due."""
        ...
