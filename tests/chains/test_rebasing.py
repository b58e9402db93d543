"""Tokens whose balances change without transfers: what they gave is a fact, found at the proof."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from indexer.chains.evm.decode import ZERO
from indexer.chains.evm.rebasing import Span, quiet
from indexer.flows.wallets import register_wallet
from indexer.jobs.worker import open_queue
from indexer.model.asset import AssetKind, token_id
from indexer.model.facts import GapCode, Transfer
from indexer.model.stored import PROVE
from indexer.wiring import App
from tests.chains.changing_of import call, deploy, twisted
from tests.chains.clock import FixedClock
from tests.chains.node import LocalNode, spec_of
from tests.fixtures.anvil import StartAnvil
from tests.flows.world import PORTFOLIO, opened_chain

CHAIN = "eip155:31337"
MONTH_SECONDS = 30 * 24 * 3600


@dataclass(slots=True)
class Stage:
    """A node with a rebasing token that `me` and another hold."""

    node: LocalNode
    me: str
    other: str
    token: str

    @property
    def asset(self) -> str:
        return token_id(CHAIN, AssetKind.ERC20, self.token)

    async def do(self, signature: str, *arguments: object, sender: str = "") -> int:
        """Call the token; returns the block."""
        await call(self.node, sender or self.node.accounts[0], self.token, signature, *arguments)
        return int(await self.node.ask("eth_blockNumber"), 16)

    async def balance(self) -> int:
        data = "0x70a08231" + self.me[2:].rjust(64, "0")
        return int(await self.node.ask("eth_call", {"to": self.token, "data": data}, "latest"), 16)


async def stage(anvil: StartAnvil, *, tells: bool = True) -> Stage:
    node = await LocalNode(await anvil()).ready()
    me, other = node.accounts[1:3]
    token = await deploy(node, "Rebasing", ["bool"], tells)
    made = Stage(node, me, other, token)
    await made.do("mint(address,uint256)", me, 1_000_000)
    await made.do("mint(address,uint256)", other, 3_000_000)
    return made


@asynccontextmanager
async def service(url: str, me: str, folder: Path, **changes: Any) -> AsyncIterator[App]:
    async with opened_chain(spec_of(url, **changes), f"sqlite:///{folder}/ledger.db", FixedClock()) as app:
        await register_wallet(app.services, PORTFOLIO, me, (CHAIN,))
        await open_queue(app).drain()
        yield app


async def again(app: App) -> None:
    """Let everything be due and collect it; then the proof, which only a day brings otherwise."""
    for source in (None, PROVE):
        async with app.services.ledger.write() as work:
            await work.targets.poke(CHAIN, None, FixedClock().now(), source)
        await open_queue(app).drain()


async def told(app: App) -> list[Transfer]:
    """Facts about rebases, oldest first."""
    async with app.services.ledger.read() as work:
        facts = [transfer async for transfer in work.facts.stream(PORTFOLIO)]
    return [fact for fact in facts if fact.tx.startswith("rebase:")]


async def held(app: App, scene: Stage) -> tuple[int, list[GapCode]]:
    """What the ledger says of the token, and the gaps of its holder about it."""
    async with app.services.ledger.read() as work:
        sums = await work.facts.sums(scene.me, CHAIN)
        gaps = [gap.code for gap in await work.facts.gaps([scene.me]) if gap.subject == scene.asset]
    return sums.get(scene.asset, 0), gaps


def test_quiet_spans_lie_between_moves() -> None:
    moves = ((5, 1), (6, -1), (20, 7), (40, 1))
    assert quiet(moves, 30) == [Span(6, 19), Span(20, 30)]
    assert quiet(moves, 20) == [Span(6, 19)]
    assert quiet(moves, 4) == []
    assert quiet((), 4) == []


@pytest.mark.parametrize("tells", [True, False])
async def test_what_a_rebase_gives_and_takes_is_told_once(
    anvil: StartAnvil, tmp_path: Path, *, tells: bool
) -> None:
    """Shares that stay betray it; without them, that everyone's balance moves by the factor of the supply."""
    scene = await stage(anvil, tells=tells)
    await scene.node.ask("anvil_mine", hex(20))
    await scene.do("rebase(uint256)", 4_400_000)
    await scene.node.ask("anvil_mine", hex(20))
    async with service(scene.node.url, scene.me, tmp_path) as app:
        (gain,) = await told(app)
        assert (gain.sender, gain.recipient, gain.amount) == (ZERO, scene.me, 100_000)
        assert gain.tx == f"rebase:{scene.token}:{gain.block.number}:{scene.me}"
        assert await held(app, scene) == (await scene.balance(), [])
        await again(app)
        assert await told(app) == [gain]
        await scene.do("rebase(uint256)", 2_200_000)
        await scene.node.ask("anvil_mine", "0x5")
        await again(app)
        _, loss = await told(app)
        assert (loss.sender, loss.recipient, loss.amount) == (scene.me, ZERO, 550_000)
        assert await held(app, scene) == (await scene.balance(), [])


async def test_nothing_leaves_before_it_came_and_every_month_has_its_own(
    anvil: StartAnvil, tmp_path: Path
) -> None:
    scene = await stage(anvil)
    for supply in (4_040_000, 4_080_000, 4_120_000):
        await scene.do("rebase(uint256)", supply)
        await scene.node.ask("anvil_mine", "0x2", hex(MONTH_SECONDS // 2))
    sent = await scene.do("transfer(address,uint256)", scene.other, 1_030_000, sender=scene.me)
    await scene.node.ask("anvil_mine", "0x5")
    assert await scene.balance() <= 1
    async with service(scene.node.url, scene.me, tmp_path) as app:
        gains = await told(app)
        assert sum(t.amount * (1 if t.recipient == scene.me else -1) for t in gains) == 30_000 + (
            await scene.balance()
        )
        assert len({(t.block.time.year, t.block.time.month) for t in gains}) >= 3
        assert sum(t.amount for t in gains if t.block.number < sent) == 30_000
        assert await held(app, scene) == (await scene.balance(), [])


async def test_a_reorg_takes_a_rebase_back(anvil: StartAnvil, tmp_path: Path) -> None:
    scene = await stage(anvil)
    await scene.node.ask("anvil_mine", hex(12))
    await scene.do("rebase(uint256)", 4_400_000)
    await scene.node.ask("anvil_mine", "0x2")
    async with service(scene.node.url, scene.me, tmp_path) as app:
        assert len(await told(app)) == 1
        await scene.node.ask("anvil_reorg", 4, [])  # the rebase is not on the branch that wins
        await scene.node.ask("anvil_mine", "0x3")
        for _ in range(3):
            await again(app)
        assert await scene.balance() == 1_000_000
        assert await told(app) == []
        assert await held(app, scene) == (1_000_000, [])


async def test_other_differences_stay_gaps(anvil: StartAnvil, tmp_path: Path) -> None:
    """A token that mints without a log is none of these."""
    node = await LocalNode(await anvil()).ready()
    me, other = node.accounts[1:3]
    token = await deploy(node, "Crooked")
    scene = Stage(node, me, other, token)
    await scene.do("mint(address,uint256)", me, 1_000)
    await scene.do("mint(address,uint256)", other, 5_000)
    await node.ask("anvil_mine", hex(10))
    silent = await scene.do("mintInSilence(address,uint256)", me, 10)
    await node.ask("anvil_mine", hex(10))
    async with service(node.url, me, tmp_path) as app:
        assert await told(app) == []
        assert await held(app, scene) == (1_000, [GapCode.BALANCE_MISMATCH])
        async with app.services.ledger.read() as work:
            (gap,) = [gap for gap in await work.facts.gaps([me]) if gap.subject == scene.asset]
    assert (gap.from_block, gap.to_block) == (silent, silent)
    assert "without a standard Transfer log" in gap.detail


async def test_without_old_states_a_token_of_shares_is_told_by_what_it_is(
    anvil: StartAnvil, tmp_path: Path
) -> None:
    scene = await stage(anvil)
    await scene.node.ask("anvil_mine", hex(20))
    await scene.do("rebase(uint256)", 4_400_000)
    await scene.node.ask("anvil_mine", hex(20))
    head = int(await scene.node.ask("eth_blockNumber"), 16)

    def pruned(one: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        tag = one["params"][1] if one["method"] in {"eth_call", "eth_getBalance"} else None
        if isinstance(tag, str) and tag.startswith("0x") and int(tag, 16) < head:
            words = {"code": -32000, "message": "missing trie node 00ff (path )"}
            return {"jsonrpc": "2.0", "id": reply["id"], "error": words}
        return reply

    async with (
        twisted(scene.node.url, pruned) as middle,
        service(middle.url, scene.me, tmp_path) as app,
    ):
        (gain,) = await told(app)
        assert (gain.amount, gain.block.number) == (100_000, head)
        assert await held(app, scene) == (await scene.balance(), [])
