"""Wallets are proved together; what is wrong with one is said of that one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from indexer.flows import verify
from indexer.flows.verify import prove_balances
from indexer.flows.wallets import register_wallet
from indexer.jobs.worker import open_queue
from indexer.model.facts import Gap, GapCode
from indexer.model.stored import PROVE, SyncState, SyncTarget, TargetKey
from indexer.wiring import App
from tests.chains.clock import FixedClock
from tests.chains.node import LocalNode, spec_of
from tests.chains.proxy import Proxy, proxy
from tests.fixtures.anvil import StartAnvil
from tests.flows.world import PORTFOLIO, opened_chain

CHAIN = "eip155:31337"
LEASE = timedelta(minutes=2)
WALLETS = 4


async def proved(app: App) -> None:
    """Let every proof fall due, and make them."""
    async with app.services.ledger.write() as work:
        await work.targets.poke(CHAIN, None, FixedClock().now(), PROVE)
    assert await prove_balances(app.services, CHAIN, LEASE)


async def codes(app: App, people: list[str]) -> dict[str, GapCode]:
    async with app.services.ledger.read() as work:
        return {gap.address: gap.code for gap in await work.facts.gaps(people) if gap.source == verify.SOURCE}


async def proofs(app: App, people: list[str]) -> dict[str, SyncTarget]:
    async with app.services.ledger.read() as work:
        targets = await work.targets.of(people)
    return {target.key.address: target for target in targets if target.key.source == PROVE}


def off_by_one(who: str) -> Any:
    """A node that says more of one address than it holds."""

    def twist(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_getBalance" and call["params"][0] == who:
            return {**reply, "result": hex(int(reply["result"], 16) + 1)}
        return reply

    return twist


def refuse(who: str) -> Any:
    """A node that tells nothing of one address."""

    def twist(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_getBalance" and call["params"][0] == who:
            return {
                "jsonrpc": "2.0",
                "id": reply["id"],
                "error": {"code": -32000, "message": "missing trie node"},
            }
        return reply

    return twist


async def collected(app: App, node: LocalNode) -> list[str]:
    people = [who.lower() for who in node.accounts[1 : 1 + WALLETS]]
    for number, who in enumerate(people):
        await node.send(node.accounts[0], who, 5 + number)
        await register_wallet(app.services, PORTFOLIO, who, (CHAIN,))
    await open_queue(app).drain()
    return people


async def test_each_wallet_of_a_proof_has_its_own_verdict(anvil: StartAnvil, tmp_path: Path) -> None:
    node = await LocalNode(await anvil()).ready()
    async with (
        proxy(node.url) as middle,
        opened_chain(spec_of(middle.url), f"sqlite:///{tmp_path}/ledger.db", FixedClock()) as app,
    ):
        people = await collected(app, node)
        assert await codes(app, people) == {}
        assert {each.state for each in (await proofs(app, people)).values()} == {SyncState.SYNCED}
        before = await asked(middle, app)
        middle.twist = off_by_one(people[1])
        await proved(app)
        assert await codes(app, people) == {people[1]: GapCode.BALANCE_MISMATCH}
        middle.twist = refuse(people[2])
        await proved(app)
        assert await codes(app, people) == {people[2]: GapCode.BALANCE_UNVERIFIED}
        middle.twist = off_by_one("nobody")
        await proved(app)
        assert await codes(app, people) == {}
        assert await asked(middle, app) == before
        assert {each.state for each in (await proofs(app, people)).values()} == {SyncState.SYNCED}


async def asked(middle: Proxy, app: App) -> int:
    """How many blocks are asked for by a proof of all wallets."""
    middle.asked.clear()
    await proved(app)
    return middle.asked["eth_getBlockByNumber"]


async def test_a_wallet_whose_sources_are_under_way_holds_up_nobody(
    anvil: StartAnvil, tmp_path: Path
) -> None:
    node = await LocalNode(await anvil()).ready()
    async with opened_chain(spec_of(node.url), f"sqlite:///{tmp_path}/ledger.db", FixedClock()) as app:
        people = await collected(app, node)
        late = node.accounts[1 + WALLETS].lower()
        await register_wallet(app.services, PORTFOLIO, late, (CHAIN,))
        async with app.services.ledger.write() as work:
            keys = [TargetKey(late, CHAIN, source) for source in ("blocks", PROVE)]
            await work.targets.ensure(keys, FixedClock().now())
        await proved(app)
        everybody = [*people, late]
        assert await codes(app, everybody) == {late: GapCode.BALANCE_UNVERIFIED}
        states = {who: target.state for who, target in (await proofs(app, everybody)).items()}
        assert states == {late: SyncState.PENDING, **dict.fromkeys(people, SyncState.SYNCED)}
        assert not await prove_balances(app.services, CHAIN, LEASE), "nothing is due"


async def test_a_proof_that_was_taken_over_tells_nothing_of_differences(
    anvil: StartAnvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A difference is looked into only under a claim that still holds."""
    node = await LocalNode(await anvil()).ready()
    async with (
        proxy(node.url) as middle,
        opened_chain(spec_of(middle.url), f"sqlite:///{tmp_path}/ledger.db", FixedClock()) as app,
    ):
        people = await collected(app, node)
        middle.twist = off_by_one(people[1])
        compare, now = verify._compare, FixedClock().now()

        async def overtaken(*args: Any) -> list[Gap]:
            async with app.services.ledger.write() as work:
                await work.targets.claim_many(CHAIN, PROVE, now, now + LEASE, WALLETS)
            return await compare(*args)

        monkeypatch.setattr(verify, "_compare", overtaken)
        async with app.services.ledger.write() as work:
            await work.targets.poke(CHAIN, None, now, PROVE)
        assert await prove_balances(app.services, CHAIN, timedelta(0))
        assert await codes(app, people) == {}
        assert {each.state for each in (await proofs(app, people)).values()} == {SyncState.SYNCING}
