"""Asking contracts for many needs side by side: what the sources that read chains share."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from indexer.model.asset import Asset
from indexer.model.errors import GleanerError
from indexer.model.ports import ChainReader
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.prices.batches import failed
from indexer.prices.context import SourceContext
from indexer.prices.moments import Moment, Moments

AT_ONCE = 8
"""Needs that are looked up at the same time; each makes a few calls."""

Look = Callable[[PriceNeed, Asset, Moment], Awaitable[PriceQuote | None]]


async def look_up(
    context: SourceContext,
    wanted: Mapping[PriceNeed, tuple[Asset, ChainReader]],
    look: Look,
) -> Mapping[PriceNeed, PriceResult]:
    """Answer each need at the block of its instant; one that fails says why and stops no other."""
    answers: dict[PriceNeed, PriceResult] = {}
    gate = asyncio.Semaphore(AT_ONCE)
    moments: dict[str, Moments] = {}

    async def one(need: PriceNeed, asset: Asset, of_chain: Moments) -> None:
        async with gate:
            try:
                moment = await of_chain.of(need.instant)
                answer = None if moment is None else await look(need, asset, moment)
            except GleanerError as error:
                answers[need] = failed(need, error)
                return
        if answer is not None:
            answers[need] = answer

    async with asyncio.TaskGroup() as group:
        for need, (asset, reader) in wanted.items():
            chain = reader.spec.id
            if chain not in moments:
                moments[chain] = Moments(context, reader)
            group.create_task(one(need, asset, moments[chain]))
    return answers


def assets_on(
    needs: Sequence[PriceNeed], assets: Mapping[str, Asset], readers: Mapping[str, ChainReader]
) -> dict[PriceNeed, tuple[Asset, ChainReader]]:
    """The needs whose asset lives on a chain that can be read."""
    found = {}
    for need in needs:
        asset = assets[need.asset]
        if asset.chain in readers:
            found[need] = (asset, readers[asset.chain])
    return found
