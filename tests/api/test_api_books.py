"""Links, lots and losses as they are served from what the ledger holds."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import httpx
import pytest

from api.schemas.losses import LossesOut
from indexer.flows.losses import losses
from indexer.model.asset import Asset
from indexer.model.facts import TransferKind
from indexer.model.links import CrossChainLink, LinkState
from indexer.model.lots import BookGap, BookGapCode, Lot
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.model.stored import BookSnapshot, KeyScope
from tests.api import values
from tests.api.conftest import START, Instance

ONE = 10**18


def lot(name: str, asset: Asset, quantity: int, cost: int, acquired: date) -> Lot:
    return Lot(
        id=f"eip155:1:{name}",
        asset=asset.id,
        wallet=values.ALICE,
        quantity=quantity,
        cost=cost * ONE,
        acquired_at=START.replace(year=acquired.year, month=acquired.month, day=acquired.day),
        holding_from=acquired,
        chain="eip155:1",
        address=values.ALICE,
    )


LOTS = (
    lot("0x01", values.ETHER, 2 * ONE, 6_000, date(2026, 1, 5)),
    lot("0x02", values.ETHER, ONE, 1_000, date(2024, 1, 5)),
    lot("0x03", values.COIN, 100 * ONE, 100, date(2026, 1, 6)),
    lot("0x04", values.ODD, 7, 50, date(2026, 1, 7)),
)
GAP = BookGap("eip155:1:0x04", BookGapCode.UNKNOWN_BASIS, values.ODD.id, 7, "it came from a stranger")


@pytest.fixture
async def wallet(instance: Instance, client: httpx.AsyncClient) -> str:
    """A wallet that is collected, booked and, but for one token, priced."""
    made = await client.post("/v1/wallets", json={"address": values.ALICE, "chains": ["eip155:1"]})
    rows = [
        values.transfer(values.ETHER, 3 * ONE, "native", TransferKind.NATIVE),
        values.transfer(values.COIN, 10**8, "log:1", TransferKind.ERC20),
        values.transfer(values.ODD, 7, "log:2", TransferKind.ERC20),
    ]
    await instance.collect(values.ALICE, "eip155:1", rows, covered_to=1_000)
    async with instance.services.ledger.write() as work:
        await work.books.save(
            BookSnapshot("default", "f" * 64, "USD", START, {"eip155:1": 1_000}, LOTS, (), (), (GAP,))
        )
        await work.links.replace("default", links())
    earlier = START - timedelta(minutes=30)
    await instance.services.ledger.quotes.save(
        [
            PriceQuote(values.ETHER.id, "USD", START, Decimal("2000.5"), "manual"),
            PriceQuote(values.COIN.id, "USD", earlier, Decimal("1.01"), "manual"),
        ]
    )
    return str(made.json()["id"])


def links() -> list[CrossChainLink]:
    made = []
    for n, state in enumerate([LinkState.PROPOSED, LinkState.CONFIRMED, LinkState.PROPOSED]):
        source = values.LINK.link.source
        assert source is not None
        moved = replace(source, time=values.NOW + timedelta(hours=n))
        made.append(replace(values.LINK.link, id=f"across:{n}", state=state, source=moved))
    return made


def dollars(value: str) -> dict[str, str]:
    return {"value": value, "currency": "USD"}


async def test_lots(client: httpx.AsyncClient, wallet: str) -> None:
    body = (await client.get("/v1/lots")).json()
    ether, old, coin, odd = body["data"]
    assert (ether["id"], ether["quantity"], ether["symbol"]) == ("eip155:1:0x01", "2", "ETH")
    assert (ether["cost"], ether["value"], ether["unrealized"]) == (
        dollars("6000"),
        dollars("4001"),
        dollars("-1999"),
    )
    assert (ether["price"], ether["price_source"]) == (dollars("2000.5"), "manual")
    assert (ether["term"], old["term"]) == ("short", "long")
    assert (ether["wallet"], ether["address"]) == (values.ALICE_SHOWN, values.ALICE_SHOWN)
    assert coin["value"] == dollars("101")
    assert odd["price"] is odd["value"] is odd["unrealized"] is None
    assert odd["price_missing"] == "unknown"
    assert body["as_of_block"] == {"eip155:1": 1_000}
    assert body["price_as_of"] == "2026-03-01T11:30:00Z"
    assert body["complete"] is False


async def test_lots_are_filtered_and_paged(client: httpx.AsyncClient, wallet: str) -> None:
    async def ids(**params: str) -> list[str]:
        return [row["id"][-1] for row in (await client.get("/v1/lots", params=params)).json()["data"]]

    assert await ids() == ["1", "2", "3", "4"]
    assert await ids(asset=values.COIN.id) == ["3"]
    assert await ids(asset=values.COIN.id.replace("0xa0b8", "0xA0B8")) == ["3"]
    assert await ids(wallet=wallet) == await ids(wallet=values.ALICE_SHOWN) == ["1", "2", "3", "4"]
    first = (await client.get("/v1/lots", params={"limit": 3})).json()
    assert [row["id"][-1] for row in first["data"]] == ["1", "2", "3"]
    second = (await client.get("/v1/lots", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [row["id"][-1] for row in second["data"]] == ["4"]
    assert second["next_cursor"] is None


async def test_a_cursor_of_an_older_book_is_refused(
    instance: Instance, client: httpx.AsyncClient, wallet: str
) -> None:
    cursor = (await client.get("/v1/lots", params={"limit": 1})).json()["next_cursor"]
    async with instance.services.ledger.write() as work:
        await work.books.save(
            BookSnapshot("default", "e" * 64, "USD", START, {"eip155:1": 1_001}, LOTS[1:], (), (), ())
        )
    answer = await client.get("/v1/lots", params={"cursor": cursor})
    assert answer.status_code == 400
    assert "changed" in answer.json()["detail"]


async def test_losses_by_asset(client: httpx.AsyncClient, wallet: str) -> None:
    body = (await client.get("/v1/losses")).json()
    assert (body["group_by"], body["currency"], body["next_cursor"]) == ("asset", "USD", None)
    rows = {row["label"]: row for row in body["data"]}
    assert next(iter(rows)) == "ETH"
    ether = rows["ETH"]
    assert (ether["quantity"], ether["lots"], ether["unpriced_lots"]) == ("3", 2, 0)
    assert (ether["loss"], ether["short_loss"], ether["long_loss"]) == (
        dollars("1999"),
        dollars("1999"),
        dollars("0"),
    )
    assert (ether["gain"], ether["unrealized"]) == (dollars("1000.5"), dollars("-998.5"))
    assert ether["price"] == dollars("2000.5")
    odd = rows["ODD"]
    assert odd["value"] is odd["unrealized"] is odd["price"] is None
    assert odd["loss"] == dollars("0")
    assert body["totals"]["loss"] == dollars("1999")
    assert body["totals"]["cost"] == dollars("7150")
    assert body["totals"]["priced_share_of_cost"] == "0.993006"
    assert [(row["symbol"], row["status"]) for row in body["unpriced"]] == [("ODD", "unknown")]
    assert [(gap["code"], gap["quantity"]) for gap in body["book_gaps"]] == [("unknown_basis", "7")]
    assert (body["complete"], body["fingerprint"]) == (False, "f" * 64)
    assert any("price unknown" in reason for reason in body["incomplete_because"])


async def test_losses_by_chain_and_wallet(client: httpx.AsyncClient, wallet: str) -> None:
    for grouping, key in (("chain", "eip155:1"), ("wallet", values.ALICE_SHOWN)):
        body = (await client.get("/v1/losses", params={"group_by": grouping})).json()
        (row,) = body["data"]
        assert (row["key"], row["lots"], row["unpriced_lots"], row["quantity"]) == (key, 4, 1, None)
        assert row["loss"] == dollars("1999")
        assert row["wallets"] == [values.ALICE_SHOWN]


async def test_links(client: httpx.AsyncClient, wallet: str) -> None:
    body = (await client.get("/v1/links")).json()
    assert [row["id"] for row in body["data"]] == ["across:2", "across:1", "across:0"]
    first = body["data"][0]
    assert first["source"]["symbol"] == "USDC"
    assert first["source"]["amount"] == {"raw": "1000000", "decimals": 6, "value": "1"}
    assert first["source"]["timestamp"] == "2026-01-02T05:04:05Z"
    assert first["reasons"] == ["UNMATCHED_SOURCE"]
    confirmed = (await client.get("/v1/links", params={"state": "confirmed"})).json()
    assert [row["id"] for row in confirmed["data"]] == ["across:1"]
    page = (await client.get("/v1/links", params={"limit": 2})).json()
    rest = (await client.get("/v1/links", params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert [row["id"] for row in page["data"] + rest["data"]] == ["across:2", "across:1", "across:0"]
    assert rest["next_cursor"] is None


async def test_before_the_first_book_nothing_is_claimed(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/losses")).json()
    assert (body["data"], body["complete"], body["fingerprint"]) == ([], False, None)
    assert body["incomplete_because"]
    assert (await client.get("/v1/lots")).json()["data"] == []


async def test_another_portfolio_has_none_of_it(instance: Instance, wallet: str) -> None:
    other = await instance.client(await instance.key("other", KeyScope.READ), "0.0.0.0")
    for path in ("/v1/losses", "/v1/lots", "/v1/links", "/v1/transfers", "/v1/wallets"):
        assert (await other.get(path)).json()["data"] == []


async def test_prices_that_two_sources_disagree_about_are_shown_with_both(
    instance: Instance, wallet: str
) -> None:
    """What the price service answers with a rival is passed on; which quotes are rivals is its own test."""
    ours = PriceQuote(values.ETHER.id, "USD", START, Decimal("2000.5"), "manual")
    rival = replace(ours, price=Decimal(2300), source="kraken")

    class Disagreeing:
        policy = instance.services.prices.policy

        async def resolve(
            self, needs: Iterable[PriceNeed], assets: Mapping[str, Asset]
        ) -> dict[PriceNeed, PriceResult]:
            answers = await instance.services.prices.resolve(needs, assets)
            return {
                need: replace(ours, rival=rival) if need.asset == values.ETHER.id else answer
                for need, answer in answers.items()
            }

    report = await losses(replace(instance.services, prices=Disagreeing()), "default")
    body = LossesOut.of(report, "asset").model_dump(mode="json")
    assert body["price_conflicts"] == [
        {
            "asset": values.ETHER.id,
            "instant": body["price_conflicts"][0]["instant"],
            "used_for": "value",
            "used": dollars("2000.5"),
            "source": "manual",
            "rival": dollars("2300"),
            "rival_source": "kraken",
            "spread": "0.1497",
            "via": None,
        }
    ]
    assert body["price_conflict_count"] == 1
    plain = await losses(instance.services, "default")
    assert plain.price_conflicts == ()
