"""The whole service on each source of native history: reorgs, wallets that come later, and the proof at the end."""

from pathlib import Path
from random import Random

import pytest

from indexer.chains.evm import choice
from indexer.flows.wallets import register_wallet
from indexer.jobs.worker import open_queue
from indexer.model.stored import PROVE
from indexer.wiring import App
from tests.chains.changing_of import native_history, reading, swept, twisted, without
from tests.chains.clock import FixedClock
from tests.chains.node import LocalNode, spec_of
from tests.chains.proxy import Twist, honest
from tests.chains.transfers_index import indexed
from tests.fixtures.anvil import StartAnvil
from tests.flows.world import PORTFOLIO, ledger_of, opened_chain

CHAIN = "eip155:31337"


async def collected(app: App) -> None:
    """Let everything be due until nothing moves, then the proof."""
    for source in (None, None, PROVE):
        async with app.services.ledger.write() as work:
            await work.targets.poke(CHAIN, None, FixedClock().now(), source)
        await open_queue(app).drain()


async def check(app: App, node: LocalNode, people: list[str], source: str) -> None:
    """The ledger is what whole blocks tell, and what the node holds."""
    async with app.services.ledger.read() as work:
        sources = {target.key.source for target in await work.targets.of(people)}
        gaps = await work.facts.gaps(people)
        sums = {who: await work.facts.sums(who, CHAIN) for who in people}
    assert source in sources
    assert gaps == ()
    async with reading(node.url) as reader:
        coin = reader.spec.native_id
        truth = await swept(reader, "blocks", frozenset(people))
    ours = {t.key: t for t in await ledger_of(app)}
    twice = {t.tx for t in truth.transfers.values() if t.position.endswith(":1")}
    odd = {
        key for key in ours.keys() ^ truth.transfers.keys() if source == "trace_filter" or key[1] not in twice
    }
    assert odd == set()
    for who in people:
        assert sums[who][coin] == int(await node.ask("eth_getBalance", who, "latest"), 16)


@pytest.mark.parametrize("source", ["trace_filter", "bisect", "alchemy"])
async def test_a_wallet_is_whole_whatever_tells_of_it(
    anvil: StartAnvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setattr(choice, "SHORT_BLOCKS", 1)
    monkeypatch.setattr(choice, "WALKABLE_BLOCKS", 1)
    node = await LocalNode(await anvil()).ready()
    people = sorted(await native_history(node, Random(31), 20))
    twist: Twist = honest
    if source == "bisect":
        twist = without("trace_", "debug_")
    elif source == "alchemy":
        twist = (await indexed(node)).twist
    url = f"sqlite:///{tmp_path}/ledger.db"
    async with twisted(node.url, twist) as middle:
        spec = spec_of(middle.url)
        async with opened_chain(spec, url, FixedClock()) as app:
            for who in people[:2]:
                await register_wallet(app.services, PORTFOLIO, who, (CHAIN,))
            await collected(app)
            await check(app, node, people[:2], source)
            await node.ask("anvil_reorg", 3, [])
            await native_history(node, Random(32), 8)
            await node.ask("anvil_mine", "0x2")
            if source == "alchemy":
                middle.twist = (await indexed(node)).twist
            await register_wallet(app.services, PORTFOLIO, people[2], (CHAIN,))
            for _ in range(3):
                await collected(app)
            await check(app, node, people[:3], source)
