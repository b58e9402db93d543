"""The collector against a real node: every kind of movement, proved by the node's own balances."""

import pytest

from indexer.chains.evm import block_sweep, log_sweep
from indexer.chains.evm.decode import DEPOSIT, TRANSFER, WITHDRAWAL, ZERO
from indexer.chains.open import open_reader
from indexer.demo.world import DemoWorld
from indexer.model.errors import LyingSourceError, RefusedError, RetryableError
from indexer.model.facts import GapCode, TransferKind
from tests.chains.clock import FixedClock
from tests.chains.node import EMITTER, FORWARDER, LocalNode, pages_of, proved, read, reader_of, word
from tests.fixtures.anvil import StartAnvil


async def test_every_native_movement_is_seen_and_the_sum_is_the_balance(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1], node.accounts[2]
    forwarder = await node.deploy(FORWARDER)
    await node.send(me, friend, 5)
    await node.send(friend, me, 7)
    await node.send(me, me, 3)
    await node.send(me, None, 11, "0x00")  # a creation that keeps the value
    for _ in range(2):
        await node.send(friend, forwarder, 13, "0x" + word(me) + word(13) + word(0))
    failed = await node.send(me, forwarder, 17, "0x" + word(friend) + word(17) + word(1))
    reader = reader_of(node.url)
    try:
        assert await reader.sources() == ("blocks",)
        book = await read(reader, me)
        assert await proved(reader, book) == []
        stranger = await read(reader, "0x" + "12" * 20)
    finally:
        await reader.close()
    assert book.gaps == []
    assert book.kinds == {"native": 5, "internal": 2, "gas": 4}  # the genesis allocation is native, too
    assert [t.kind for t in book.transfers.values() if t.tx == failed] == [TransferKind.GAS]
    created = next(t for t in book.transfers.values() if t.amount == 11)
    assert created.recipient not in {ZERO, me}
    assert not stranger.transfers


async def test_the_log_source_and_the_block_source_name_the_same_facts(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1], node.accounts[2]
    token, weth = await node.deploy(EMITTER), await node.deploy(EMITTER)
    await node.emit(token, [TRANSFER, friend, me], word(100))
    await node.emit(token, [TRANSFER, me, friend], word(40))
    await node.emit(token, [TRANSFER, me, me], word(0))
    await node.emit(token, [TRANSFER, friend, ZERO], word(1))
    await node.emit(weth, [DEPOSIT, me, ZERO], word(9))  # three topics: no wrap of the known form
    await node.emit(token, [WITHDRAWAL, me, ZERO], word(9))
    reader = reader_of(node.url, wrapped_native=weth)
    try:
        logs = await read(reader, me, "logs")
        blocks = await read(reader, me, "blocks")
    finally:
        await reader.close()
    tokens = {key: t for key, t in blocks.transfers.items() if t.kind is TransferKind.ERC20}
    assert logs.transfers == tokens
    assert len(tokens) == 3
    unknown = [gap for gap in logs.gaps if gap.code is GapCode.DECIMALS_UNKNOWN]
    assert {gap.subject for gap in unknown} == {t.asset for t in tokens.values()}
    assert logs.pages[-1].covered_to == blocks.pages[-1].covered_to


async def test_a_run_resumes_from_any_page(anvil: StartAnvil, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (log_sweep, block_sweep):
        monkeypatch.setattr(module, "ENOUGH", 3)
    node = await LocalNode(await anvil()).ready()
    me = node.accounts[1]
    token = await node.deploy(EMITTER)
    for amount in range(30):
        await node.emit(token, [TRANSFER, node.accounts[2], me], word(amount))
        if amount % 5 == 0:
            await node.ask("anvil_mine", hex(40))
    reader = reader_of(node.url)
    try:
        for source in ("logs", "blocks"):
            whole = await read(reader, me, source)
            head = await reader.head()
            assert len(whole.pages) > 2
            for page in whole.pages:
                rest = [p async for p in pages_of(reader, me, source, page.cursor, head)]
                later = {t.key for p in rest for t in p.transfers}
                assert later == {k for k, t in whole.transfers.items() if t.block.number > page.covered_to}
                assert rest[-1].covered_to == head.number
    finally:
        await reader.close()


@pytest.mark.parametrize("source", ["logs", "blocks"])
async def test_after_a_reorg_the_surviving_chain_is_read(anvil: StartAnvil, source: str) -> None:
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1], node.accounts[2]
    token = await node.deploy(EMITTER)
    reader = reader_of(node.url)
    try:
        await node.emit(token, [TRANSFER, friend, me], word(1))
        keep = int(await node.ask("eth_blockNumber"), 16)
        await node.emit(token, [TRANSFER, friend, me], word(2))
        await node.emit(token, [TRANSFER, friend, me], word(3))
        before = await read(reader, me, source)
        old_head = before.pages[-1].covered_to
        old_hash = await reader.block_hash(old_head)
        await node.ask("anvil_reorg", 2, [])
        assert await reader.block_hash(old_head) != old_hash
        await node.emit(token, [TRANSFER, friend, me], word(4))
        await node.ask("anvil_mine", "0x3")
        head = await reader.head()
        cursor = {**before.pages[-1].cursor, "rewind_to": keep}
        again = [p async for p in pages_of(reader, me, source, cursor, head)]
        assert all("rewind_to" not in page.cursor for page in again)
        newcomer = reader_of(node.url)
        try:
            fresh = await read(newcomer, me, source)
        finally:
            await newcomer.close()
        kept = {k for k, t in before.transfers.items() if t.block.number <= keep}
        assert kept | {t.key for p in again for t in p.transfers} == fresh.transfers.keys()
        assert 4 in {t.amount for t in fresh.transfers.values()}
    finally:
        await reader.close()


async def test_blocks_are_found_by_time(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    await node.ask("anvil_mine", hex(500), hex(12))
    reader = reader_of(node.url)
    try:
        head = await reader.head()
        for number in (0, 1, 17, 499, head.number):
            raw = await node.ask("eth_getBlockByNumber", hex(number), False)
            moment = head.time.fromtimestamp(int(raw["timestamp"], 16), head.time.tzinfo)
            assert await reader.block_at(moment) == number
        assert await reader.block_at(head.time.replace(year=2000)) is None
        assert await reader.block_at(head.time.replace(year=2100)) == head.number
        assert await reader.finalized() == head.number - 5
    finally:
        await reader.close()


async def test_the_wrong_chain_is_refused_loudly(anvil: StartAnvil) -> None:
    url = await anvil()
    reader = reader_of(url, id="eip155:1", name="Ethereum")
    try:
        with pytest.raises((LyingSourceError, RetryableError), match="serves chain 31337"):
            await reader.head()
        with pytest.raises(LyingSourceError, match="serves chain 31337"):
            await reader.head()
    finally:
        await reader.close()


async def test_calls_that_revert_are_refusals(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    emitter = await node.deploy(EMITTER)
    reader = reader_of(node.url)
    try:
        assert await reader.call(node.accounts[0], b"\x01\x02\x03\x04") == b""
        with pytest.raises(RefusedError):
            await reader.call(emitter, b"\x01")
        with pytest.raises(RefusedError, match="no source called"):
            await anext(aiter(pages_of(reader, node.accounts[0], "magic", None, await reader.head())))
    finally:
        await reader.close()


async def test_two_years_of_real_contracts_are_proved_for_every_wallet(played_world: DemoWorld) -> None:
    for chain in played_world.chains:
        reader = open_reader(chain.spec(), FixedClock())
        try:
            for wallet in played_world.wallets:
                book = await read(reader, wallet)
                assert await proved(reader, book) == []
                logs = await read(reader, wallet, "logs")
                assert logs.transfers.keys() <= book.transfers.keys()
                tokens = {TransferKind.ERC20, TransferKind.ERC721, TransferKind.ERC1155, TransferKind.WRAP}
                assert {k for k, t in book.transfers.items() if t.kind in tokens} <= logs.transfers.keys()
        finally:
            await reader.close()
