"""Disagreements of price sources about the past: found by the process that builds the book, shown by every other."""

from dataclasses import replace
from decimal import Decimal

import httpx

from api.schemas.losses import CONFLICTS_SHOWN
from indexer.flows.book import rebuild_book
from indexer.model.facts import TransferKind
from indexer.model.prices import DisputedPrice
from indexer.model.stored import BookSnapshot, KeyScope
from indexer.prices.fake import FakeSource
from indexer.prices.service import Prices
from tests.api import values
from tests.api.conftest import START, Instance


async def watched(instance: Instance, client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/wallets", json={"address": values.ALICE, "chains": ["eip155:1"]})
    assert made.is_success
    rows = [values.transfer(values.ETHER, 3 * 10**18, "native", TransferKind.NATIVE)]
    await instance.collect(values.ALICE, "eip155:1", rows, covered_to=1_000)


async def test_what_the_worker_found_the_api_shows(instance: Instance, client: httpx.AsyncClient) -> None:
    await watched(instance, client)
    one, other = FakeSource("one"), FakeSource("other")
    one.set(values.ETHER.id, 2000)
    other.set(values.ETHER.id, 2500)
    worker = Prices([one, other], instance.services.ledger.quotes, instance.clock)
    await rebuild_book(replace(instance.services, prices=worker), "default")
    body = (await client.get("/v1/losses")).json()
    assert body["price_conflict_count"] == 1
    assert body["price_conflicts"] == [
        {
            "asset": values.ETHER.id,
            "instant": values.NOW.isoformat().replace("+00:00", "Z"),
            "used_for": "book",
            "used": {"value": "2000", "currency": "USD"},
            "source": "one",
            "rival": {"value": "2500", "currency": "USD"},
            "rival_source": "other",
            "spread": "0.25",
            "via": None,
        }
    ]
    stranger = await instance.client(await instance.key("other", KeyScope.READ), "0.0.0.0")
    assert (await stranger.get("/v1/losses")).json()["price_conflicts"] == []
    # a book without it takes it away
    agreeing = Prices([one], instance.services.ledger.quotes, instance.clock)
    await rebuild_book(replace(instance.services, prices=agreeing), "default")
    assert (await client.get("/v1/losses")).json()["price_conflict_count"] == 0


async def test_the_widest_are_listed_and_all_are_counted(
    instance: Instance, client: httpx.AsyncClient
) -> None:
    await watched(instance, client)
    many = tuple(
        DisputedPrice(values.ETHER.id, "USD", START, "one", Decimal(100), "other", Decimal(110 + n))
        for n in range(CONFLICTS_SHOWN + 20)
    )
    book = BookSnapshot("default", "f" * 64, "USD", START, {"eip155:1": 1_000}, (), (), (), (), disputed=many)
    async with instance.services.ledger.write() as work:
        await work.books.save(book)
    body = (await client.get("/v1/losses")).json()
    assert body["price_conflict_count"] == len(many)
    assert [row["spread"] for row in body["price_conflicts"][:2]] == ["1.29", "1.28"]
    assert len(body["price_conflicts"]) == CONFLICTS_SHOWN
