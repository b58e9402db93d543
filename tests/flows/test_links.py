"""The owner's word about cross-chain moves, over two real local chains and both databases."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from indexer.demo.world import DemoWorld
from indexer.flows import decide
from indexer.flows.decide import Word
from indexer.flows.link import list_links
from indexer.flows.pairing import Pairings
from indexer.flows.refresh import refresh_portfolio
from indexer.flows.wallets import register_wallet
from indexer.model.errors import ConflictError, InputError, NotFoundError
from indexer.model.judgment import LinkDecision
from indexer.model.links import CrossChainLink, LinkFilter, LinkState, ReasonCode, Tier, Treatment
from indexer.model.stored import BookSnapshot
from indexer.wiring import App
from tests.flows.world import PORTFOLIO, collect, opened, register_all

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONFIRM, REJECT = Word(LinkDecision.CONFIRM), Word(LinkDecision.REJECT)
SPLIT, PAIR = Word(LinkDecision.SPLIT), Word(LinkDecision.PAIR)
TAXABLE = Word(LinkDecision.CONFIRM, Treatment.TAXABLE, why="my adviser says so")


@pytest.fixture
async def app(played_world: DemoWorld, database_url: str) -> AsyncIterator[App]:
    """The story, collected and derived."""
    async with opened(played_world, database_url) as made:
        await register_all(made, played_world)
        await collect(made)
        yield made


async def links_of(app: App) -> list[CrossChainLink]:
    async with app.services.ledger.read() as work:
        return list(await work.links.all(PORTFOLIO))


async def crossings(app: App) -> list[CrossChainLink]:
    """Moves with both halves on two chains, oldest first."""
    return [
        found
        for found in reversed(await links_of(app))
        if found.source and found.destination and found.source.chain != found.destination.chain
    ]


async def book_of(app: App) -> BookSnapshot:
    """The book, but for when it was built and how often anything had changed by then."""
    async with app.services.ledger.read() as work:
        assert await work.books.stale() == ()
        book = await work.books.load(PORTFOLIO)
    assert book is not None
    return replace(book, facts_version=0, built_at=EPOCH)


async def test_deciding_changes_the_book_and_undoing_restores_every_byte(app: App) -> None:
    links, book = await links_of(app), await book_of(app)
    chosen = (await crossings(app))[0]
    for word in (TAXABLE, REJECT, SPLIT):
        made = await decide.decide(app.services, PORTFOLIO, chosen.id, word)
        await collect(app)
        assert (await book_of(app)).fingerprint != book.fingerprint
        assert await links_of(app) != links
        await decide.undo(app.services, PORTFOLIO, made.decisions[0])
        await collect(app)
        assert await links_of(app) == links
        assert await book_of(app) == book


async def test_a_confirmed_move_is_taxed_as_the_owner_says(app: App) -> None:
    chosen = (await crossings(app))[0]
    assert chosen.source
    made = await decide.decide(app.services, PORTFOLIO, chosen.id, TAXABLE)
    (view,) = made.links
    assert (view.link.id, view.link.state) == (chosen.id, LinkState.CONFIRMED)
    assert (view.link.treatment, view.link.default_treatment) == (Treatment.TAXABLE, chosen.treatment)
    assert view.link.decision == made.decisions[0]
    assert not view.link.is_open
    await collect(app)
    sold = f"{chosen.source.chain}:{chosen.source.tx}"
    assert any(disposal.id == sold and disposal.quantity for disposal in (await book_of(app)).disposals)
    await decide.decide(app.services, PORTFOLIO, chosen.id, Word(LinkDecision.CONFIRM, Treatment.NOT_TAXABLE))
    await collect(app)
    (found,) = [link for link in await links_of(app) if link.id == chosen.id]
    assert (found.treatment, found.state) == (Treatment.NOT_TAXABLE, LinkState.CONFIRMED)


async def test_a_rejected_move_stays_rejected(app: App) -> None:
    chosen = (await crossings(app))[0]
    await decide.decide(app.services, PORTFOLIO, chosen.id, REJECT)
    await refresh_portfolio(app.services, PORTFOLIO)
    (found,) = [link for link in await links_of(app) if link.id == chosen.id]
    assert (found.state, found.halves) == (LinkState.REJECTED, chosen.halves)
    page = await list_links(app.services, PORTFOLIO, where=LinkFilter(state=LinkState.REJECTED))
    assert [view.link.id for view in page.items] == [chosen.id]


async def test_split_halves_are_paired_again_by_hand(app: App) -> None:
    first, second = (await crossings(app))[:2]
    for one in (first, second):
        made = await decide.decide(app.services, PORTFOLIO, one.id, SPLIT)
        assert [len(view.link.halves) for view in made.links] == [1, 1]
        assert all(view.link.is_open for view in made.links)
    halves = {leg.id: link for link in await links_of(app) for leg in link.halves}
    assert first.source
    assert second.destination
    crossed = await decide.pair(
        app.services, PORTFOLIO, halves[first.source.id].id, halves[second.destination.id].id, PAIR
    )
    # the new word replaces both splits, and the halves that are left find each other or nobody
    pair = next(view.link for view in crossed.links if view.link.tier is Tier.MANUAL)
    assert (pair.source, pair.destination) == (first.source, second.destination)
    assert (pair.state, pair.decision) == (LinkState.CONFIRMED, crossed.decisions[0])
    await collect(app)
    await decide.undo(app.services, PORTFOLIO, pair.id)
    assert pair.id not in {link.id for link in await links_of(app)}


async def test_plain_transfers_are_paired_by_hand(app: App) -> None:
    async with app.services.ledger.read() as work:
        transfers = [transfer async for transfer in work.facts.stream(PORTFOLIO)]
        own = {wallet.address for wallet in await work.wallets.all(PORTFOLIO)}
    linked = {(leg.chain, leg.tx) for link in await links_of(app) for leg in link.halves}
    plain = [one for one in transfers if (one.chain, one.tx) not in linked and one.kind.value != "gas"]
    left = next(one for one in plain if one.sender in own and one.recipient not in own)
    arrived = next(
        one for one in plain if one.recipient in own and one.sender not in own and one.chain != left.chain
    )
    names = ["/".join(one.key) for one in (left, arrived)]
    before = await links_of(app)
    made = await decide.pair(app.services, PORTFOLIO, names[0], names[1], PAIR)
    (view,) = made.links
    assert view.link.tier is Tier.MANUAL
    assert [leg.tx for leg in view.link.halves] == [left.tx, arrived.tx]
    await refresh_portfolio(app.services, PORTFOLIO)
    assert view.link in await links_of(app)
    await decide.undo(app.services, PORTFOLIO, made.decisions[0])
    assert await links_of(app) == before
    with pytest.raises(InputError, match="does not leave"):
        await decide.pair(app.services, PORTFOLIO, names[1], names[0], PAIR)
    with pytest.raises(NotFoundError):
        await decide.pair(app.services, PORTFOLIO, names[0], "eip155:1/0x0/log:1", PAIR)


async def test_a_protocol_is_decided_and_undone_as_one(app: App) -> None:
    links = await links_of(app)
    still_open = [link for link in links if link.is_open]
    made = await decide.decide_protocol(
        app.services, PORTFOLIO, "across", Word(LinkDecision.CONFIRM, Treatment.NOT_TAXABLE)
    )
    assert made.batch
    assert len(made.decisions) == len(still_open) > 0
    assert not [link for link in await links_of(app) if link.is_open]
    again = await decide.decide_protocol(app.services, PORTFOLIO, "across", CONFIRM)
    assert again.decisions == ()
    undone = await decide.undo(app.services, PORTFOLIO, made.batch)
    assert len(undone.decisions) == len(made.decisions)
    assert await links_of(app) == links
    with pytest.raises(ConflictError):
        await decide.undo(app.services, PORTFOLIO, made.batch)
    said = await decide.decisions(app.services, PORTFOLIO)
    assert len(said) == 2 * len(made.decisions)


async def test_what_cannot_be_decided_is_refused(app: App) -> None:
    chosen = (await crossings(app))[0]
    with pytest.raises(NotFoundError):
        await decide.decide(app.services, PORTFOLIO, "lnk_none", CONFIRM)
    with pytest.raises(NotFoundError):
        await decide.decide(app.services, "another", chosen.id, CONFIRM)
    with pytest.raises(ConflictError):
        await decide.undo(app.services, PORTFOLIO, chosen.id)
    with pytest.raises(NotFoundError):
        await decide.undo(app.services, PORTFOLIO, "jdg_none")
    with pytest.raises(InputError):
        await decide.decide(app.services, PORTFOLIO, chosen.id, PAIR)
    with pytest.raises(InputError):
        await decide.decide_protocol(app.services, PORTFOLIO, "across", SPLIT)


async def test_links_are_filtered(app: App, played_world: DemoWorld) -> None:
    async def ids(where: LinkFilter, wallet: str | None = None) -> set[str]:
        page = await list_links(app.services, PORTFOLIO, where=where, wallet=wallet)
        return {view.link.id for view in page.items}

    links = await links_of(app)
    assert await ids(LinkFilter(protocol="across")) == {link.id for link in links}
    assert await ids(LinkFilter(protocol="hop")) == set()
    refunds = {link.id for link in links if ReasonCode.REFUND in link.reasons}
    assert await ids(LinkFilter(reason=ReasonCode.REFUND)) == refunds
    assert await ids(LinkFilter(open_only=True)) == {link.id for link in links if link.is_open}
    vault = played_world.wallets[1]
    assert await ids(LinkFilter(), vault) == {
        link.id
        for link in links
        if any(vault in {leg.wallet, leg.recipient, leg.tx_sender} for leg in link.halves)
    }
    shown: list[str] = []
    cursor = None
    while True:
        page = await list_links(
            app.services, PORTFOLIO, where=LinkFilter(open_only=True), cursor=cursor, limit=2
        )
        shown += [view.link.id for view in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert shown == [link.id for link in links if link.is_open]


async def told(app: App) -> int:
    """Transactions that linking had to look at so far."""
    async with app.services.pairings.of(PORTFOLIO) as pairing:
        return pairing.told


async def test_a_transaction_is_decoded_and_linked_once(app: App) -> None:
    before, looked = app.services.halves.decoded, await told(app)
    assert before > 0
    assert looked > 0
    await refresh_portfolio(app.services, PORTFOLIO)
    await decide.decide(app.services, PORTFOLIO, (await crossings(app))[0].id, TAXABLE)
    assert app.services.halves.decoded == before
    assert await told(app) == looked


async def test_what_is_remembered_of_linking_changes_nothing_but_the_work(app: App) -> None:
    """After the newest block is lost and read again, a process that remembers says what a fresh one would."""
    looked = await told(app)
    async with app.services.ledger.read() as work:
        newest = [t async for t in work.facts.stream(PORTFOLIO)][-1]
    async with app.services.ledger.write() as work:
        await work.facts.rollback(newest.chain, newest.block.number - 1)
    for _ in range(2):
        await refresh_portfolio(app.services, PORTFOLIO)
        remembered = await links_of(app)
        await refresh_portfolio(replace(app.services, pairings=Pairings()), PORTFOLIO)
        assert await links_of(app) == remembered
        await collect(app)
    assert 0 < await told(app) - looked < looked / 4


async def test_a_reorg_of_either_half_dissolves_the_link_until_the_half_is_back(app: App) -> None:
    links, book = await links_of(app), await book_of(app)
    chosen = (await crossings(app))[-1]
    assert chosen.source
    assert chosen.destination
    made = await decide.decide(app.services, PORTFOLIO, chosen.id, TAXABLE)
    await collect(app)
    decided, taxed = await links_of(app), await book_of(app)
    async with app.services.ledger.read() as work:
        blocks = {(t.chain, t.tx): t.block.number async for t in work.facts.stream(PORTFOLIO)}
    for leg, other in ((chosen.destination, chosen.source), (chosen.source, chosen.destination)):
        async with app.services.ledger.write() as work:
            await work.facts.rollback(leg.chain, blocks[leg.chain, leg.tx] - 1)
        await refresh_portfolio(app.services, PORTFOLIO)
        torn = await links_of(app)
        assert not [link for link in torn if leg.id in {half.id for half in link.halves}]
        (left,) = [link for link in torn if other.id in {half.id for half in link.halves}]
        assert (left.state, left.decision, len(left.halves)) == (LinkState.PROPOSED, None, 1)
        await collect(app)
        assert await links_of(app) == decided
        assert await book_of(app) == taxed
    await decide.undo(app.services, PORTFOLIO, made.decisions[0])
    await collect(app)
    assert await links_of(app) == links
    assert await book_of(app) == book


async def test_links_and_decisions_never_cross_portfolios(played_world: DemoWorld, database_url: str) -> None:
    chains = tuple(chain.caip2 for chain in played_world.chains)
    main, vault = played_world.wallets
    async with opened(played_world, database_url) as app:
        for portfolio, address in (("main", main), ("vault", vault), ("both", main), ("both", vault)):
            await register_wallet(app.services, portfolio, address, chains)
        await collect(app)

        async def of(portfolio: str) -> list[CrossChainLink]:
            async with app.services.ledger.read() as work:
                return list(await work.links.all(portfolio))

        for portfolio in ("main", "vault"):
            async with app.services.ledger.read() as work:
                seen = {(t.chain, t.tx) async for t in work.facts.stream(portfolio)}
            assert all((leg.chain, leg.tx) in seen for link in await of(portfolio) for leg in link.halves)
        assert {link.id for link in await of("both")} != {link.id for link in await of("main")}
        before = {portfolio: await of(portfolio) for portfolio in ("main", "vault")}
        await decide.decide_protocol(app.services, "both", "across", REJECT)
        await collect(app)
        assert {portfolio: await of(portfolio) for portfolio in before} == before
        assert not [link for link in await of("both") if link.is_open]
