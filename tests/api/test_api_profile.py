"""The tax profile and tax wallets over HTTP."""

import httpx
import pytest

from indexer.model.stored import KeyScope
from tests.api import values
from tests.api.conftest import Instance


async def test_the_profile_is_set_shown_and_removed(instance: Instance, client: httpx.AsyncClient) -> None:
    shown = (await client.get("/v1/profile")).json()
    assert shown["is_default"]
    assert shown["current"]["jurisdiction"] == "US"
    put = await client.put("/v1/profile", json={"jurisdiction": "UK", "timezone": "Europe/London"})
    assert put.status_code == 200
    assert put.json() == (await client.get("/v1/profile")).json()
    current = put.json()["current"]
    assert (current["currency"], current["method"], current["country"]) == ("GBP", "pooled", "United Kingdom")
    assert current["since"] == "2009-01-03"
    assert instance.woken == 1
    second = {
        "jurisdiction": "IE",
        "currency": "GBP",
        "since": "2026-02-01",
        "methods_by_year": {"2026": "fifo"},
    }
    both = (await client.put("/v1/profile", json=second)).json()
    assert [one["jurisdiction"] for one in both["profiles"]] == ["UK", "IE"]
    assert both["current"]["jurisdiction"] == "IE"
    assert both["current"]["notes"] == ["Ireland is filed in EUR; these books count in GBP"]
    left = await client.delete("/v1/profile/2026-02-01")
    assert [one["jurisdiction"] for one in left.json()["profiles"]] == ["UK"]
    gone = await client.delete("/v1/profile/2026-02-01")
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:gleaner:problem:not-found")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "jurisdiction"),
        ({"jurisdiction": "XX"}, 400, "unknown jurisdiction"),
        ({"jurisdiction": "US", "method": "average"}, 400, "does not allow"),
        ({"jurisdiction": "US", "timezone": "Mars"}, 400, "IANA"),
        ({"jurisdiction": "US", "since": "yesterday"}, 422, "since"),
        ({"jurisdiction": "US", "since": 20260101}, 422, "since"),
        ({"jurisdiction": "US", "wash_from": "2026-01-01"}, 400, "wash_from"),
        ({"jurisdiction": "US", "methods_by_year": {"soon": "fifo"}}, 422, "methods_by_year"),
        ({"jurisdiction": "US", "methode": "fifo"}, 422, "methode"),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx.AsyncClient, body: dict[str, object], status: int, said: str
) -> None:
    answer = await client.put("/v1/profile", json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]
    assert (await client.get("/v1/profile")).json()["is_default"]


async def test_two_currencies_are_a_conflict(client: httpx.AsyncClient) -> None:
    await client.put("/v1/profile", json={"jurisdiction": "US"})
    answer = await client.put("/v1/profile", json={"jurisdiction": "UK", "since": "2026-01-01"})
    assert answer.status_code == 409
    assert "USD" in answer.json()["detail"]
    changed = await client.put("/v1/profile", json={"jurisdiction": "UK"})
    assert changed.json()["current"]["currency"] == "GBP"


async def test_wallets_are_grouped(instance: Instance, client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/wallets", json={"address": values.ALICE, "chains": ["eip155:1"]})
    path = f"/v1/wallets/{made.json()['id']}"
    assert made.json()["group"] == values.ALICE_SHOWN
    changed = await client.patch(path, json={"group": "home"})
    assert (changed.status_code, changed.json()["group"]) == (200, "home")
    named = await client.patch(path, json={"label": "savings"})
    assert (named.json()["group"], named.json()["label"]) == ("home", "savings")
    alone = await client.patch(path, json={"group": ""})
    assert alone.json()["group"] == values.ALICE_SHOWN
    stolen = await client.patch(path, json={"group": values.BOB})
    assert (stolen.status_code, stolen.json()["type"]) == (400, "urn:gleaner:problem:invalid-input")
    other = await instance.client(await instance.key("other", KeyScope.WRITE), "0.0.0.0")
    assert (await other.patch(path, json={"group": "mine"})).status_code == 404
    reader = await instance.client(await instance.key("default", KeyScope.READ), "0.0.0.0")
    assert (await reader.patch(path, json={"group": "mine"})).status_code == 403
    assert (await reader.put("/v1/profile", json={"jurisdiction": "UK"})).status_code == 403
    async with instance.services.ledger.read() as work:
        assert "default" in await work.books.stale()
