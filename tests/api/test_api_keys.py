"""Keys: made, shown once, scoped, revoked."""

import httpx
import pytest

from indexer.model.stored import KeyScope
from tests.api import values
from tests.api.conftest import Instance

WALLET = {"address": values.ALICE, "chains": ["eip155:1"]}

# (method, path, body, the least scope, status when allowed)
MATRIX = [
    ("GET", "/v1/wallets", None, KeyScope.READ, 200),
    ("GET", "/v1/wallets/w_none", None, KeyScope.READ, 404),
    ("GET", "/v1/transfers", None, KeyScope.READ, 200),
    ("GET", "/v1/links", None, KeyScope.READ, 200),
    ("GET", "/v1/lots", None, KeyScope.READ, 200),
    ("GET", "/v1/losses", None, KeyScope.READ, 200),
    ("POST", "/v1/wallets", WALLET, KeyScope.WRITE, 201),
    ("DELETE", "/v1/wallets/w_none", None, KeyScope.WRITE, 404),
    ("GET", "/v1/keys", None, KeyScope.ADMIN, 200),
    ("POST", "/v1/keys", {"name": "another"}, KeyScope.ADMIN, 201),
    ("DELETE", "/v1/keys/k_none", None, KeyScope.ADMIN, 404),
]
RANK = [KeyScope.READ, KeyScope.WRITE, KeyScope.ADMIN]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_each_route_asks_for_its_scope(instance: Instance, host: str) -> None:
    for scope in RANK:
        client = await instance.client(await instance.key(f"p-{scope.value}", scope), host)
        for method, path, body, least, allowed in MATRIX:
            answer = await client.request(method, path, json=body)
            expected = allowed if RANK.index(scope) >= RANK.index(least) else 403
            assert answer.status_code == expected, (scope, method, path)
            if expected == 403:
                assert answer.json()["type"] == "urn:gleaner:problem:forbidden"
                assert least.value in answer.json()["detail"]


async def test_either_header_carries_a_key(instance: Instance) -> None:
    secret = await instance.key("default", KeyScope.READ)
    client = await instance.client(host="0.0.0.0")
    for headers in (
        {"Authorization": f"Bearer {secret}"},
        {"authorization": f"bearer {secret}"},
        {"X-API-Key": secret},
    ):
        assert (await client.get("/v1/wallets", headers=headers)).status_code == 200
    for headers in (
        {},
        {"Authorization": secret},
        {"Authorization": f"Basic {secret}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {secret}x"},
        {"Authorization": f"Bearer {secret[:-1]}"},
        {"X-API-Key": ""},
        {"X-API-Key": secret.upper()},
        {"X-API-Key": "\xff\xfe"},
    ):
        sent = httpx.Headers(headers, encoding="latin-1")
        answer = await client.get("/v1/wallets", headers=sent)
        assert answer.status_code == 401, headers
        assert secret not in answer.text


async def test_a_wrong_key_is_refused_on_loopback_too(instance: Instance) -> None:
    for key in ("glk_wrong", "x"):
        client = await instance.client(key)
        assert (await client.get("/v1/wallets")).status_code == 401


async def test_a_secret_is_shown_once_and_dies_with_its_key(
    instance: Instance, client: httpx.AsyncClient
) -> None:
    made = await client.post("/v1/keys", json={"name": "  accountant ", "scope": "write"})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    body = made.json()
    secret = body.pop("secret")
    assert secret.startswith("glk_")
    assert len(secret) >= 40
    assert body == {
        "id": body["id"],
        "name": "accountant",
        "scope": "write",
        "created_at": "2026-03-01T12:00:00Z",
        "revoked_at": None,
    }
    listed = await client.get("/v1/keys")
    assert listed.json() == {"data": [body], "next_cursor": None}
    assert secret not in listed.text
    theirs = await instance.client(secret, "0.0.0.0")
    assert (await theirs.get("/v1/wallets")).status_code == 200
    assert (await client.delete(f"/v1/keys/{body['id']}")).status_code == 204
    assert (await theirs.get("/v1/wallets")).status_code == 401
    revoked = (await client.get("/v1/keys")).json()["data"]
    assert revoked == [{**body, "revoked_at": "2026-03-01T12:00:00Z"}]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 101},
        {"name": "a\nb"},
        {"name": "a\u0000b"},
        {"name": "x", "scope": "root"},
        {"name": "x", "portfolio": "other"},
        {"name": 7},
        [],
        "x",
        None,
    ],
)
async def test_malformed_keys(client: httpx.AsyncClient, body: object) -> None:
    answer = await client.post("/v1/keys", json=body)
    assert answer.status_code == 422
    assert (await client.get("/v1/keys")).json()["data"] == []
