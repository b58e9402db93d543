"""The proof of balances: one call for all of them, the block by its hash, and where a difference begins."""

from dataclasses import dataclass
from typing import Any

import pytest

from indexer.chains.evm import holdings, multicall
from indexer.model.asset import AssetKind, token_id
from indexer.model.errors import RetryableError
from indexer.model.facts import GapCode, Transfer
from indexer.model.ports import BalanceCheck, ChainReader
from tests.chains.changing_of import call, deploy, reading, swept, twisted, without
from tests.chains.node import LocalNode
from tests.fixtures.anvil import StartAnvil

CHAIN = "eip155:31337"


@dataclass(slots=True)
class Scene:
    """A node with tokens; `me` holds three of them."""

    node: LocalNode
    me: str
    friend: str
    tokens: list[str]

    def asset(self, number: int) -> str:
        return token_id(CHAIN, AssetKind.ERC20, self.tokens[number])


@pytest.fixture
async def scene(anvil: StartAnvil) -> Scene:
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1:3]
    tokens = [await deploy(node, "Crooked") for _ in range(3)]
    for number, token in enumerate(tokens):
        await call(node, friend, token, "mint(address,uint256)", me, 1000 + number)
    return Scene(node, me, friend, tokens)


async def checks_of(
    reader: ChainReader, address: str, *, moves: bool = True
) -> tuple[list[BalanceCheck], dict[tuple[str, str, str], Transfer]]:
    """What the ledger would say after reading everything, block by block."""
    told = await swept(reader, "blocks", frozenset({address}))
    by_asset: dict[str, dict[int, int]] = {}
    for t in told.transfers.values():
        blocks = by_asset.setdefault(t.asset, {})
        sign = (t.recipient == address) - (t.sender == address)
        blocks[t.block.number] = blocks.get(t.block.number, 0) + sign * t.amount
    return [
        BalanceCheck(asset, sum(blocks.values()), tuple(sorted(blocks.items())) if moves else None)
        for asset, blocks in sorted(by_asset.items())
    ], told.transfers


async def test_one_call_tells_what_many_would(scene: Scene) -> None:
    async with twisted(scene.node.url, without()) as middle:
        async with reading(middle.url) as reader:
            checks, _ = await checks_of(reader, scene.me)
            assert await reader.verify(scene.me, await reader.head(), checks) == []
            single = middle.asked["eth_call"]
        code = await scene.node.ask("eth_getCode", await deploy(scene.node, "Aggregator"), "latest")
        await scene.node.ask("anvil_setCode", multicall.ADDRESS, code)
        await scene.node.ask("anvil_mine", "0x1")
        asked: list[Any] = []

        def listen(one: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
            asked.append(one)
            return reply

        middle.twist = listen
        async with reading(middle.url) as reader:
            head = await reader.head()
            asked.clear()
            assert await reader.verify(scene.me, head, checks) == []
            wrong = [BalanceCheck(check.asset, check.ledger_sum + 1) for check in checks]
            found = await reader.verify(scene.me, head, wrong)
    assert single >= 3
    assert {gap.subject for gap in found} == {check.asset for check in checks}
    of_state = [one for one in asked if one["method"] in {"eth_call", "eth_getBalance"}]
    assert len(of_state) == 2  # one for each of the two proofs
    assert all(one["params"][1] == {"blockHash": head.hash, "requireCanonical": True} for one in of_state)


async def test_a_call_for_all_that_fails_is_asked_in_parts_or_one_by_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many for one call, a token that reverts, and something else in Multicall3's place."""
    node, me = scene.node, scene.me
    code = await node.ask("eth_getCode", await deploy(node, "Aggregator"), "latest")
    broken = token_id(CHAIN, AssetKind.ERC20, await node.deploy("60006000fd"))
    async with reading(node.url) as reader:
        checks, _ = await checks_of(reader, me, moves=False)
    checks.append(BalanceCheck(broken, 0))
    monkeypatch.setattr(holdings, "TOGETHER", 2)
    for runtime in (code, "0x60006000fd", "0x600160005260206000f3"):
        await node.ask("anvil_setCode", multicall.ADDRESS, runtime)
        await node.ask("anvil_mine", "0x1")
        async with reading(node.url) as reader:
            gaps = await reader.verify(me, await reader.head(), checks)
        assert [(gap.code, gap.subject) for gap in gaps] == [(GapCode.BALANCE_UNVERIFIED, broken)]


async def test_without_hashes_numbers_do(scene: Scene) -> None:
    def old(one: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if any(isinstance(param, dict) and "blockHash" in param for param in one["params"][1:]):
            words = {"code": -32602, "message": "invalid argument 1: cannot unmarshal object"}
            return {"jsonrpc": "2.0", "id": reply["id"], "error": words}
        return reply

    async with twisted(scene.node.url, old) as middle, reading(middle.url) as reader:
        checks, _ = await checks_of(reader, scene.me)
        assert await reader.verify(scene.me, await reader.head(), checks) == []
        before = middle.asked["eth_call"]
        assert await reader.verify(scene.me, await reader.head(), checks) == []
        assert middle.asked["eth_call"] - before == 3  # hashes are not tried again


async def test_a_difference_is_placed_in_its_block_with_its_cause(scene: Scene) -> None:
    node, me, friend = scene.node, scene.me, scene.friend
    await node.ask("anvil_mine", hex(300))
    await call(node, friend, scene.tokens[0], "mintInSilence(address,uint256)", me, 7)
    silent = int(await node.ask("eth_blockNumber"), 16)
    await node.ask("anvil_mine", hex(200))
    await call(node, friend, scene.tokens[1], "mint(address,uint256)", friend, 1000)
    await call(node, friend, scene.tokens[1], "transfer(address,uint256)", me, 500)
    charged = int(await node.ask("eth_blockNumber"), 16)
    await node.ask("anvil_mine", hex(200))
    await node.send(friend, me, 9)
    sent = int(await node.ask("eth_blockNumber"), 16)
    await node.ask("anvil_mine", hex(100))
    async with reading(node.url) as reader:
        checks, _ = await checks_of(reader, me)
        coin = reader.spec.native_id
        checks = [
            BalanceCheck(coin, c.ledger_sum - 9, tuple(m for m in c.moves or () if m[0] != sent))
            if c.asset == coin
            else c
            for c in checks
        ]
        head = await reader.head()
        found = {gap.subject: gap for gap in await reader.verify(me, head, checks)}
        plain = [BalanceCheck(c.asset, c.ledger_sum) for c in checks]
        loose = {gap.subject: gap for gap in await reader.verify(me, head, plain)}
    assert {gap.code for gap in found.values()} == {GapCode.BALANCE_MISMATCH}
    assert {a: (g.from_block, g.to_block) for a, g in found.items()} == {
        scene.asset(0): (silent, silent),
        scene.asset(1): (charged, charged),
        coin: (sent, sent),
    }
    assert "without a standard Transfer log" in found[scene.asset(0)].detail
    assert "fee-on-transfer" in found[scene.asset(1)].detail
    assert f"contract calls in block {sent}" in found[coin].detail
    assert "7 more than" in found[scene.asset(0)].detail
    assert {a: (g.from_block, g.to_block) for a, g in loose.items()} == dict.fromkeys(found, (0, head.number))


async def test_a_pruned_node_places_as_closely_as_it_can(scene: Scene) -> None:
    node, me = scene.node, scene.me
    await node.ask("anvil_mine", hex(300))
    await call(node, scene.friend, scene.tokens[0], "mintInSilence(address,uint256)", me, 7)
    silent = int(await node.ask("eth_blockNumber"), 16)
    await node.ask("anvil_mine", hex(300))

    def pruned(floor: int) -> Any:
        def twist(one: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
            tag = one["params"][1] if one["method"] in {"eth_call", "eth_getBalance"} else None
            if isinstance(tag, str) and tag.startswith("0x") and int(tag, 16) < floor:
                words = {"code": -32000, "message": "missing trie node 00ff (path ) state is not available"}
                return {"jsonrpc": "2.0", "id": reply["id"], "error": words}
            return reply

        return twist

    async with reading(node.url) as reader:
        checks, _ = await checks_of(reader, me)
    asset = scene.asset(0)
    for floor in (silent - 100, silent + 100):
        async with twisted(node.url, pruned(floor)) as middle, reading(middle.url) as reader:
            gaps = await reader.verify(me, await reader.head(), checks)
        (gap,) = [gap for gap in gaps if gap.subject == asset]
        assert gap.from_block is not None
        assert gap.to_block is not None
        assert gap.from_block <= silent <= gap.to_block
        if floor < silent:
            assert gap.from_block == gap.to_block
        else:
            assert (gap.from_block, gap.to_block) == (0, floor)


async def test_a_reorganised_block_is_no_proof(scene: Scene) -> None:
    async with reading(scene.node.url) as reader:
        head = await reader.head()
        checks, _ = await checks_of(reader, scene.me)
        await scene.node.ask("anvil_reorg", 1, [])
        await scene.node.ask("anvil_mine", "0x1")
        with pytest.raises(RetryableError, match="reorganised"):
            await reader.verify(scene.me, head, checks)


def test_an_answer_that_is_none_is_not_read() -> None:
    assert multicall.results(b"", 1) is None
    assert multicall.results(b"\x00" * 64, 3) is None
