"""Booked movements come back as they were saved, page by page; the order of their cursor is the book's."""

from dataclasses import replace
from datetime import timedelta

import pytest

from indexer.model.errors import InputError
from indexer.model.lots import Term
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.stored import BookedMovement, DisposalFilter, MovementFilter, SaleOutcome
from tests.store.examples import ALICE, BOB, CHAIN, ETHER, NOW, World
from tests.store.test_derived import snapshot

HUGE = 2**256 * 10**36
LEG = Leg(ALICE, ETHER, "ETH", HUGE, -HUGE, CHAIN, ALICE)
FULL = BookedMovement(
    Movement(
        id=f"{CHAIN}:0x1#2",
        time=NOW,
        order=(2**40, 3, 2),
        kind=MovementKind.SEND,
        out=(LEG, replace(LEG, value=None)),
        into=(LEG,),
        fee=(LEG,),
        counterparty="0xb0b\x00",
        link="across:1",
        note="a note",
        fee_value=HUGE,
        lots=(("m1", HUGE), ("m2", 1)),
        acquired_at=NOW - timedelta(microseconds=1),
        portfolio_value=HUGE,
        group="g",
    ),
    needs_review=True,
    proposed=MovementKind.RECEIVE,
    decisions=("d1", "d2"),
    if_sold=SaleOutcome(HUGE, 1, HUGE - 1, basis_known=False),
)


def movements(count: int) -> list[BookedMovement]:
    return [
        BookedMovement(
            Movement(
                f"{CHAIN}:{n:05d}",
                NOW,
                (n,),
                (MovementKind.SEND, MovementKind.SWAP)[n % 2],
                out=(replace(LEG, wallet=(ALICE, "home")[n % 3 == 0], address=(ALICE, BOB)[n % 5 == 0]),),
            ),
            needs_review=n % 4 == 0,
        )
        for n in range(count)
    ]


async def read_all(world: World, where: MovementFilter, limit: int) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        async with world.ledger.read() as work:
            page = await work.books.movements("default", where, cursor, limit)
        found += [booked.movement.id for booked in page.items]
        assert len(page.items) == limit or page.next_cursor is None
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


async def test_every_field_comes_back(world: World) -> None:
    await world.watch()
    async with world.ledger.write() as work:
        await work.books.save(snapshot(), [FULL])
    async with world.ledger.read() as work:
        page = await work.books.movements("default", MovementFilter(), None, 10)
        assert page.items == (FULL,)
        assert await work.books.movements_of("default", [FULL.movement.id, "other"]) == {
            FULL.movement.id: FULL
        }
        assert await work.books.movements_of("other", [FULL.movement.id]) == {}
    async with world.ledger.write() as work:
        await work.books.save(snapshot())
    async with world.ledger.read() as work:
        assert (await work.books.movements("default", MovementFilter(), None, 10)).items == ()


async def test_filters_and_pages(world: World) -> None:
    await world.watch()
    made = movements(2_503)
    async with world.ledger.write() as work:
        await work.books.save(snapshot(), made)
    everything = [booked.movement.id for booked in made]
    assert await read_all(world, MovementFilter(), 1_000) == everything
    swaps = await read_all(world, MovementFilter(kind=MovementKind.SWAP), 700)
    assert swaps == everything[1::2]
    assert await read_all(world, MovementFilter(needs_review=True), 1_000) == everything[::4]
    assert await read_all(world, MovementFilter(wallets=frozenset({"home"})), 400) == everything[::3]
    both = MovementFilter(wallets=frozenset({BOB}), needs_review=False, kind=MovementKind.SWAP)
    assert await read_all(world, both, 1) == everything[5::10]


async def test_a_cursor_of_an_older_book_is_refused(world: World) -> None:
    await world.watch()
    async with world.ledger.write() as work:
        await work.books.save(snapshot(), movements(3))
        cursor = (await work.books.movements("default", MovementFilter(), None, 1)).next_cursor
        await work.books.save(replace(snapshot(), fingerprint="e" * 64), movements(3))
    async with world.ledger.read() as work:
        with pytest.raises(InputError, match="changed"):
            await work.books.movements("default", MovementFilter(), cursor, 1)


async def test_disposals_and_gaps_are_read_a_few_at_a_time(world: World) -> None:
    await world.watch()
    book = snapshot()
    days = [
        replace(
            book.disposals[0],
            id=f"d{n}",
            disposed_at=NOW + timedelta(days=n),
            asset=("ETH", "USDC")[n % 2],
            term=(Term.LONG, Term.SHORT)[n % 3 == 0],
        )
        for n in range(9)
    ]
    async with world.ledger.write() as work:
        await work.books.save(replace(book, disposals=tuple(days)))
    async with world.ledger.read() as work:
        head = await work.books.head("default")
        assert head == replace(book, lots=(), disposals=(), income=(), gaps=(), disputed=())
        assert await work.books.gaps_of("default", ["m5", "m6"]) == (
            replace(book.gaps[0], detail="no price for a\ufffdtoken"),
        )
        assert await work.books.gaps_of("default", ["m6"]) == ()
        first = await work.books.disposals("default", DisposalFilter(pool="ETH"), None, 3)
        rest = await work.books.disposals("default", DisposalFilter(pool="ETH"), first.next_cursor, 3)
        assert (*first.items, *rest.items) == tuple(days[::2])
        assert rest.next_cursor is None
        where = DisposalFilter(term=Term.SHORT, since=NOW + timedelta(days=3), until=NOW + timedelta(days=6))
        assert (await work.books.disposals("default", where, None, 10)).items == (days[3],)
        with pytest.raises(InputError, match="this list"):
            await work.books.movements("default", MovementFilter(), first.next_cursor, 3)
        assert (await work.books.disposals("other", DisposalFilter(), None, 10)).items == ()
