"""Pages of facts: written once, completed, contradicted, and never half."""

import json
from dataclasses import replace

import pytest

from indexer.model.asset import Asset, SpamVerdict, stand_in
from indexer.model.errors import RetryableError
from indexer.model.facts import Gap, GapCode, RawTransaction, TransferKind
from indexer.model.judgment import Judgment, JudgmentKind
from indexer.model.stored import TransferFilter
from tests.store.examples import (
    ALICE,
    BOB,
    CHAIN,
    ETHER,
    ETHER_ASSET,
    NOW,
    STRANGER,
    World,
    block,
    page,
    transfer,
)

USDC = f"{CHAIN}/erc20:0xa0b8"


async def test_a_page_and_its_cursor_are_one_commit(world: World) -> None:
    await world.watch()
    facts = [transfer(3), transfer(5, sender=ALICE, recipient=BOB), transfer(5, position="gas", sender=ALICE)]
    assert await world.collect(page(facts, cursor={"next": 2**70}, covered_to=7, target=9)) == 3
    target = await world.target()
    assert (target.cursor, target.covered_to, target.target_block) == ({"next": 2**70}, 7, 9)
    assert sorted(await world.transfers(), key=lambda fact: fact.key) == sorted(
        facts, key=lambda fact: fact.key
    )


async def test_the_same_page_again_is_no_news(world: World) -> None:
    await world.watch()
    await world.collect(page([transfer(3)], assets=(ETHER_ASSET,)))
    async with world.ledger.read() as work:
        version = await work.books.version("default")
    assert await world.collect(page([transfer(3), transfer(3)], assets=(ETHER_ASSET,))) == 0
    async with world.ledger.read() as work:
        assert await work.books.version("default") == version
    assert await world.transfers() == [transfer(3)]


async def test_new_facts_make_the_books_of_all_who_watch_stale(world: World) -> None:
    await world.watch(ALICE, portfolio="a")
    await world.watch(BOB, portfolio="b")
    await world.watch(BOB, "eip155:10", portfolio="c")

    async def versions() -> dict[str, int]:
        async with world.ledger.read() as work:
            return {name: await work.books.version(name) for name in "abc"}

    before = await versions()
    await world.collect(page([transfer(3, sender=ALICE, recipient=BOB)]))
    after = await versions()
    assert {name for name in "abc" if after[name] > before[name]} == {"a", "b"}
    async with world.ledger.read() as work:
        assert await work.books.stale() == ("a", "b", "c")
        assert await work.books.version("nobody") == 0


async def test_a_known_l1_fee_replaces_an_unknown_one_whatever_comes_first(world: World) -> None:
    unknown = transfer(
        4, position="gas", sender=ALICE, recipient="0x0", kind=TransferKind.GAS, amount=100, execution_fee=100
    )
    known = unknown._replace(amount=107, l1_fee=7)
    for chain, order in (("eip155:10", [unknown, known]), ("eip155:8453", [known, unknown])):
        await world.watch(ALICE, chain)
        for fact in order:
            await world.collect(page([fact._replace(chain=chain)], chain=chain))
        async with world.ledger.read() as work:
            assert await work.facts.sums(ALICE, chain) == {ETHER: -107}
            assert await work.facts.gaps([ALICE]) == ()
    await world.collect(
        page([f._replace(chain="eip155:137") for f in (unknown, known, unknown)], chain="eip155:137")
    )
    async with world.ledger.read() as work:
        assert await work.facts.sums(ALICE, "eip155:137") == {ETHER: -107}


async def test_two_sources_that_contradict_each_other_become_a_gap(world: World) -> None:
    await world.watch()
    await world.collect(page([transfer(3, amount=5), transfer(4)]))
    await world.collect(page([transfer(3, amount=6), transfer(4)], source="explorer"))
    async with world.ledger.read() as work:
        (gap,) = await work.facts.gaps([ALICE])
        assert await work.facts.sums(ALICE, CHAIN) == {ETHER: 5 + 10**18}
    assert (gap.code, gap.subject, gap.from_block) == (GapCode.SOURCE_CONFLICT, transfer(3).tx, 3)
    assert "6 of" in gap.detail
    assert "5 of" in gap.detail
    await world.collect(page(source="explorer", replaces_gaps=True))
    async with world.ledger.read() as work:
        assert len(await work.facts.gaps([ALICE])) == 1
    await world.collect(page([transfer(3, amount=5)], source="explorer"))
    async with world.ledger.read() as work:
        assert await work.facts.gaps([ALICE]) == ()


async def test_a_page_that_contradicts_itself_becomes_a_gap(world: World) -> None:
    await world.watch()
    assert await world.collect(page([transfer(3, amount=5), transfer(3, amount=6)])) == 1
    async with world.ledger.read() as work:
        (gap,) = await work.facts.gaps([ALICE])
    assert gap.code is GapCode.SOURCE_CONFLICT


async def test_another_hash_for_a_known_block_refuses_the_whole_page(world: World) -> None:
    await world.watch()
    await world.collect(page([transfer(3)], cursor={"next": 1}, anchors=(block(9),)))
    for torn in (
        page([transfer(2), transfer(3, tx="0xother", fork="b")], cursor={"next": 2}),
        page([transfer(2)], cursor={"next": 2}, anchors=(block(9, "b"),)),
        page([transfer(7), transfer(7, tx="0xother", fork="b")], cursor={"next": 2}),
    ):
        with pytest.raises(RetryableError, match="reorganising"):
            await world.collect(torn)
    assert await world.transfers() == [transfer(3)]
    assert (await world.target()).cursor == {"next": 1}


async def test_a_source_without_hashes_is_taken_at_its_word(world: World) -> None:
    await world.watch()
    unsigned = transfer(3)._replace(block=replace(block(3), hash=""))
    await world.collect(page([unsigned]))
    async with world.ledger.read() as work:
        assert await work.facts.remembered_blocks(CHAIN, 9) == ()
    assert await world.collect(page([transfer(3), transfer(4)])) == 1


async def test_the_richest_raw_payload_stays_whatever_comes_first(world: World) -> None:
    def raw(source: str, **parts: object) -> RawTransaction:
        return RawTransaction(CHAIN, "0x1", "0xh", source, json.dumps(parts).encode())

    poorest = raw("explorer:a", tx={"hash": "0x1"})
    poor = raw("explorer:a", tx={"hash": "0x1"}, internals=[])
    rich = raw("explorer:a", tx={"hash": "0x1"}, receipt={"logs": [], "transactionIndex": "0x7"})
    richest = raw("node", tx={"hash": "0x1"}, receipt={"logs": [], "transactionIndex": "0x7"})
    await world.watch()
    for order in (
        [poorest, poor, rich, richest],
        [richest, rich, poor, poorest],
        [rich, richest, poorest, poor],
    ):
        for given in order:
            await world.collect(page(raws=(given,)))
        await world.collect(page(raws=tuple(order)))
        async with world.ledger.read() as work:
            assert await work.facts.raws([(CHAIN, "0x1"), (CHAIN, "0x2")]) == {(CHAIN, "0x1"): richest}
    moved = replace(poorest, block_hash="0xother")
    await world.collect(page(raws=(moved,)))
    async with world.ledger.read() as work:
        assert await work.facts.raws([(CHAIN, "0x1")]) == {(CHAIN, "0x1"): moved}
        assert await work.facts.raws([]) == {}


async def test_payloads_come_back_byte_for_byte_and_lie_compressed(world: World) -> None:
    payload = json.dumps({"receipt": {"logs": ["0x" + "00" * 5000]}}).encode()
    await world.watch()
    await world.collect(page(raws=(RawTransaction(CHAIN, "0x1", "0xh", "node", payload),)))
    await world.collect(page(raws=(RawTransaction(CHAIN, "0x2", "0xh", "node", b"not JSON \xff"),)))
    async with world.ledger.read() as work:
        found = await work.facts.raws([(CHAIN, "0x1"), (CHAIN, "0x2")])
    assert found[CHAIN, "0x1"].payload == payload
    assert found[CHAIN, "0x2"].payload == b"not JSON \xff"


async def test_what_is_unknown_of_an_asset_never_replaces_what_is_known(world: World) -> None:
    await world.watch()
    known = Asset(
        USDC,
        "USDC",
        6,
        name="USD\0 Coin",
        group="USDC",
        price_id="ethereum:0xa0b8",
        spam=SpamVerdict(True, "fake"),
    )
    await world.collect(page([transfer(1, asset=USDC)]))
    async with world.ledger.read() as work:
        assert await work.facts.assets([USDC, "none"]) == {USDC: Asset(USDC, "", None)}
    await world.collect(page(assets=(known,)))
    await world.collect(page(assets=(Asset(USDC, "", None),)))
    nameless = Asset(USDC, stand_in(known.contract or ""), None)
    assert nameless.unnamed
    await world.collect(page(assets=(nameless,)))
    async with world.ledger.read() as work:
        assert await work.facts.assets([USDC]) == {USDC: replace(known, name="USD\ufffd Coin")}
        assert set(await work.facts.portfolio_assets("default")) == {USDC}


async def test_an_asset_that_changes_makes_books_stale(world: World) -> None:
    await world.watch()
    await world.collect(page([transfer(1)]))
    async with world.ledger.read() as work:
        before = await work.books.version("default")
    await world.collect(page(assets=(ETHER_ASSET,)))
    async with world.ledger.read() as work:
        assert await work.books.version("default") > before


async def test_gaps_are_replaced_by_code_and_subject(world: World) -> None:
    await world.watch()

    def gap(
        subject: str, detail: str = "", code: GapCode = GapCode.L1_FEE_UNKNOWN, source: str = "node"
    ) -> Gap:
        return Gap(CHAIN, ALICE, code, source, subject, detail, 1, 2)

    await world.collect(page(gaps=(gap("0x1", "first"), gap("0x2"), gap("0x1", "second"))))
    await world.collect(page(gaps=(gap("0x3", code=GapCode.DECODE_FAILED),)))
    async with world.ledger.write() as work:
        await work.facts.replace_gaps(ALICE, CHAIN, "balance-check", [gap("x", source="balance-check")])
        found = await work.facts.gaps([ALICE, BOB])
    assert {(item.source, item.subject, item.detail) for item in found} == {
        ("node", "0x1", "second"),
        ("node", "0x2", ""),
        ("node", "0x3", ""),
        ("balance-check", "x", ""),
    }
    await world.collect(page(gaps=(gap("0x2"),), replaces_gaps=True))
    async with world.ledger.write() as work:
        await work.facts.replace_gaps(ALICE, CHAIN, "balance-check", [])
        assert [item.subject for item in await work.facts.gaps([ALICE])] == ["0x2"]


async def test_the_list_filters_and_pages(world: World) -> None:
    await world.watch(ALICE)
    await world.watch(BOB)
    facts = [
        transfer(1),
        transfer(1, position="log:2", asset=USDC, kind=TransferKind.ERC20, tx=transfer(1).tx),
        transfer(1, position="log:10", asset=USDC, kind=TransferKind.ERC20, tx=transfer(1).tx),
        transfer(2, sender=ALICE, recipient=BOB),
        transfer(3, sender=BOB, recipient=STRANGER),
    ]
    await world.collect(
        page(facts[:4], assets=(ETHER_ASSET, Asset(USDC, "USDC", 6, spam=SpamVerdict(True, "fake"))))
    )
    await world.collect(page(facts[3:], address=BOB))
    rows = await world.listed(limit=2)
    assert [row.transfer for row in rows] == facts
    assert rows[0].id == f"{CHAIN}/{facts[0].tx}/native"
    assert rows[0].asset == ETHER_ASSET

    async def chosen(**where: object) -> list[int]:
        found = await world.listed(where=TransferFilter(**where))  # type: ignore[arg-type]
        return [facts.index(row.transfer) for row in found]

    assert await chosen(addresses=(BOB,)) == [3, 4]
    assert await chosen(addresses=()) == []
    assert await chosen(asset=USDC) == [1, 2]
    assert await chosen(kind=TransferKind.NATIVE) == [0, 3, 4]
    assert await chosen(tx=facts[4].tx) == [4]
    assert await chosen(chain="eip155:10") == []
    assert await chosen(include_spam=False) == [0, 3, 4]
    async with world.ledger.write() as work:
        for n, (subject, spam) in enumerate([(USDC, True), (USDC, False), (ETHER, True)]):
            payload: dict[str, object] = {"spam": spam}
            await work.judgments.add(
                Judgment(f"j{n}", "default", JudgmentKind.SPAM, subject, payload, "me", NOW)
            )
    assert await chosen(include_spam=False) == [1, 2]
    assert [row.asset.spam.spam for row in await world.listed()] == [True, False, False, True, True]
    async with world.ledger.write() as work:
        await work.judgments.add(Judgment("j9", "default", JudgmentKind.UNDO, "j1", {}, "me", NOW))
        assert (await work.facts.portfolio_assets("default"))[USDC].spam.spam
    assert await chosen(include_spam=False) == []
    async with world.ledger.write() as work:
        await work.judgments.add(Judgment("j10", "default", JudgmentKind.UNDO, "j9", {}, "me", NOW))
    assert await chosen(include_spam=False) == [1, 2]


async def test_a_page_read_later_skips_and_repeats_nothing(world: World) -> None:
    await world.watch()
    await world.collect(page([transfer(number) for number in (2, 4, 6, 8)]))
    async with world.ledger.read() as work:
        first = await work.facts.transfers("default", TransferFilter(), None, 2)
    await world.collect(page([transfer(number) for number in (1, 3, 5, 7)]))
    async with world.ledger.read() as work:
        second = await work.facts.transfers("default", TransferFilter(), first.next_cursor, 10)
    assert [row.transfer.block.number for row in (*first.items, *second.items)] == [2, 4, 5, 6, 7, 8]
    assert second.next_cursor is None


async def test_the_stream_follows_the_chain(world: World) -> None:
    """Within a block by the place of the transaction, within a transaction fee, value, calls, logs by number."""
    await world.watch()
    late, early = f"0x{'0' * 64}", f"0x{'f' * 64}"
    places = ["gas", "native", "internal:ab:0", "log:9", "log:10", "log:10:1", "log:10:2", "log:11"]
    facts = [transfer(5, tx=tx, position=place) for tx in (early, late) for place in places]
    raws = tuple(
        RawTransaction(
            CHAIN, tx, block(5).hash, "node", json.dumps({"receipt": {"transactionIndex": index}}).encode()
        )
        for tx, index in ((early, "0x0"), (late, 4))
    )
    await world.collect(page([*reversed(facts), transfer(4)], raws=raws))
    assert await world.transfers() == [transfer(4), *facts]
