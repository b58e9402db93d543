"""Fixtures of the price tests."""

import pytest

from indexer.prices.cache import MemoryQuoteCache
from tests.prices.world import TurnedClock, TurnedWaiter


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def waiter() -> TurnedWaiter:
    return TurnedWaiter()


@pytest.fixture
def cache() -> MemoryQuoteCache:
    return MemoryQuoteCache()
