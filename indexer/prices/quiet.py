"""Lets the garbage collector rest while a large answer is read from the cache."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 5_000
"""Quotes from which on it pays."""


@contextmanager
def collector_rests(expected: int) -> Iterator[None]:
    """Keep the collector from walking over quotes that are all going to stay.

    A hundred thousand new objects make it search every object of the process several times and find nothing:
    a third of the time that a warm answer takes. Only for stretches of seconds; with two at once the first to end
    lets it work again, which costs the other time and nothing else.
    """
    if expected < MANY or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
