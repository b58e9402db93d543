"""Spam over the demo's story: found out with a reason, out of every total, never deleted, and taken back by a word."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.chains.spam import AIRDROP, NO_LISTS, Lists
from indexer.demo.cast import lookalike
from indexer.demo.world import DemoWorld
from indexer.flows import judge
from indexer.flows.assets import list_assets
from indexer.flows.losses import losses
from indexer.flows.spam import account_of, changes, judge_assets_anew, with_words
from indexer.flows.transfers import list_transfers
from indexer.model.asset import NOT_SPAM, Asset, SpamVerdict
from indexer.model.errors import ConflictError, InputError, NotFoundError
from indexer.model.judgment import Judgment, JudgmentKind
from indexer.model.stored import TransferRow
from indexer.wiring import App
from tests.chains.node import spec_of
from tests.flows.world import PORTFOLIO, collect, ledger_of, opened, register_all

ME = judge.Said("owner", "I know them")


@pytest.fixture
async def app(played_world: DemoWorld, database_url: str) -> AsyncIterator[App]:
    async with opened(played_world, database_url) as made:
        await register_all(made, played_world)
        await collect(made)
        yield made


async def poison(app: App) -> list[TransferRow]:
    rows = (await list_transfers(app.services, PORTFOLIO, limit=1_000)).items
    return [row for row in rows if row.poison is not None]


async def test_poison_is_named_hidden_on_request_and_taken_back_by_a_word(
    app: App, played_world: DemoWorld
) -> None:
    forged = lookalike(played_world.wallets[1])
    (row,) = await poison(app)
    assert row.transfer.recipient == forged
    assert f"{forged} imitates {played_world.wallets[1]}, one of your own" in (row.poison or "")
    everything = await list_transfers(app.services, PORTFOLIO, limit=1_000)
    fair = await list_transfers(app.services, PORTFOLIO, include_spam=False, limit=1_000)
    hidden = {r.id for r in everything.items} - {r.id for r in fair.items}
    assert hidden == {r.id for r in everything.items if r.poison or r.asset.spam.spam}
    assert len(hidden) == 3  # the poison, and an airdrop to each of two wallets
    facts, report = await ledger_of(app), await losses(app.services, PORTFOLIO)

    account = f"{row.transfer.chain}:{forged}"
    said = await judge.mark_account(app.services, PORTFOLIO, account, spam=False, said=ME)
    await collect(app)
    assert await poison(app) == []
    with pytest.raises(ConflictError, match="is not taken for spam as it is"):
        await judge.mark_account(app.services, PORTFOLIO, account, spam=False, said=ME)
    await judge.undo(app.services, PORTFOLIO, said.judgment.id, ME)
    await collect(app)
    assert await poison(app) == [row]
    # a verdict on a transfer changes no figure: it moved nothing, and what a node reports as a balance stays one
    after = await losses(app.services, PORTFOLIO)
    assert (await ledger_of(app), after.rows) == (facts, report.rows)


async def test_an_account_that_pesters_is_marked(app: App, played_world: DemoWorld) -> None:
    rows = (await list_transfers(app.services, PORTFOLIO, limit=1_000)).items
    came = next(
        r.transfer
        for r in rows
        if r.transfer.recipient in played_world.wallets
        and r.transfer.sender not in played_world.wallets
        and r.poison is None
        and not any(
            o.transfer.tx == r.transfer.tx and o.transfer.sender in played_world.wallets for o in rows
        )
    )
    account = f"{came.chain}:{came.sender}"
    await judge.mark_account(app.services, PORTFOLIO, account, spam=True, said=ME)
    await collect(app)
    marked = [row for row in await poison(app) if row.transfer.sender == came.sender]
    assert {row.poison for row in marked} == {f"{came.sender} is on the block list: marked by the owner"}
    for wrong, error in (
        ("eip155:1", InputError),
        (f"{came.chain}:0x12", InputError),
        (f"eip155:424242:{came.sender}", InputError),
        (f"{came.chain}:0x{'12' * 20}", NotFoundError),
    ):
        with pytest.raises(error):
            await judge.mark_account(app.services, PORTFOLIO, wrong, spam=True, said=ME)


async def test_lists_judge_what_was_collected_before(
    played_world: DemoWorld, tmp_path: Path, sqlite_url: str
) -> None:
    async with opened(played_world, sqlite_url) as app:
        await register_all(app, played_world)
        await collect(app)
        before = await losses(app.services, PORTFOLIO)
        asset = next(a for a in await list_assets(app.services, PORTFOLIO) if a.symbol == "FERN")
        assert await judge_assets_anew(app.services) == 0
    listed = tmp_path / "lists.yaml"
    listed.write_text(f'blocked:\n  "{asset.id}": not what it says\n')
    async with opened(played_world, sqlite_url, spam_lists=listed) as app:
        assert await judge_assets_anew(app.services) == 1
        await collect(app)
        now = next(a for a in await list_assets(app.services, PORTFOLIO) if a.id == asset.id)
        assert now.spam == SpamVerdict(spam=True, reason="on the block list: not what it says")
        without = await losses(app.services, PORTFOLIO)
        assert without.total_cost < before.total_cost
    async with opened(played_world, sqlite_url) as app:
        assert await judge_assets_anew(app.services) == 1
        await collect(app)
        assert (await losses(app.services, PORTFOLIO)).rows == before.rows


def test_what_was_seen_stands_when_names_are_judged_anew() -> None:
    spec = spec_of("http://127.0.0.1:1")
    token = Asset(f"{spec.id}/erc20:0x{'7' * 40}", "OK", 18, "Fine")
    crowd = SpamVerdict(spam=True, reason=f"{AIRDROP} 500 addresses in one transaction")
    old_rule = SpamVerdict(spam=True, reason="a rule of an earlier version")
    native = Asset(spec.native_id, "ETH", 18)
    known = [replace(token, spam=crowd), native, Asset("eip155:5/erc20:0x1", "visit x.com", 18)]
    assert changes(known, {spec.id: spec}, NO_LISTS) == {}
    assert changes([replace(token, spam=old_rule)], {spec.id: spec}, NO_LISTS) == {token.id: NOT_SPAM}
    trusted = Lists(trusted={(spec.id, "0x" + "7" * 40)})
    assert not changes(known, {spec.id: spec}, trusted)[token.id].spam


def test_the_owners_latest_word_stands_before_the_lists() -> None:
    def word(n: int, account: str, *, spam: bool) -> Judgment:
        when = datetime(2025, 1, n, tzinfo=UTC)
        return Judgment(f"j{n}", PORTFOLIO, JudgmentKind.SPAM, account, {"spam": spam}, "me", when)

    lists = Lists(blocked={("eip155:1", "0xa"): "x", ("eip155:1", "0xb"): "y"}, trusted={("eip155:1", "0xc")})
    words = [
        word(1, "eip155:1:0xa", spam=True),
        word(2, "eip155:1:0xa", spam=False),
        word(3, "eip155:1:0xc", spam=True),
        word(4, "eip155:1/erc20:0xd", spam=True),
    ]
    both = with_words(lists, words)
    assert dict(both.blocked) == {("eip155:1", "0xb"): "y", ("eip155:1", "0xc"): "marked by the owner"}
    assert set(both.trusted) == {("eip155:1", "0xa")}
    assert with_words(lists, []) is lists
    assert account_of("eip155:1/slip44:60") is None
