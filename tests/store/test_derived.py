"""Links, books and quotes: what is derived or fetched comes back exactly as it was saved."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.model.errors import ConflictError
from indexer.model.links import (
    BridgeLeg,
    CrossChainLink,
    LinkFilter,
    LinkState,
    Mechanism,
    ReasonCode,
    Side,
    Tier,
    Treatment,
)
from indexer.model.lots import BookGap, BookGapCode, Disposal, Income, Lot, Term
from indexer.model.prices import DisputedPrice, PriceNeed, PriceQuote
from indexer.model.stored import BookSnapshot
from indexer.prices.cache import MemoryQuoteCache
from tests.store.examples import ALICE, CHAIN, ETHER, NOW, World, page, transfer

HUGE = 2**256 * 10**36


def leg(side: Side, time: datetime | None = NOW) -> BridgeLeg:
    return BridgeLeg(
        id=f"{CHAIN}:0x1:{side}",
        side=side,
        protocol="across",
        chain=CHAIN,
        tx="0x1",
        time=time,
        asset=ETHER,
        amount=2**255,
        wallet=ALICE,
        expected_amount=2**255 - 1,
        mechanism=Mechanism.LIQUIDITY,
        via=("lifi", "socket"),
        refund=True,
    )


def link(name: str, time: datetime | None = NOW, **changes: object) -> CrossChainLink:
    made = CrossChainLink(
        id=name,
        source=leg(Side.SOURCE, time),
        destination=None,
        protocol="across",
        tier=Tier.EXACT_ID,
        confidence=0.1 + 0.2,
        state=LinkState.PROPOSED,
        reasons=(ReasonCode.UNMATCHED_SOURCE, ReasonCode.FEE_LOST),
        treatment=Treatment.REVIEW,
        evidence=("deposit 7 of 0x1",),
        fee=-(2**255),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def snapshot(portfolio: str = "default", size: int = 1, version: int = 0) -> BookSnapshot:
    lot = Lot(
        "m1", "ETH", ALICE, HUGE, -HUGE, NOW, date(2026, 3, 1), CHAIN, ALICE, "gap:zero", basis_known=False
    )
    disposal = Disposal(
        "m2", "ETH", "wallet", 1, "m1", "fifo", NOW, None, HUGE, 1, 2, HUGE + 1, Term.LONG, "m3"
    )
    return BookSnapshot(
        portfolio=portfolio,
        fingerprint="f" * 64,
        currency="EUR",
        built_at=NOW,
        as_of_block={CHAIN: 2**40},
        lots=(*(replace(lot, id=f"m{n}", quantity=n) for n in range(size, 0, -1)), lot),
        disposals=(disposal, disposal, replace(disposal, acquired_at=NOW, washed_into=None, term=Term.SHORT)),
        income=(Income("m4", ETHER, HUGE, 0, NOW),),
        gaps=(BookGap("m5", BookGapCode.UNKNOWN_PRICE, ETHER, -1, "no price for a\x00token"),),
        facts_version=version,
        disputed=(DisputedPrice(ETHER, "EUR", NOW, "one", Decimal("1E-7"), "other", Decimal(0), None),),
    )


async def test_links_are_replaced_as_a_whole(world: World) -> None:
    await world.watch()
    two_sided = link(
        "b", NOW - timedelta(days=1), destination=leg(Side.DESTINATION), state=LinkState.CONFIRMED
    )
    first = [
        link("a"),
        two_sided,
        link("c", None),
        link("d", None, source=None, destination=leg(Side.DESTINATION)),
    ]
    async with world.ledger.write() as work:
        await work.links.replace("default", first)
    async with world.ledger.read() as work:
        assert [found.id for found in await work.links.all("default")] == ["a", "d", "b", "c"]
        assert {found.id: found for found in await work.links.all("default")} == {
            one.id: one for one in first
        }
        confirmed = await work.links.list("default", LinkFilter(state=LinkState.CONFIRMED), None, 10)
        assert confirmed.items == (two_sided,)
    second = [link("a", confidence=1.0), link("e")]
    async with world.ledger.write() as work:
        await work.links.replace("default", second)
    async with world.ledger.read() as work:
        assert await work.links.all("default") == tuple(second)


async def test_links_page_from_the_newest_and_survive_inserts(world: World) -> None:
    await world.watch()
    links = [link(f"l{n}", NOW - timedelta(days=n // 2)) for n in range(6)]
    async with world.ledger.write() as work:
        await work.links.replace("default", links)
        first = await work.links.list("default", None, None, 3)
        await work.links.replace("default", [link("l9", NOW + timedelta(days=1)), *links])
        second = await work.links.list("default", None, first.next_cursor, 3)
    assert [found.id for found in (*first.items, *second.items)] == [f"l{n}" for n in range(6)]
    assert second.next_cursor is None


async def test_links_belong_to_a_portfolio_that_exists(world: World) -> None:
    with pytest.raises(ConflictError):
        async with world.ledger.write() as work:
            await work.links.replace("nobody", [link("a")])


async def test_a_book_comes_back_as_it_was_saved(world: World) -> None:
    await world.watch()
    for book in (snapshot(size=3), snapshot(size=1)):
        async with world.ledger.write() as work:
            assert await work.books.load("other") is None
            await work.books.save(book)
        async with world.ledger.read() as work:
            loaded = await work.books.load("default")
        assert loaded is not None
        (gap,) = book.gaps
        assert loaded == replace(book, gaps=(replace(gap, detail="no price for a\ufffdtoken"),))


async def test_a_book_is_stale_when_anything_changed_since_it_was_read(world: World) -> None:
    await world.watch()
    async with world.ledger.read() as work:
        assert await work.books.stale() == ("default",)
        version = await work.books.version("default")
    await world.collect(page([transfer(1)]))  # lands while the book is being built
    async with world.ledger.write() as work:
        await work.books.save(snapshot(version=version))
        assert await work.books.stale() == ("default",)
        version = await work.books.version("default")
        await work.books.save(snapshot(version=version))
        assert await work.books.stale() == ()
        await work.books.mark_stale([ALICE, "0xnobody"])
        assert await work.books.stale() == ("default",)


assets = st.sampled_from([ETHER, "eip155:10/slip44:60"])
hours = st.integers(-6, 6).map(lambda n: NOW + timedelta(minutes=20 * n))
plain_quotes = st.builds(
    PriceQuote,
    asset=assets,
    currency=st.sampled_from(["USD", "EUR"]),
    instant=hours,
    price=st.decimals("0", "1e12", places=18),
    source=st.sampled_from(["defillama", "uniswap_v2", "manual"]),
    distance=st.integers(-(10**9), 10**9).map(lambda n: timedelta(microseconds=n)),
    confidence=st.none() | st.floats(0, 1),
    via=st.none() | assets,
)
rivals = st.none() | st.tuples(st.sampled_from(["kraken", "pyth"]), st.decimals("0", "1e12", places=18))


def disputed(quote: PriceQuote, rival: tuple[str, Decimal] | None) -> PriceQuote:
    if rival is None:
        return quote
    return replace(quote, rival=replace(quote, source=rival[0], price=rival[1], confidence=None))


quotes = st.builds(disputed, plain_quotes, rivals)
needs = st.builds(PriceNeed, asset=assets, instant=hours, currency=st.sampled_from(["USD", "EUR"]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(quotes, max_size=6), max_size=3),
    wanted=st.lists(needs, max_size=6),
    within=st.integers(0, 150).map(lambda n: timedelta(minutes=n)),
)
async def test_the_stored_quotes_answer_like_those_in_memory(
    world: World, batches: Sequence[Sequence[PriceQuote]], wanted: Sequence[PriceNeed], within: timedelta
) -> None:
    async with world.ledger.writing() as transaction:
        from indexer.store.tables import quote

        await transaction.run(quote.delete())
    memory = MemoryQuoteCache()
    for batch in batches:
        await memory.save(batch)
        await world.ledger.quotes.save(batch)
    expected = await memory.load(wanted, within)
    found = await world.ledger.quotes.load(wanted, within)

    def sort(answer: dict[PriceNeed, list[PriceQuote]]) -> dict[PriceNeed, list[PriceQuote]]:
        return {need: sorted(given, key=lambda quote: quote.source) for need, given in answer.items()}

    assert sort(found) == sort(expected)


async def test_a_price_keeps_its_digits_and_its_zero(world: World) -> None:
    prices = [
        Decimal(0),
        Decimal("1e-30"),
        Decimal("1234567890123456789.123456789012345678"),
        Decimal("1E+40"),
    ]
    saved = [PriceQuote(f"asset-{n}", "USD", NOW, price, "manual") for n, price in enumerate(prices)]
    await world.ledger.quotes.save(saved)
    found = await world.ledger.quotes.load([PriceNeed(quote.asset, NOW) for quote in saved], timedelta(0))
    assert [quote for given in found.values() for quote in given] == saved
