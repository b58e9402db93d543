"""What the owner says over the demo's story: figures follow, nothing else does, and undoing restores every byte."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from indexer.demo.world import DemoWorld
from indexer.flows import judge
from indexer.flows.disposals import DisposalView, explain_disposal, list_disposals
from indexer.flows.groups import change_wallet
from indexer.flows.losses import losses
from indexer.flows.movements import MovementView, list_movements, show_movement
from indexer.flows.profile import default_for, set_profile
from indexer.flows.year import year, years
from indexer.model.errors import ConflictError, InputError, NotFoundError
from indexer.model.lots import BookGapCode, Term
from indexer.model.money import FIAT_ONE
from indexer.model.movement import MovementKind
from indexer.model.profile import Method, Scope, TaxProfile
from indexer.model.stored import BookedMovement, BookSnapshot, MovementFilter
from indexer.wiring import App
from tests.flows.world import PORTFOLIO, collect, opened, register_all

ME = judge.Said("owner", "as my records say")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Kept = tuple[BookSnapshot, tuple[BookedMovement, ...]]


@asynccontextmanager
async def collected(world: DemoWorld, url: str) -> AsyncIterator[App]:
    async with opened(world, url) as made:
        await register_all(made, world)
        await collect(made)
        yield made


@pytest.fixture
async def app(played_world: DemoWorld, sqlite_url: str) -> AsyncIterator[App]:
    async with collected(played_world, sqlite_url) as made:
        yield made


@pytest.fixture
async def either(played_world: DemoWorld, database_url: str) -> AsyncIterator[App]:
    """On both databases: what reads and writes the rows that other tests reach through it."""
    async with collected(played_world, database_url) as made:
        yield made


async def kept(app: App) -> Kept:
    """The book and its movements, but for when and from which version it was built."""
    await collect(app)
    async with app.services.ledger.read() as work:
        book = await work.books.load(PORTFOLIO)
        page = await work.books.movements(PORTFOLIO, MovementFilter(), None, 10_000)
        assert await work.books.stale() == ()
    assert book is not None
    return replace(book, facts_version=0, built_at=EPOCH), page.items


async def every(app: App, kind: MovementKind | None = None) -> tuple[MovementView, ...]:
    return (await list_movements(app.services, PORTFOLIO, kind=kind, limit=1_000)).items


async def test_judging_changes_what_it_should_and_undoing_restores_the_same_bytes(either: App) -> None:
    app, services = either, either.services
    before = await kept(app)
    (sent, *_) = [view for view in await every(app, MovementKind.SEND) if view.booked.if_sold]
    movement, expected = sent.booked.movement, sent.booked.if_sold
    assert expected is not None
    decision = await judge.reclassify(services, PORTFOLIO, movement.id, MovementKind.SELL, ME)
    book, movements = await kept(app)

    sold = [one for one in book.disposals if one.id == movement.id]
    fees = [one for one in before[0].disposals if one.id == movement.id]
    assert sum(one.gain for one in sold) - sum(one.gain for one in fees) == expected.gain
    assert sum(one.cost for one in sold) - sum(one.cost for one in fees) == expected.cost
    changed = {new.movement.id for new, old in zip(movements, before[1], strict=True) if new != old}
    assert changed == {movement.id}
    decided = next(one for one in movements if one.movement.id == movement.id)
    assert (decided.proposed, decided.decisions) == (MovementKind.SEND, (decision.judgment.id,))
    assert not decided.needs_review
    others = [one for one in before[0].disposals if one.id != movement.id]
    assert [one for one in book.disposals if one.id != movement.id] == others
    assert book.lots == before[0].lots, "what was sent was out of the lots already"
    gaps = [gap for gap in before[0].gaps if gap.movement != movement.id]
    assert list(book.gaps) == gaps
    assert book.fingerprint != before[0].fingerprint

    await judge.undo(services, PORTFOLIO, decision.judgment.id, ME)
    assert await kept(app) == before
    said = await judge.decisions(services, PORTFOLIO)
    assert [(one.judgment.kind.value, one.stands) for one in said] == [("movement", False), ("undo", False)]
    assert said[0].undone_by == said[1].judgment.id
    assert said[0].judgment.when < said[1].judgment.when


async def test_the_outcomes_shown_are_those_that_the_book_then_has(app: App) -> None:
    services = app.services
    for sent in await every(app, MovementKind.SEND):
        shown = await show_movement(services, PORTFOLIO, sent.booked.movement.id)
        assert [one.kind for one in shown.outcomes] == [
            MovementKind.SELL,
            MovementKind.GIFT_OUT,
            MovementKind.SELF,
        ]
        for outcome in shown.outcomes:
            book, _ = await kept(app)
            before = {term: sum(o.gain for o in book.disposals if o.term is term) for term in Term}
            said = await judge.reclassify(services, PORTFOLIO, sent.booked.movement.id, outcome.kind, ME)
            after, _ = await kept(app)
            for term, change in ((Term.SHORT, outcome.short), (Term.LONG, outcome.long)):
                assert sum(o.gain for o in after.disposals if o.term is term) == before[term] + change
            assert len(after.gaps) - len(book.gaps) == outcome.missing
            await judge.undo(services, PORTFOLIO, said.judgment.id, ME)


async def test_a_basis_replaces_the_stand_in_and_reaches_the_lots(either: App) -> None:
    app, services = either, either.services
    before = await kept(app)
    received = next(
        view.booked.movement
        for view in await every(app, MovementKind.RECEIVE)
        if len(view.booked.movement.into) == 1
        and any(lot.id == view.booked.movement.id for lot in before[0].lots)
    )
    bought = received.time.replace(year=received.time.year - 3)
    basis = judge.Basis(Decimal("12.5"), bought)
    said = await judge.give_basis(services, PORTFOLIO, received.id, basis, ME)
    book, movements = await kept(app)
    lots = [lot for lot in book.lots if lot.id == received.id]
    assert lots
    assert all(lot.basis_known and lot.acquired_at == bought for lot in lots)
    assert all(gap.movement != received.id or gap.code is not BookGapCode.UNKNOWN_BASIS for gap in book.gaps)
    (mine,) = [one for one in movements if one.movement.id == received.id]
    assert (mine.movement.into[0].value, mine.movement.acquired_at) == (12_500 * FIAT_ONE // 1000, bought)
    parts = sum(lot.cost for lot in lots) + sum(d.cost for d in book.disposals if d.matched == received.id)
    assert parts <= 12_500 * FIAT_ONE // 1000
    with pytest.raises(ConflictError, match=said.judgment.id):
        await judge.reclassify(services, PORTFOLIO, received.id, MovementKind.INCOME, ME)
    await judge.undo(services, PORTFOLIO, said.judgment.id, ME)
    assert await kept(app) == before


async def test_income_is_income_and_counts_in_its_year(app: App) -> None:
    services = app.services
    before = {one.totals.year: one.totals for one in (await years(services, PORTFOLIO)).years}
    received = next(
        view.booked.movement
        for view in await every(app, MovementKind.RECEIVE)
        if all(leg.value for leg in view.booked.movement.into)
    )
    await judge.reclassify(services, PORTFOLIO, received.id, MovementKind.INCOME, ME)
    await kept(app)
    number = received.time.year
    report = await year(services, PORTFOLIO, number)
    worth = sum(leg.value or 0 for leg in received.into)
    assert report.year.totals.income == before[number].income + worth
    with pytest.raises(NotFoundError, match="years: 2024"):
        await year(services, PORTFOLIO, 2031)


async def test_lots_named_for_a_sale_are_the_ones_it_takes(app: App) -> None:
    services = app.services
    before = await kept(app)
    swap, lot = next(
        (one, two)
        for one in before[0].disposals
        for two in before[0].disposals
        if one.asset == two.asset and one.wallet == two.wallet and one.matched != two.matched
        if one.acquired_at and two.acquired_at and two.acquired_at < one.disposed_at < two.disposed_at
        if any(m.movement.id == one.id and m.movement.kind is MovementKind.SWAP for m in before[1])
        if next(m for m in before[1] if m.movement.id == one.id).movement.out[0].pool_asset == one.asset
        if two.quantity >= one.quantity
        and all(o.matched != two.matched for o in before[0].disposals if o.id == one.id)
    )
    asked = Decimal(swap.quantity).scaleb(-18)
    said = await judge.choose_lots(services, PORTFOLIO, swap.id, [(lot.matched, asked)], ME)
    book, _ = await kept(app)
    taken = [one for one in book.disposals if one.id == swap.id and one.matched == lot.matched]
    assert {one.rule for one in taken} == {"spec-id"}
    assert sum(one.quantity for one in taken) == swap.quantity
    await judge.undo(services, PORTFOLIO, said.judgment.id, ME)
    assert await kept(app) == before
    for lots, match in (
        ([], "at least one"),
        ([("nothing", Decimal(1))], "made no lot"),
        ([(lot.matched, Decimal(-1))], "above zero"),
        ([(lot.matched, Decimal("NaN"))], "above zero"),
        ([(lot.matched, Decimal("1e-19"))], "18 decimals"),
        ([(lot.matched, Decimal(10) ** 30)], "no more than"),
        ([(lot.matched, asked), (lot.matched, asked)], "once"),
    ):
        with pytest.raises(InputError, match=match):
            await judge.choose_lots(services, PORTFOLIO, swap.id, lots, ME)


async def test_an_asset_called_spam_leaves_the_books_and_comes_back(app: App) -> None:
    services = app.services
    before = await kept(app)
    report = await losses(services, PORTFOLIO)
    row = next(row for row in report.rows if "/erc20:" in row.key)
    said = await judge.mark_spam(services, PORTFOLIO, row.key, spam=True, said=ME)
    book, movements = await kept(app)
    assert all(lot.asset != row.key for lot in book.lots)
    assert any(one.movement.kind is MovementKind.SPAM for one in movements)
    with pytest.raises(ConflictError, match="taken for spam"):
        await judge.mark_spam(services, PORTFOLIO, row.key, spam=True, said=ME)
    with pytest.raises(NotFoundError):
        await judge.mark_spam(services, PORTFOLIO, "eip155:1/slip44:60", spam=True, said=ME)
    await judge.undo(services, PORTFOLIO, said.judgment.id, ME)
    assert await kept(app) == before


async def test_what_makes_no_sense_is_refused_and_never_kept(app: App) -> None:
    services = app.services
    by_kind = {view.booked.movement.kind: view.booked.movement for view in await every(app)}
    send, received = by_kind[MovementKind.SEND].id, by_kind[MovementKind.RECEIVE].id
    cases = [
        (send, MovementKind.INCOME, "cannot be income"),
        (received, MovementKind.SELL, "cannot be sell"),
        (received, MovementKind.GIFT_IN, "giver's cost"),
        (by_kind[MovementKind.SWAP].id, MovementKind.SELL, "exchange"),
        (by_kind[MovementKind.SELF].id, MovementKind.SWAP, "own wallets"),
        (by_kind[MovementKind.BRIDGE_OUT].id, MovementKind.SELL, "between chains"),
        (by_kind[MovementKind.SPAM].id, MovementKind.INCOME, "spam"),
    ]
    for movement, kind, match in cases:
        with pytest.raises(InputError, match=match):
            await judge.reclassify(services, PORTFOLIO, movement, kind, ME)
    now = by_kind[MovementKind.RECEIVE].time
    for basis, match in (
        (judge.Basis(Decimal(-1)), "zero or more"),
        (judge.Basis(Decimal("NaN")), "zero or more"),
        (judge.Basis(Decimal(10) ** 40), "zero or more"),
        (judge.Basis(Decimal(1), now.replace(year=now.year + 1)), "after the arrival"),
        (judge.Basis(Decimal(1), now.replace(tzinfo=None)), "zone"),
    ):
        with pytest.raises(InputError, match=match):
            await judge.give_basis(services, PORTFOLIO, received, basis, ME)
    with pytest.raises(InputError, match="nothing left"):
        await judge.give_basis(services, PORTFOLIO, send, judge.Basis(Decimal(1)), ME)
    for missing in (send + "#9", "eip155:1:0x1"):
        with pytest.raises(NotFoundError):
            await judge.reclassify(services, PORTFOLIO, missing, MovementKind.SELL, ME)
        with pytest.raises(NotFoundError):
            await judge.reclassify(services, "other", send, MovementKind.SELL, ME)
    with pytest.raises(NotFoundError):
        await judge.undo(services, PORTFOLIO, "jdg_none", ME)
    assert await judge.decisions(services, PORTFOLIO) == ()


async def test_a_decision_survives_a_new_index_of_everything(either: App, played_world: DemoWorld) -> None:
    app, services = either, either.services
    send = (await every(app, MovementKind.SEND))[0].booked.movement
    await judge.reclassify(services, PORTFOLIO, send.id, MovementKind.GIFT_OUT, ME)
    before = await kept(app)
    async with services.ledger.write() as work:
        for chain in played_world.chains:
            await work.facts.rollback(chain.caip2, 0)
    async with services.ledger.write() as work:
        await work.targets.poke(None, None, services.clock.now())
    await collect(app)
    assert await kept(app) == before


async def test_a_decision_waits_while_its_movement_is_another_one(app: App, played_world: DemoWorld) -> None:
    """A tax wallet does not change what a movement is; an address that becomes the owner's own does."""
    services = app.services
    before = await kept(app)
    send = (await every(app, MovementKind.SEND))[0].booked.movement
    said = await judge.reclassify(services, PORTFOLIO, send.id, MovementKind.SELL, ME)
    judged = await kept(app)
    async with services.ledger.read() as work:
        wallets = await work.wallets.all(PORTFOLIO)
    mine = next(one for one in wallets if one.address == send.out[0].address)
    await change_wallet(services, PORTFOLIO, mine.id, group="home")
    grouped = await kept(app)
    assert any(one.decisions for one in grouped[1])
    assert {lot.wallet for lot in grouped[0].lots} > {"home"}
    home = await list_movements(services, PORTFOLIO, wallet="home", limit=1_000)
    assert send.id in {view.booked.movement.id for view in home.items}
    await change_wallet(services, PORTFOLIO, mine.id, group="")
    assert await kept(app) == judged
    async with services.ledger.write() as work:
        (judgment,) = await work.judgments.all(PORTFOLIO)
        strange = {**judgment.payload, "seen": {"out": [], "into": []}}
        await work.judgments.add(
            replace(judgment, id="jdg_strange", payload=strange, when=judgment.when.replace(year=2100))
        )
    await judge.undo(services, PORTFOLIO, said.judgment.id, ME)
    assert await kept(app) == before, "a decision about something else changes nothing"
    (_, waiting, _) = await judge.decisions(services, PORTFOLIO)
    assert (waiting.stands, waiting.waiting) == (True, True)


async def test_the_profile_changes_the_books_and_back(app: App) -> None:
    services = app.services
    before = await kept(app)
    await set_profile(services, PORTFOLIO, replace(TaxProfile(), method=Method.HIFO))
    highest, _ = await kept(app)
    assert {one.rule for one in highest.disposals} == {"hifo"}
    assert sum(lot.cost for lot in highest.lots) < sum(lot.cost for lot in before[0].lots)
    ireland = replace(default_for("IE"), currency="USD", timezone="Europe/Dublin")
    await set_profile(services, PORTFOLIO, ireland)
    irish, _ = await kept(app)
    assert irish.fingerprint not in {before[0].fingerprint, highest.fingerprint}
    assert {one.jurisdiction for one in (await years(services, PORTFOLIO)).years} == {"IE"}
    await set_profile(services, PORTFOLIO, TaxProfile())
    assert await kept(app) == before


async def test_france_values_the_portfolio_at_its_sales(app: App) -> None:
    services = app.services
    await set_profile(services, PORTFOLIO, replace(default_for("FR"), currency="USD"))
    send = next(
        view.booked.movement
        for view in await every(app, MovementKind.SEND)
        if all(leg.value for leg in view.booked.movement.out)
    )
    await judge.reclassify(services, PORTFOLIO, send.id, MovementKind.SELL, ME)
    book, movements = await kept(app)
    (sale,) = [one.movement for one in movements if one.movement.id == send.id]
    assert all(gap.code is not BookGapCode.MISSING_PORTFOLIO_VALUE for gap in book.gaps)
    assert sale.portfolio_value is not None
    assert sale.portfolio_value > sum(leg.value or 0 for leg in sale.out)
    assert [one.rule for one in book.disposals if one.id == send.id] == ["portfolio"]


async def test_a_disposal_is_followed_to_its_transactions(app: App) -> None:
    services = app.services
    page = await list_disposals(services, PORTFOLIO, limit=1_000)
    for view in (*page.items[:3], *page.items[-3:]):
        disposal = view.disposal
        found = await explain_disposal(services, PORTFOLIO, disposal.id)
        rows = [one.disposal for one in page.items if one.disposal.id == disposal.id]
        assert sorted((step.view.disposal for step in found.steps), key=repr) == sorted(rows, key=repr)
        assert found.gain == sum(row.gain for row in rows)
        assert [sale.booked.movement.id for sale in found.sales] == [disposal.id]
        for step in found.steps:
            assert [one.booked.movement.id for one in step.acquisitions] == [step.view.disposal.matched]
            assert step.notes
    with pytest.raises(NotFoundError, match="no disposal"):
        await explain_disposal(services, PORTFOLIO, "nothing")
    with pytest.raises(NotFoundError, match="no book"):
        await explain_disposal(services, "other", page.items[0].disposal.id)
    await set_profile(services, PORTFOLIO, replace(TaxProfile(), method=Method.LIFO))
    with pytest.raises(ConflictError, match="derived anew"):
        await explain_disposal(services, PORTFOLIO, page.items[0].disposal.id)


async def test_disposals_by_year_asset_and_term_add_up(either: App) -> None:
    services = either.services
    whole = (await list_disposals(services, PORTFOLIO, limit=1_000)).items
    report = await years(services, PORTFOLIO)
    parts: list[DisposalView] = []
    for one in report.years:
        rows = (await list_disposals(services, PORTFOLIO, year=one.totals.year, limit=1_000)).items
        assert {row.year for row in rows} <= {one.totals.year}
        assert len(rows) == one.disposals
        short = sum(row.disposal.gain for row in rows if row.disposal.term is Term.SHORT)
        assert short == one.totals.net_short
        parts += rows
    assert parts == list(whole)
    for term in Term:
        rows = (await list_disposals(services, PORTFOLIO, term=term, limit=1_000)).items
        assert rows == tuple(row for row in whole if row.disposal.term is term)
    first = await list_disposals(services, PORTFOLIO, asset="ETH", limit=7)
    second = await list_disposals(services, PORTFOLIO, asset="ETH", limit=1_000, cursor=first.next_cursor)
    assert (*first.items, *second.items) == tuple(row for row in whole if row.disposal.asset == "ETH")


async def test_unused_basis_is_allocated_where_one_pool_becomes_one_a_wallet(app: App) -> None:
    services = app.services
    await set_profile(services, PORTFOLIO, replace(TaxProfile(), scope=Scope.UNIVERSAL))
    await set_profile(services, PORTFOLIO, replace(TaxProfile(), since=date(2025, 1, 1)))
    before = await kept(app)
    async with services.ledger.read() as work:
        groups = [wallet.group for wallet in await work.wallets.all(PORTFOLIO)]
    said = await judge.allocate(services, PORTFOLIO, {"wallets": groups[::-1], "order": "hifo"}, ME)
    book, _ = await kept(app)
    assert book.fingerprint != before[0].fingerprint
    whole = await explain_disposal(services, PORTFOLIO, book.disposals[-1].id)
    assert whole.steps
    await judge.undo(services, PORTFOLIO, said.judgment.id, ME)
    assert await kept(app) == before
    for allocation, match in (
        ({}, "either"),
        ({"wallets": ["nowhere"]}, "no tax wallet"),
        ({"wallets": groups, "order": "best"}, "order"),
        ({"units": [{"lot": "x", "wallet": groups[0], "qty": "1"}]}, "no lot x"),
        ({"units": [{"lot": "x", "wallet": groups[0], "qty": "-1"}]}, "more than zero"),
    ):
        with pytest.raises(InputError, match=match):
            await judge.allocate(services, PORTFOLIO, allocation, ME)
