"""Registering wallets and looking at them, over both databases."""

import httpx
import pytest

from indexer.model.stored import KeyScope
from tests.api import values
from tests.api.conftest import Instance

PROBLEM = "urn:gleaner:problem:"


async def register(client: httpx.AsyncClient, address: str, *chains: str) -> httpx.Response:
    return await client.post("/v1/wallets", json={"address": address, "chains": list(chains)})


async def test_a_wallet_is_registered_read_and_removed(instance: Instance, client: httpx.AsyncClient) -> None:
    made = await register(client, values.ALICE, "eip155:1", "eip155:10")
    assert made.status_code == 201
    body = made.json()
    assert body["address"] == values.ALICE_SHOWN
    assert body["created_at"] == "2026-03-01T12:00:00Z"
    assert body["chains"] == [
        {
            "chain": chain,
            "state": "pending",
            "as_of_block": None,
            "complete": False,
            "progress": 0.0,
            "error": None,
            "gaps": [],
        }
        for chain in ("eip155:1", "eip155:10")
    ]
    assert made.headers["location"] == f"/v1/wallets/{body['id']}"
    assert instance.woken == 1
    read = await client.get(made.headers["location"])
    assert (read.status_code, read.json()) == (200, body)
    assert (await client.get("/v1/wallets")).json() == {"data": [body], "next_cursor": None}
    removed = await client.delete(made.headers["location"])
    assert (removed.status_code, removed.content) == (204, b"")
    assert (await client.get(made.headers["location"])).status_code == 404
    assert (await client.delete(made.headers["location"])).status_code == 404
    assert (await client.get("/v1/wallets")).json() == {"data": [], "next_cursor": None}


async def test_registering_again_adds_chains_and_keeps_the_wallet(client: httpx.AsyncClient) -> None:
    first = await register(client, values.ALICE, "eip155:1")
    again = await register(client, values.ALICE_SHOWN, "eip155:10", "eip155:1", "eip155:10")
    assert again.status_code == 200
    assert again.json()["id"] == first.json()["id"]
    assert [chain["chain"] for chain in again.json()["chains"]] == ["eip155:1", "eip155:10"]
    assert len((await client.get("/v1/wallets")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("address", "chain", "status", "word"),
    [
        ("0x1234", "eip155:1", 400, "address"),
        (values.ALICE_SHOWN.replace("d8dA", "D8dA"), "eip155:1", 400, "checksum"),
        ("0x" + "g" * 40, "eip155:1", 400, "address"),
        ("vitalik.eth", "eip155:1", 400, "address"),
        (values.ALICE, "eip155:999999", 400, "eip155:999999"),
        (values.ALICE, "ethereum", 422, "chains.0"),
        (values.ALICE, "EIP155:1", 422, "chains.0"),
        ("", "eip155:1", 422, "address"),
    ],
)
async def test_what_is_wrong_is_said(
    client: httpx.AsyncClient, address: str, chain: str, status: int, word: str
) -> None:
    answer = await register(client, address, chain)
    assert answer.status_code == status
    assert answer.json()["type"] == PROBLEM + ("invalid-input" if status == 400 else "invalid-request")
    assert word in answer.json()["detail"]
    assert (await client.get("/v1/wallets")).json()["data"] == []


async def test_a_foreign_cursor_is_refused(client: httpx.AsyncClient) -> None:
    for path in ("/v1/wallets", "/v1/transfers", "/v1/links", "/v1/lots"):
        for cursor in ("x", "!!!", "W10", "bnVsbA", "eyJhIjoxfQ", "0123456789abcdef.5", "A" * 1000):
            answer = await client.get(path, params={"cursor": cursor})
            assert answer.status_code == 400, (path, cursor)
            assert "without a cursor" in answer.json()["detail"]


async def test_an_unchanged_answer_is_not_sent_again(client: httpx.AsyncClient) -> None:
    made = (await register(client, values.ALICE, "eip155:1")).headers["location"]
    for path in (made, "/v1/wallets", "/v1/losses", "/v1/lots", "/v1/links", "/v1/transfers"):
        first = await client.get(path)
        assert first.headers["cache-control"] == "private, no-cache"
        same = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (same.status_code, same.content) == (304, b""), path
        assert same.headers["etag"] == first.headers["etag"]
        weak = await client.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
        assert weak.status_code == 304
        assert (await client.get(path, headers={"If-None-Match": '"other"'})).json() == first.json()
    before = (await client.get(made)).headers["etag"]
    await register(client, values.ALICE, "eip155:10")
    assert (await client.get(made, headers={"If-None-Match": before})).status_code == 200


async def test_tenants_see_nothing_of_each_other(instance: Instance) -> None:
    ann = await instance.client(await instance.key("ann", KeyScope.ADMIN), "0.0.0.0")
    ben = await instance.client(await instance.key("ben", KeyScope.ADMIN), "0.0.0.0")
    mine = (await register(ann, values.ALICE, "eip155:1")).json()
    theirs = (await register(ben, values.ALICE, "eip155:10")).json()
    assert mine["id"] != theirs["id"]
    assert [wallet["id"] for wallet in (await ann.get("/v1/wallets")).json()["data"]] == [mine["id"]]
    assert [wallet["id"] for wallet in (await ben.get("/v1/wallets")).json()["data"]] == [theirs["id"]]
    for path in (
        f"/v1/wallets/{mine['id']}",
        f"/v1/transfers?wallet={mine['id']}",
        f"/v1/lots?wallet={mine['id']}",
    ):
        assert (await ann.get(path)).status_code == 200
        refused = await ben.get(path)
        assert refused.status_code == 404
        assert refused.json()["type"] == PROBLEM + "not-found"
    assert (await ben.delete(f"/v1/wallets/{mine['id']}")).status_code == 404
    key = (await ann.get("/v1/keys")).json()["data"][0]["id"]
    assert (await ben.delete(f"/v1/keys/{key}")).status_code == 404
    assert [one["name"] for one in (await ben.get("/v1/keys")).json()["data"]] == ["ben-admin"]
    await ben.delete(f"/v1/wallets/{theirs['id']}")
    assert (await ann.get(f"/v1/wallets/{mine['id']}")).status_code == 200
