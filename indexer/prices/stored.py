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
from indexer.prices.slots import Slot, past_bound


def to_store(slot: Slot, quote: PriceQuote) -> PriceQuote:
    """The form in which a source's answer is kept, with the rival that it has from another asset's price."""
    kept = replace(quote, instant=slot.instant, distance=quote.instant - slot.instant)
    return kept if quote.rival is None else replace(kept, rival=beside(kept, quote.rival))


def beside(quote: PriceQuote, rival: PriceQuote) -> PriceQuote:
    """A rival that a quote has from another asset's price: at the quote's own time and through the same asset."""
    return replace(quote, price=rival.price, source=rival.source, confidence=None, rival=None)


def from_store(quote: PriceQuote) -> PriceQuote:
    """A kept answer as its source gave it: its own time, and how far that is from the instant asked."""
    distance = quote.distance
    if not distance:
        return quote
    return PriceQuote(  # by position, since this runs for every lot of a portfolio: `replace` takes thrice as long
        quote.asset,
        quote.currency,
        quote.instant + distance,
        quote.price,
        quote.source,
        abs(distance),
        quote.confidence,
        quote.via,
        None if quote.rival is None else from_store(quote.rival),
    )


async def stored_answers(
    cache: QuoteCache, slots: Collection[Slot], rank: Mapping[str, int], policy: PricePolicy
) -> dict[Slot, PriceQuote | list[PriceQuote]]:
    """Kept answers by slot: one quote, or several with the most trusted source first.

    Only the user's own quotes answer a live slot. Most slots have one quote, and a list for each would double the
    garbage collector's work on a large portfolio.
    """
    by_need = {need_of(slot): slot for slot in slots}
    loaded = await cache.load(list(by_need), policy.within)
    bound = past_bound(policy)
    answers: dict[Slot, PriceQuote | list[PriceQuote]] = {}
    for need, quotes in loaded.items():
        slot = by_need[need]
        for quote in quotes:
            if quote.source not in rank:
                continue
            if quote.source == USER:
                usable = replace(quote, distance=abs(quote.instant - slot.instant))
            elif quote.instant == slot.instant and not slot.live and abs(quote.distance) <= bound:
                usable = from_store(quote)
            else:
                continue
            earlier = answers.get(slot)
            if earlier is None:
                answers[slot] = usable
            else:
                several = earlier if isinstance(earlier, list) else [earlier]
                answers[slot] = sorted([*several, usable], key=lambda each: rank[each.source])
    return answers


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
