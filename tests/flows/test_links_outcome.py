"""Both readings of every crossing of the story, held against the books that a decision really gives."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from indexer.demo.world import DemoWorld
from indexer.flows import decide
from indexer.flows.decide import Word
from indexer.flows.link_outcome import outcomes_of
from indexer.model.judgment import LinkDecision
from indexer.model.links import CrossChainLink, LinkState, ReasonCode, Treatment
from indexer.model.lots import Lot
from indexer.wiring import App
from tests.flows.world import PORTFOLIO, collect, opened, register_all


@pytest.fixture
async def app(played_world: DemoWorld, tmp_path: Path) -> AsyncIterator[App]:
    """The story, collected and derived."""
    async with opened(played_world, f"sqlite:///{tmp_path}/ledger.db") as made:
        await register_all(made, played_world)
        await collect(made)
        yield made


async def links_of(app: App) -> tuple[CrossChainLink, ...]:
    async with app.services.ledger.read() as work:
        return await work.links.all(PORTFOLIO)


def cost_of(lots: tuple[Lot, ...]) -> int:
    return sum(lot.cost for lot in lots)


async def test_a_reading_is_what_the_book_says_after_the_decision(app: App) -> None:
    links = [link for link in await links_of(app) if link.source and link.destination]
    shown = await outcomes_of(app.services, PORTFOLIO, links)
    assert set(shown) == {link.id for link in links}
    async with app.services.ledger.read() as work:
        carried = await work.books.load(PORTFOLIO)
    assert carried
    for link in links:
        if ReasonCode.REFUND in link.reasons:
            continue
        assert link.source
        assert link.state is LinkState.CONFIRMED
        both = shown[link.id]
        assert both.because is None, both
        assert both.if_disposal
        assert both.if_not
        assert not both.if_disposal.unknown, both
        made = await decide.decide(
            app.services, PORTFOLIO, link.id, Word(LinkDecision.CONFIRM, Treatment.TAXABLE)
        )
        await collect(app)
        async with app.services.ledger.read() as work:
            sold = await work.books.load(PORTFOLIO)
        assert sold
        name = f"{link.source.chain}:{link.source.tx}"
        rows = [row for row in sold.disposals if row.id == name][: len(both.left)]
        assert [(row.matched, row.quantity, row.cost) for row in rows] == [
            (part.lot, part.quantity, part.cost) for part in both.left
        ]
        assert sum(row.gain for row in rows) == both.if_disposal.gain
        assert sum(row.proceeds for row in rows) == both.if_disposal.proceeds
        await decide.undo(app.services, PORTFOLIO, made.decisions[0])
    await collect(app)


async def test_a_move_carries_its_whole_cost(app: App) -> None:
    links = [link for link in await links_of(app) if link.source and link.destination]
    for link in links:
        both = (await outcomes_of(app.services, PORTFOLIO, [link]))[link.id]
        assert both.if_not
        assert both.if_not.basis is not None
        assert both.if_not.cost is not None
        assert both.if_not.basis + both.if_not.cost == sum(part.cost for part in both.left) > 0
        dates = {part.lot: part.acquired_at for part in both.left}
        assert all(dates[part.lot] == part.acquired_at for part in both.if_not.parts)


async def test_a_page_of_questions_is_answered_as_one_by_one(app: App) -> None:
    links = await links_of(app)
    together = await outcomes_of(app.services, PORTFOLIO, links)
    for link in links:
        assert await outcomes_of(app.services, PORTFOLIO, [link]) == {link.id: together[link.id]}


async def test_an_open_half_has_what_can_be_known(app: App) -> None:
    chosen = next(link for link in reversed(await links_of(app)) if link.destination and not link.further)
    await decide.decide(app.services, PORTFOLIO, chosen.id, Word(LinkDecision.SPLIT))
    await collect(app)
    halves = {leg.id: link for link in await links_of(app) for leg in link.halves}
    assert chosen.source
    assert chosen.destination
    source, arrival = halves[chosen.source.id], halves[chosen.destination.id]
    shown = await outcomes_of(app.services, PORTFOLIO, [source, arrival])
    left, came = shown[source.id], shown[arrival.id]
    assert left.if_disposal
    assert left.if_not
    assert left.if_disposal.gain is not None
    assert left.if_disposal.basis == 0
    assert left.if_not.gain == 0
    assert left.if_not.basis == sum(part.cost for part in left.left) > 0
    assert came.if_disposal
    assert came.if_not
    assert came.if_disposal.basis
    assert came.if_not.basis is None
    assert came.if_not.unknown
    for half, reading in ((source, left.if_disposal), (arrival, came.if_disposal)):
        made = await decide.decide(
            app.services, PORTFOLIO, half.id, Word(LinkDecision.CONFIRM, Treatment.TAXABLE)
        )
        assert [view.link.treatment for view in made.links] == [Treatment.TAXABLE]
        await collect(app)
        async with app.services.ledger.read() as work:
            book = await work.books.load(PORTFOLIO)
        assert book
        leg = half.halves[0]
        name = f"{leg.chain}:{leg.tx}"
        assert not [gap for gap in book.gaps if gap.movement == name]
        if half is source:
            rows = [row for row in book.disposals if row.id == name][: len(left.left)]
            assert sum(row.gain for row in rows) == reading.gain
        else:
            assert reading.basis in [lot.cost for lot in book.lots if lot.id == name]
