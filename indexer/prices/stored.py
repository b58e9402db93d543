"""Quotes on their way into the cache and back.

In the cache a quote stands under the instant that was asked, its distance signed, so that asking again finds
exactly the answer that was given before: what a book is made of does not depend on what else was asked since.
The user's own quotes stand under their own instant and count for every instant within the bound.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from indexer.model.prices import PriceNeed, PricePolicy, PriceQuote, QuoteCache
from indexer.prices.asking import need_of
from indexer.prices.settings import USER
from indexer.prices.slots import Slot, bound_of


def to_store(slot: Slot, quote: PriceQuote) -> PriceQuote:
    """The form in which a source's answer is kept."""
    return replace(quote, instant=slot.instant, distance=quote.instant - slot.instant, rival=None)


def from_store(quote: PriceQuote) -> PriceQuote:
    """A kept answer with the source's own time again; its distance is still signed."""
    return replace(quote, instant=quote.instant + quote.distance)


async def stored_answers(
    cache: QuoteCache, slots: Collection[Slot], rank: Mapping[str, int], policy: PricePolicy
) -> dict[Slot, list[PriceQuote]]:
    """Kept answers by slot, the most trusted source first. Only the user's own quotes answer a live slot."""
    by_need = {need_of(slot): slot for slot in slots}
    loaded = await cache.load(list(by_need), policy.within)
    answers = {}
    for need, quotes in loaded.items():
        slot = by_need[need]
        ranked = sorted((quote for quote in quotes if quote.source in rank), key=lambda q: rank[q.source])
        bound = bound_of(slot, policy)
        usable = [answer for quote in ranked if (answer := _usable(quote, slot, bound)) is not None]
        if usable:
            answers[slot] = usable
    return answers


def _usable(quote: PriceQuote, slot: Slot, bound: timedelta) -> PriceQuote | None:
    """The quote as an answer to the slot, None when it answers another one."""
    if quote.source == USER:
        return replace(quote, distance=quote.instant - slot.instant)
    if slot.live or quote.instant != slot.instant or abs(quote.distance) > bound:
        return None
    return from_store(quote)


async def own_quotes(
    cache: QuoteCache, needs: Iterable[PriceNeed], within: timedelta
) -> dict[PriceNeed, PriceQuote]:
    """The user's quotes that were given in the very currency that is needed."""
    loaded = await cache.load(list(needs), within)
    own = {}
    for need, quotes in loaded.items():
        for quote in quotes:
            if quote.source == USER:
                own[need] = replace(quote, distance=abs(quote.instant - need.instant))
    return own
