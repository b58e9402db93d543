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

Trades = Callable[[Asset], Awaitable[bool]]
"""Whether a source can say anything of an asset at all: asked once for each, before blocks are looked for."""

Look = Callable[[PriceNeed, Asset, Moment], Awaitable[PriceQuote | None]]


async def look_up(
    name: str,
    context: SourceContext,
    wanted: Mapping[PriceNeed, tuple[Asset, ChainReader]],
    look: Look,
    trades: Trades | None = None,
) -> Mapping[PriceNeed, PriceResult]:
    """Answer each need at the block of its instant; one that fails says why and stops no other."""
    answers: dict[PriceNeed, PriceResult] = {}
    gate = asyncio.Semaphore(AT_ONCE)
    moments: dict[str, Moments] = {}
    patience = context.patience(name)
    if trades is not None:
        wanted = await _traded(wanted, trades, answers)

    async def one(need: PriceNeed, asset: Asset, of_chain: Moments) -> None:
        async with gate:
            try:
                patience.check()
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


async def _traded(
    wanted: Mapping[PriceNeed, tuple[Asset, ChainReader]],
    trades: Trades,
    answers: dict[PriceNeed, PriceResult],
) -> dict[PriceNeed, tuple[Asset, ChainReader]]:
    """The needs whose asset the source knows; those it could not find out about get the reason."""
    gate = asyncio.Semaphore(AT_ONCE)
    known: dict[str, bool | GleanerError] = {}

    async def one(asset: Asset) -> None:
        async with gate:
            try:
                known[asset.id] = await trades(asset)
            except GleanerError as error:
                known[asset.id] = error

    async with asyncio.TaskGroup() as group:
        for asset in {asset.id: asset for asset, _ in wanted.values()}.values():
            group.create_task(one(asset))
    left = {}
    for need, (asset, reader) in wanted.items():
        verdict = known[asset.id]
        if isinstance(verdict, GleanerError):
            answers[need] = failed(need, verdict)
        elif verdict:
            left[need] = (asset, reader)
    return left


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
