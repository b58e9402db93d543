"""Which blocks touch which address, for the stretch of a chain that has been read once (pure, in memory).

Whoever is collected after the first address reads only the blocks that concern it.
"""

from bisect import bisect_left
from collections.abc import Iterable

MAX_ENTRIES = 2_000_000
"""(address, block) pairs kept: some hundred megabytes at most, whatever the chain."""


class TouchedBlocks:
    """A contiguous stretch of blocks, each with its hash and the addresses in it."""

    def __init__(self) -> None:
        self.first, self.last = 0, -1
        self._hashes: list[str] = []
        self._blocks_of: dict[str, list[int]] = {}
        self._entries = 0

    def covers(self, number: int) -> bool:
        """Whether a block belongs to the stretch."""
        return self.first <= number <= self.last

    def hash_of(self, number: int) -> str:
        """Hash of a block of the stretch."""
        return self._hashes[number - self.first]

    def add(self, number: int, block_hash: str, parent: str, addresses: Iterable[str]) -> bool:
        """Append the next block; False when it does not join the stretch or memory is used up."""
        if not self._hashes:
            self.first = number
        elif number != self.last + 1 or parent != self._hashes[-1] or self._entries >= MAX_ENTRIES:
            return False
        self._hashes.append(block_hash)
        self.last = number
        for address in addresses:
            self._blocks_of.setdefault(address, []).append(number)
            self._entries += 1
        return True

    def blocks_of(self, address: str, first: int, last: int, limit: int) -> list[int]:
        """Blocks between `first` and `last` that touch an address, at most `limit` of them, ascending."""
        numbers = self._blocks_of.get(address, [])
        start = bisect_left(numbers, first)
        return [number for number in numbers[start : start + limit] if number <= last]

    def forget(self) -> None:
        """Start anew: the chain was reorganised inside the stretch."""
        self.first, self.last, self._entries = 0, -1, 0
        self._hashes, self._blocks_of = [], {}
