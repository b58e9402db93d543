"""Portfolios, keys, profiles, wallets and judgments."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from indexer.model.errors import ConflictError, InputError
from indexer.model.judgment import Judgment, JudgmentKind
from indexer.model.profile import Method, TaxProfile
from indexer.model.stored import ApiKey, KeyScope, TargetKey
from indexer.store.ledger import SqlLedger
from tests.store.examples import ALICE, BOB, CHAIN, NOW, World, page, transfer

MINUTE = timedelta(minutes=1)


def key(number: int, portfolio: str = "p") -> ApiKey:
    return ApiKey(f"k{number}", portfolio, "laptop", f"digest{number}", KeyScope.WRITE, NOW + number * MINUTE)


async def test_keys_are_found_until_they_are_revoked(ledger: SqlLedger) -> None:
    async with ledger.write() as work:
        await work.tenants.ensure_portfolio("p", NOW)
        await work.tenants.ensure_portfolio("p", NOW + MINUTE)
        await work.tenants.add_key(key(2))
        await work.tenants.add_key(key(1))
    async with ledger.write() as work:
        assert await work.tenants.portfolios() == ("p",)
        assert await work.tenants.keys("p") == (key(1), key(2))
        assert await work.tenants.key_by_digest("digest1") == key(1)
        assert await work.tenants.revoke_key("p", "k1", NOW)
        assert await work.tenants.revoke_key("p", "k1", NOW + MINUTE)
        assert not await work.tenants.revoke_key("p", "k9", NOW)
        assert await work.tenants.key_by_digest("digest1") is None
        assert await work.tenants.keys("p") == (replace(key(1), revoked_at=NOW), key(2))


async def test_a_key_cannot_be_added_twice_or_to_nobody(ledger: SqlLedger) -> None:
    async with ledger.write() as work:
        await work.tenants.ensure_portfolio("p", NOW)
        await work.tenants.add_key(key(1))
    for bad in (key(1), replace(key(2), digest="digest1"), key(3, "nobody")):
        with pytest.raises(ConflictError):
            async with ledger.write() as work:
                await work.tenants.add_key(bad)


async def test_profiles_come_in_order_of_their_dates(ledger: SqlLedger) -> None:
    early = TaxProfile(methods_by_year={2024: Method.HIFO, 2025: Method.LIFO})
    late = TaxProfile(jurisdiction="DE", currency="EUR", since=date(2025, 1, 1), wash_from=date(2026, 1, 1))
    async with ledger.write() as work:
        await work.tenants.ensure_portfolio("p", NOW)
        assert await work.tenants.profile("p") == (TaxProfile(),)
        before = await work.books.version("p")
        await work.tenants.set_profile("p", replace(late, currency="USD"))
        await work.tenants.set_profile("p", early)
        await work.tenants.set_profile("p", late)
        assert await work.books.version("p") > before
    async with ledger.read() as work:
        assert await work.tenants.profile("p") == (early, late)
        assert await work.tenants.profile("q") == (TaxProfile(),)


async def test_a_wallet_gains_chains_and_keeps_them(world: World) -> None:
    wallet = await world.watch(ALICE, CHAIN, "eip155:10")
    changed = replace(wallet, chains=("eip155:8453", CHAIN), label="Büro", group="savings")
    async with world.ledger.write() as work:
        await work.wallets.save(changed)
    async with world.ledger.read() as work:
        saved = replace(changed, chains=(CHAIN, "eip155:10", "eip155:8453"))
        assert await work.wallets.get("default", wallet.id) == saved
        assert await work.wallets.by_address("default", ALICE) == saved
        assert await work.wallets.all("default") == (saved,)
        assert await work.wallets.get("default", "w_none") is None
        assert await work.wallets.by_address("default", BOB) is None


async def test_one_address_is_one_wallet(world: World) -> None:
    wallet = await world.watch()
    with pytest.raises(ConflictError):
        async with world.ledger.write() as work:
            await work.wallets.save(replace(wallet, id="w_other"))


async def test_the_list_is_stable_under_inserts(world: World) -> None:
    for number in (1, 2, 3, 5):
        world.now = NOW + number * MINUTE
        await world.watch(f"0x{number}")
    async with world.ledger.read() as work:
        first = await work.wallets.list("default", None, 2)
    assert [wallet.address for wallet in first.items] == ["0x1", "0x2"]
    for number in (0, 4):
        world.now = NOW + number * MINUTE
        await world.watch(f"0x{number}")
    async with world.ledger.read() as work:
        second = await work.wallets.list("default", first.next_cursor, 2)
        third = await work.wallets.list("default", second.next_cursor, 2)
    assert [wallet.address for wallet in (*second.items, *third.items)] == ["0x3", "0x4", "0x5"]
    assert third.next_cursor is None


async def test_cursors_of_other_lists_are_refused(world: World) -> None:
    for number in range(3):
        await world.watch(f"0x{number}")
    async with world.ledger.read() as work:
        cursor = (await work.wallets.list("default", None, 1)).next_cursor
        assert cursor is not None
        for wrong in ("", "x", "é", "AAAA", "W10", cursor + "A", cursor[:-3]):
            with pytest.raises(InputError, match="cursor"):
                await work.wallets.list("default", wrong, 1)
        with pytest.raises(InputError, match="cursor"):
            await work.links.list("default", None, cursor, 1)


async def test_removing_a_wallet_takes_targets_that_nobody_watches(world: World) -> None:
    wallet = await world.watch(ALICE, CHAIN, "eip155:10")
    await world.watch(ALICE, CHAIN, portfolio="other")
    await world.collect(page([transfer(1)]))
    async with world.ledger.write() as work:
        assert await work.wallets.remove("default", wallet.id)
        assert not await work.wallets.remove("default", wallet.id)
        assert not await work.wallets.remove("other", "w_none")
    async with world.ledger.read() as work:
        assert [target.key for target in await work.targets.of([ALICE])] == [TargetKey(ALICE, CHAIN, "node")]
        assert await work.wallets.all("default") == ()
    assert len(await world.transfers("other")) == 1
    assert await world.transfers() == []
    await world.watch(ALICE, CHAIN)
    assert len(await world.transfers()) == 1


async def test_judgments_keep_their_order_and_make_the_book_stale(world: World) -> None:
    await world.watch()
    made = [
        Judgment(
            f"j{9 - n}",
            "default",
            JudgmentKind.SPAM,
            "asset",
            {"spam": True, "n": 2**200},
            "me",
            NOW,
            "why not",
        )
        for n in range(4)
    ]
    async with world.ledger.write() as work:
        before = await work.books.version("default")
        for judgment in made:
            await work.judgments.add(judgment)
        assert await work.books.version("default") > before
    async with world.ledger.read() as work:
        assert await work.judgments.all("default") == tuple(made)
    with pytest.raises(ConflictError):
        async with world.ledger.write() as work:
            await work.judgments.add(made[0])


async def test_characters_that_a_database_refuses_are_replaced_or_refused(world: World) -> None:
    wallet = await world.watch()
    async with world.ledger.write() as work:
        await work.wallets.save(replace(wallet, label="a\0b\ud800c 💰"))
    async with world.ledger.read() as work:
        found = await work.wallets.get("default", wallet.id)
    assert found is not None
    assert found.label == "a\ufffdb\ufffdc 💰"
    if not world.ledger._place.file:
        with pytest.raises(InputError, match="NUL"):
            async with world.ledger.read() as work:
                await work.wallets.get("default", "w\0")
