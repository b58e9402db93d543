"""A local chain with a dozen token transfers, an hour of blocks between them."""

from dataclasses import dataclass

from tests.chains.node import Book, LocalNode


@dataclass(slots=True)
class World:
    node: LocalNode
    token: str
    me: str
    truth: Book
