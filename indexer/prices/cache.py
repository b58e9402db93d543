"""The quote cache in memory: shipped beside the port, for tests and for runs that keep nothing."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from datetime import datetime, timedelta

from indexer.model.prices import PriceNeed, PriceQuote


class MemoryQuoteCache:
    """Implements `indexer.model.prices.QuoteCache`; forgets everything when the process ends."""

    def __init__(self) -> None:
        self._instants: dict[tuple[str, str], dict[str, list[datetime]]] = {}
        self._quotes: dict[tuple[str, str, str, datetime], PriceQuote] = {}

    def __len__(self) -> int:
        return len(self._quotes)

    async def load(self, needs: Sequence[PriceNeed], within: timedelta) -> dict[PriceNeed, list[PriceQuote]]:
        """Stored quotes within the bound of each need: at most the nearest of each source."""
        found: dict[PriceNeed, list[PriceQuote]] = {}
        for need in needs:
            sources = self._instants.get((need.asset, need.currency))
            if sources is None:
                continue
            near = []
            for source, instants in sources.items():
                instant = _nearest(instants, need.instant)
                if abs(instant - need.instant) <= within:
                    near.append(self._quotes[need.asset, need.currency, source, instant])
            if near:
                found[need] = near
        return found

    async def save(self, quotes: Sequence[PriceQuote]) -> None:
        """Keep quotes; one of the same (asset, currency, instant, source) is replaced."""
        for quote in quotes:
            key = (quote.asset, quote.currency, quote.source, quote.instant)
            if key not in self._quotes:
                sources = self._instants.setdefault((quote.asset, quote.currency), {})
                insort(sources.setdefault(quote.source, []), quote.instant)
            self._quotes[key] = quote


def _nearest(instants: list[datetime], wanted: datetime) -> datetime:
    """The instant of a sorted, non-empty list that is nearest; the earlier one of two equally near."""
    at = bisect_left(instants, wanted)
    if at == 0:
        return instants[0]
    if at == len(instants):
        return instants[-1]
    before, after = instants[at - 1], instants[at]
    return after if after - wanted < wanted - before else before
