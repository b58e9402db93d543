"""Routes about cross-chain moves: who may decide, what a wrong body says, what an answer holds."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.schemas.link_detail import CandidateOut, LinkDetailOut
from indexer.flows.link_detail import Candidate, LinkDetail, transaction_url
from indexer.flows.link_outcome import LinkOutcomes, Part, Reading
from indexer.model.chain import Explorer, ExplorerStyle
from indexer.model.judgment import FactRef
from indexer.model.links import CrossChainLink, LinkState, Treatment
from indexer.model.stored import KeyScope
from tests.api import values
from tests.api.conftest import SPECS, Instance

TX = values.TX


def made(name: str, **changes: Any) -> CrossChainLink:
    source = values.LINK.link.source
    assert source is not None
    ref = FactRef("eip155:1", TX, "src", values.ALICE, "", values.COIN.id, 1_000_000)
    moved = replace(source, id=f"eip155:1/{TX}/across:src:{name}", ref=replace(ref, ordinal=int(name)))
    moved = replace(moved, time=values.NOW + timedelta(hours=int(name)))
    return replace(values.LINK.link, **{"id": f"lnk_{name}", "source": moved, **changes})


@pytest.fixture
async def links(instance: Instance, client: httpx.AsyncClient) -> None:
    await client.post("/v1/wallets", json={"address": values.ALICE, "chains": ["eip155:1"]})
    decided = {
        "state": LinkState.CONFIRMED,
        "treatment": Treatment.TAXABLE,
        "default_treatment": Treatment.REVIEW,
        "decision": "jdg_x",
    }
    async with instance.services.ledger.write() as work:
        await work.links.replace("default", [made("0"), made("1", protocol="hop"), made("2", **decided)])


@pytest.mark.usefixtures("links")
async def test_the_list_is_filtered(client: httpx.AsyncClient) -> None:
    async def ids(**query: str) -> list[str]:
        answer = await client.get("/v1/links", params=query)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["data"]]

    assert await ids() == ["lnk_2", "lnk_1", "lnk_0"]
    assert await ids(protocol="hop") == ["lnk_1"]
    assert await ids(open="true") == ["lnk_1", "lnk_0"]
    assert await ids(chain="eip155:10") == []
    assert await ids(chain="eip155:1", state="confirmed") == ["lnk_2"]
    assert await ids(wallet=values.ALICE_SHOWN) == ["lnk_2", "lnk_1", "lnk_0"]
    assert await ids(reason="REFUND") == []
    assert (await client.get("/v1/links", params={"wallet": values.BOB})).status_code == 404
    for wrong in ({"reason": "NO"}, {"protocol": "../x"}, {"open": "maybe"}, {"spam": "1"}):
        assert (await client.get("/v1/links", params=wrong)).status_code == 422, wrong


@pytest.mark.usefixtures("links")
async def test_a_decided_link_says_so(client: httpx.AsyncClient) -> None:
    row = (await client.get("/v1/links", params={"state": "confirmed"})).json()["data"][0]
    assert (row["treatment"], row["default_treatment"]) == ("taxable", "review")
    assert (row["decision"], row["open"], row["further"]) == ("jdg_x", False, [])


@pytest.mark.usefixtures("links")
async def test_one_link_is_shown_with_what_is_known_of_it(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/links/lnk_0")).json()
    assert body["link"]["id"] == "lnk_0"
    (transaction,) = body["transactions"]
    assert (transaction["side"], transaction["tx"], transaction["transfers"]) == ("src", TX, [])
    assert transaction["url"] is None
    assert [reason["code"] for reason in body["reasons"]] == ["UNMATCHED_SOURCE"]
    assert body["reasons"][0]["sentence"]
    assert body["outcomes"]["if_disposal"] is None
    assert "do not show" in body["outcomes"]["because"]
    assert body["decisions"] == []
    assert (await client.get("/v1/links/lnk_9")).status_code == 404


@pytest.mark.usefixtures("links")
async def test_the_summary_counts_what_waits(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/links/summary")).json()
    assert body["states"] == {"confirmed": 1, "proposed": 2}
    assert body["open"] == {
        "links": 2,
        "value_at_stake": {"value": "0", "currency": "USD"},
        "unpriced": 2,
    }
    assert set(body["by_protocol"]) == {"across", "hop"}
    assert body["by_reason"] == {"UNMATCHED_SOURCE": 2}


@pytest.mark.usefixtures("links")
async def test_a_decision_is_kept_and_wakes_the_worker(instance: Instance, client: httpx.AsyncClient) -> None:
    woken = instance.woken
    answer = await client.post(
        "/v1/links/lnk_0/decisions", json={"decision": "confirm", "treatment": "not_taxable", "why": "mine"}
    )
    assert answer.status_code == 201, answer.text
    (decision,) = answer.json()["decisions"]
    assert instance.woken == woken + 1
    said = (await client.get("/v1/links/decisions")).json()["data"]
    assert [(one["id"], one["decision"], one["why"], one["who"]) for one in said] == [
        (decision, "confirm", "mine", "owner")
    ]
    assert said[0]["transactions"] == [TX]
    undone = await client.post(f"/v1/links/decisions/{decision}/undo", json={"why": "no"})
    assert undone.status_code == 201, undone.text
    assert (await client.post(f"/v1/links/decisions/{decision}/undo")).status_code == 409
    said = (await client.get("/v1/links/decisions")).json()["data"]
    assert [one["decision"] for one in said] == ["confirm", "undo"]
    assert said[1]["undoes"] == decision


@pytest.mark.usefixtures("links")
async def test_a_wrong_word_is_refused(client: httpx.AsyncClient) -> None:
    for path, body, status in (
        ("/v1/links/lnk_0/decisions", {"decision": "split"}, 400),
        ("/v1/links/lnk_0/decisions", {"decision": "reject", "treatment": "taxable"}, 400),
        ("/v1/links/lnk_0/decisions", {"decision": "pair"}, 422),
        ("/v1/links/lnk_0/decisions", {"decision": "confirm", "treatment": "review"}, 422),
        ("/v1/links/lnk_0/decisions", {"decision": "confirm", "when": "now"}, 422),
        ("/v1/links/lnk_9/decisions", {"decision": "confirm"}, 404),
        ("/v1/links/lnk_0/undo", {}, 409),
        ("/v1/links/lnk_9/undo", {}, 404),
        ("/v1/links/decisions", {"decision": "confirm"}, 422),
        ("/v1/links/decisions", {"decision": "pair", "source": "lnk_0"}, 422),
        ("/v1/links/decisions", {"decision": "pair", "protocol": "hop"}, 422),
        ("/v1/links/decisions", {"decision": "pair", "source": "lnk_0", "destination": "lnk_1"}, 400),
        ("/v1/links/decisions", {"decision": "pair", "source": "lnk_0", "destination": "a/b/c"}, 404),
    ):
        answer = await client.post(path, json=body)
        assert answer.status_code == status, (path, body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get("/v1/links/decisions")).json()["data"] == []


@pytest.mark.usefixtures("links")
async def test_a_key_that_may_only_read_may_not_decide(instance: Instance) -> None:
    reader = await instance.client(await instance.key("default", KeyScope.READ), "0.0.0.0")
    other = await instance.client(await instance.key("other", KeyScope.WRITE), "0.0.0.0")
    for path in ("/v1/links/lnk_0/decisions", "/v1/links/decisions"):
        body = {"decision": "confirm", **({"protocol": "hop"} if "lnk" not in path else {})}
        assert (await reader.post(path, json=body)).status_code == 403
    assert (await reader.post("/v1/links/lnk_0/undo")).status_code == 403
    assert (await other.get("/v1/links/lnk_0")).status_code == 404
    assert (await other.post("/v1/links/lnk_0/decisions", json={"decision": "confirm"})).status_code == 404
    assert (await other.get("/v1/links/summary")).json()["states"] == {}
    bulk = await other.post("/v1/links/decisions", json={"decision": "confirm", "protocol": "hop"})
    assert bulk.json()["decisions"] == []


def test_a_transaction_has_a_page_where_an_explorer_is_known() -> None:
    spec = SPECS["eip155:1"]
    assert transaction_url(spec, TX) is None
    assert transaction_url(None, TX) is None
    api = Explorer(ExplorerStyle.ETHERSCAN_V2, "https://api.example/v2/api", "secret")
    assert transaction_url(replace(spec, explorers=(api,)), TX) == f"https://etherscan.io/tx/{TX}"
    assert transaction_url(replace(spec, id="eip155:31337", explorers=(api,)), TX) is None
    own = Explorer(ExplorerStyle.BLOCKSCOUT, "https://blocks.example/api/")
    assert transaction_url(replace(spec, explorers=(api, own)), TX) == f"https://blocks.example/tx/{TX}"


def test_readings_are_exact_and_unknown_is_null() -> None:
    part = Part("eip155:1:0x01", 15 * 10**17, 1_234_567_890_123_456_789, values.NOW)
    known = Reading(10**18, 3, -1, 10**18 - 3, (part,))
    unknown = Reading(None, None, None, None, (), ("unknown_price: nobody quotes it",))
    both = LinkOutcomes("USD", (part,), known, unknown, assumed=True)
    candidate = Candidate("eip155:1/0x/across:dst:0", None, None, None)
    detail = LinkDetail(values.LINK, (), (candidate,), (), both, ())
    body = LinkDetailOut.of(detail).model_dump(mode="json")["outcomes"]
    assert body["left"][0]["quantity"] == "1.5"
    assert body["left"][0]["cost"] == {"value": "1.234567890123456789", "currency": "USD"}
    assert body["if_disposal"]["gain"] == {"value": "-0.000000000000000001", "currency": "USD"}
    assert body["if_not"]["gain"] is body["if_not"]["basis"] is None
    assert body["if_not"]["unknown"] == ["unknown_price: nobody quotes it"]
    assert body["assumed"] is True
    assert CandidateOut.of(candidate, values.LINK).half is None
