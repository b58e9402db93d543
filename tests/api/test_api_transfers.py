"""Transfers as they are listed: filters, pages, freshness."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from api.schemas.transfers import TransferOut
from indexer.model.facts import BlockRef, Gap, GapCode, TransferKind
from indexer.model.money import MAX_UINT256
from indexer.model.stored import TransferRow
from tests.api import values
from tests.api.conftest import Instance


def at(row: TransferRow, block: int, tx: str) -> TransferRow:
    """The same move in another block and transaction."""
    place = BlockRef(block, f"0x{block:064x}", values.NOW + timedelta(seconds=12 * block))
    fact = row.transfer._replace(block=place, tx=tx)
    return TransferRow(f"{fact.chain}/{fact.tx}/{fact.position}", fact, row.asset)


FIRST, SECOND, THIRD = (f"0x{n:064x}" for n in (1, 2, 3))
ROWS = [
    at(values.transfer(values.ETHER, 10**18, "native", TransferKind.NATIVE), 100, FIRST),
    at(values.transfer(values.ETHER, 21_005, "gas", TransferKind.GAS), 100, FIRST),
    at(values.transfer(values.COIN, 1_500_000, "log:3", TransferKind.ERC20), 200, SECOND),
    at(values.transfer(values.ODD, MAX_UINT256, "log:4", TransferKind.ERC20), 200, SECOND),
    at(values.transfer(values.PICTURE, 1, "log:5", TransferKind.ERC721), 300, THIRD),
]


@pytest.fixture
async def wallet(instance: Instance, client: httpx.AsyncClient) -> str:
    made = await client.post("/v1/wallets", json={"address": values.ALICE, "chains": ["eip155:1"]})
    await instance.collect(values.ALICE, "eip155:1", ROWS, covered_to=1_000)
    return str(made.json()["id"])


async def listed(client: httpx.AsyncClient, **params: str) -> list[tuple[str, str]]:
    answer = await client.get("/v1/transfers", params=params)
    assert answer.status_code == 200, answer.text
    return [(row["tx"], row["position"]) for row in answer.json()["data"]]


async def test_every_transfer_is_listed_once_and_exactly(client: httpx.AsyncClient, wallet: str) -> None:
    answer = await client.get("/v1/transfers")
    body = answer.json()
    rows = {row["id"]: row for row in body["data"]}
    assert set(rows) == {row.id for row in ROWS}
    assert len(body["data"]) == len(ROWS)
    assert [row["block"] for row in body["data"]] == sorted(row["block"] for row in body["data"])
    gas = rows[f"eip155:1/{FIRST}/gas"]
    assert (gas["kind"], gas["execution_fee"], gas["l1_fee"]) == ("gas", "21000", "5")
    assert rows[f"eip155:1/{SECOND}/log:4"]["amount"] == {
        "raw": str(MAX_UINT256),
        "decimals": None,
        "value": None,
    }
    coin = rows[f"eip155:1/{SECOND}/log:3"]
    assert coin["amount"] == {"raw": "1500000", "decimals": 6, "value": "1.5"}
    assert (coin["from"], coin["to"], coin["symbol"]) == (values.ALICE_SHOWN, values.BOB_SHOWN, "USDC")
    assert rows[f"eip155:1/{THIRD}/log:5"]["token_id"] == "77"
    assert body["as_of_block"] == {"eip155:1": 1_000}
    assert body["price_as_of"] is None
    assert body["next_cursor"] is None


async def test_filters(client: httpx.AsyncClient, wallet: str) -> None:
    everything = await listed(client)
    for name in (wallet, values.ALICE, values.ALICE_SHOWN):
        assert await listed(client, wallet=name) == everything
    assert await listed(client, chain="eip155:1") == everything
    assert await listed(client, chain="eip155:10") == []
    assert await listed(client, asset=values.COIN.id) == [(SECOND, "log:3")]
    assert await listed(client, asset=values.COIN.id.replace("0xa0b8", "0xA0b8")) == [(SECOND, "log:3")]
    assert await listed(client, kind="erc721") == [(THIRD, "log:5")]
    assert set(await listed(client, tx=FIRST)) == {(FIRST, "native"), (FIRST, "gas")}
    assert await listed(client, tx=FIRST.upper().replace("X", "x"), kind="gas") == [(FIRST, "gas")]
    assert await listed(client, include_spam="false") == [
        row for row in everything if row != (THIRD, "log:5")
    ]
    assert await listed(client, kind="gas", asset=values.COIN.id) == []


async def test_a_wallet_that_is_not_here_is_said_to_be_missing(
    client: httpx.AsyncClient, wallet: str
) -> None:
    for name in (values.BOB, "w_none"):
        answer = await client.get("/v1/transfers", params={"wallet": name})
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:gleaner:problem:not-found"


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 1000])
async def test_pages_cover_every_row_once(client: httpx.AsyncClient, wallet: str, limit: int) -> None:
    seen: list[tuple[str, str]] = []
    params = {"limit": str(limit)}
    while True:
        body = (await client.get("/v1/transfers", params=params)).json()
        seen += [(row["tx"], row["position"]) for row in body["data"]]
        if body["next_cursor"] is None:
            break
        assert len(body["data"]) == limit
        params["cursor"] = body["next_cursor"]
    assert seen == await listed(client)


async def test_a_gap_is_shown_where_it_matters(
    instance: Instance, client: httpx.AsyncClient, wallet: str
) -> None:
    gap = Gap(
        "eip155:1",
        values.ALICE,
        GapCode.RECEIPT_UNAVAILABLE,
        "rpc",
        SECOND,
        "the receipt is refused",
        200,
        200,
    )
    await instance.collect(values.ALICE, "eip155:1", covered_to=2_000, gaps=(gap,))
    body = (await client.get("/v1/transfers")).json()
    assert (body["complete"], body["as_of_block"]) == (False, {"eip155:1": 2_000})
    assert "receipt_unavailable" in body["incomplete_because"][0]
    chain = (await client.get(f"/v1/wallets/{wallet}")).json()["chains"][0]
    assert chain["complete"] is False
    assert chain["gaps"] == [
        {
            "code": "receipt_unavailable",
            "source": "rpc",
            "detail": "the receipt is refused",
            "count": 1,
            "from_block": 200,
            "to_block": 200,
            "transactions": [SECOND],
            "asset": None,
        }
    ]


async def test_a_removed_wallet_takes_its_transfers_out_of_sight_and_brings_them_back(
    client: httpx.AsyncClient, wallet: str
) -> None:
    await client.delete(f"/v1/wallets/{wallet}")
    assert await listed(client) == []
    await client.post("/v1/wallets", json={"address": values.ALICE, "chains": ["eip155:1"]})
    assert len(await listed(client)) == len(ROWS)


async def test_a_chain_that_is_not_watched_is_not_shown(
    instance: Instance, client: httpx.AsyncClient, wallet: str
) -> None:
    other = ROWS[0].transfer._replace(chain="eip155:10", asset="eip155:10/slip44:60")
    asset = replace(values.ETHER, id="eip155:10/slip44:60")
    await instance.collect(values.ALICE, "eip155:10", [TransferRow("x", other, asset)], covered_to=5)
    assert len(await listed(client)) == len(ROWS)
    await client.post("/v1/wallets", json={"address": values.ALICE, "chains": ["eip155:10"]})
    assert len(await listed(client)) == len(ROWS) + 1


def test_a_transfer_is_spam_by_itself_or_by_its_asset() -> None:
    fair, bait = ROWS[2], ROWS[4]
    assert (TransferOut.of(fair).spam, TransferOut.of(fair).spam_reason) == (False, None)
    poisoned = TransferOut.of(replace(fair, poison="it imitates a friend"))
    assert (poisoned.spam, poisoned.spam_reason) == (True, "it imitates a friend")
    both = TransferOut.of(replace(bait, poison="it imitates a friend"))
    assert (both.spam, both.spam_reason) == (True, bait.asset.spam.reason)
