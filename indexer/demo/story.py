"""Two years of one owner's life on two local chains, the same in every run."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import aiohttp

from indexer.demo.anvil import AnvilOptions, run_anvil
from indexer.demo.cast import cast_from
from indexer.demo.node import Node
from indexer.demo.opening import BLOCK, open_chain
from indexer.demo.plays import Wires, perform
from indexer.demo.prices import LISTINGS, START
from indexer.demo.script import NAMES, SPAM_SYMBOL, cues, ends
from indexer.demo.stage import Stage
from indexer.demo.world import DemoChain, DemoToken, DemoWorld, Scene
from indexer.model.errors import GleanerError

Progress = Callable[[str, int, int], None]
"""Called with (CAIP-2 id, acts done, acts in all)."""

T = TypeVar("T")

_CLOSING_BLOCKS = 3
"""Empty blocks at the end, so that everything told is final."""


@asynccontextmanager
async def demo_world(progress: Progress | None = None) -> AsyncIterator[DemoWorld]:
    """Start both chains, play the story, yield the world while the chains run on; stop them whatever happens.

    Raises `ConfigError` when anvil or the published builds are missing.
    """
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        stages: dict[int, Stage] = {}
        for chain_id in LISTINGS:
            options = AnvilOptions(
                chain_id=chain_id, genesis_time=int(START.timestamp()), automine=False, balance_ether=0
            )
            node = Node(await stack.enter_async_context(run_anvil(options)), session)
            stages[chain_id] = Stage(chain_id, node, cast_from(await node.ask("eth_accounts")))
        yield await _play(stages, progress or (lambda _chain, _done, _all: None))


async def _play(stages: dict[int, Stage], progress: Progress) -> DemoWorld:
    wires = Wires(stages)
    await _together(open_chain(stage) for stage in stages.values())
    played = await _together(_play_chain(stage, wires, progress) for stage in stages.values())
    scenes = sorted((scene for told in played for scene in told), key=lambda each: (each.time, each.chain))
    first = next(iter(stages.values()))
    return DemoWorld(
        chains=tuple(_finished(stage) for stage in stages.values()),
        wallets=first.cast.wallets,
        narrative=tuple(scenes),
        ends=ends() + _CLOSING_BLOCKS * BLOCK,
    )


async def _together(parts: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Run the chains side by side; the first error ends all of them and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(part) for part in parts]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def _play_chain(stage: Stage, wires: Wires, progress: Progress) -> list[Scene]:
    scenes: list[Scene] = []
    script = cues(stage.chain_id)
    for done, cue in enumerate(script, start=1):
        try:
            scenes += await perform(stage, wires, cue)
        except GleanerError as reason:
            reason.add_note(f"while playing {cue}")
            raise
        progress(f"eip155:{stage.chain_id}", done, len(script))
    for number in range(1, _CLOSING_BLOCKS + 1):
        await stage.mine(ends() + number * BLOCK)
    return scenes


def _finished(stage: Stage) -> DemoChain:
    tokens = [
        DemoToken(each.symbol, stage.contracts[each.symbol], each.decimals)
        for each in LISTINGS[stage.chain_id]
    ]
    tokens.append(DemoToken("USDC", stage.contracts["USDC"], stage.decimals["USDC"]))
    if SPAM_SYMBOL in stage.contracts:
        tokens.append(DemoToken(SPAM_SYMBOL, stage.contracts[SPAM_SYMBOL], 18, priced=False, spam=True))
    return DemoChain(
        caip2=f"eip155:{stage.chain_id}",
        name=NAMES[stage.chain_id],
        rpc_url=stage.node.url,
        weth=stage.contracts["WETH"],
        stable=stage.contracts["USDC"],
        factory=stage.contracts["factory"],
        router=stage.contracts["router"],
        spoke_pool=stage.contracts["spoke_pool"],
        tokens=tuple(tokens),
        blocks=stage.height,
        transactions=stage.sent,
    )
