"""Movements, decisions, disposals and years over HTTP: who may, what is refused, and that nothing ends in a 500."""

import json
from datetime import date
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.model.facts import TransferKind
from indexer.model.lots import BookGap, BookGapCode, Disposal, Lot, Term
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.stored import BookedMovement, BookSnapshot, KeyScope, SaleOutcome
from tests.api import values
from tests.api.conftest import START, Instance
from tests.api.test_api_fuzz import JSON, MANY, TEXT, hold

ONE = 10**18
LEG = Leg(values.ALICE, values.ETHER.id, "ETH", 2 * ONE, 4_000 * ONE, "eip155:1", values.ALICE)
SENT = f"eip155:1:{values.TX}"
CAME, SOLD, PART = "eip155:1:0xcc", "eip155:1:0x5e", f"{SENT}#1"


def movement(name: str, kind: MovementKind, **legs: tuple[Leg, ...]) -> Movement:
    return Movement(name, START, (1, 0, 0), kind, **legs)  # type: ignore[arg-type]  # legs alone


MOVEMENTS = (
    BookedMovement(
        movement(SENT, MovementKind.SEND, out=(LEG,)),
        needs_review=True,
        if_sold=SaleOutcome(4_000 * ONE, 1_000 * ONE, 3_000 * ONE, basis_known=True),
    ),
    BookedMovement(movement(PART, MovementKind.FEE, fee=(LEG,))),
    BookedMovement(movement(CAME, MovementKind.RECEIVE, into=(LEG,)), needs_review=True),
    BookedMovement(
        movement(SOLD, MovementKind.SELL, out=(LEG,)), proposed=MovementKind.SEND, decisions=("j",)
    ),
)
LOT = Lot(CAME, "ETH", values.ALICE, ONE, 500 * ONE, START, date(2026, 1, 5), "eip155:1", values.ALICE)
DISPOSAL = Disposal(
    SOLD,
    "ETH",
    values.ALICE,
    ONE,
    CAME,
    "fifo",
    START,
    START,
    2_000 * ONE,
    500 * ONE,
    0,
    1_500 * ONE,
    Term.SHORT,
)
GAP = BookGap(SENT, BookGapCode.UNREVIEWED_SEND, "ETH", 2 * ONE, "sent to a stranger")


@pytest.fixture
async def booked(instance: Instance, client: httpx.AsyncClient) -> None:
    """A portfolio whose book has a send, a receipt and a sale."""
    await client.post("/v1/wallets", json={"address": values.ALICE, "chains": ["eip155:1"]})
    rows = [values.transfer(values.ETHER, ONE, "native", TransferKind.NATIVE)]
    await instance.collect(values.ALICE, "eip155:1", rows, covered_to=1_000)
    async with instance.services.ledger.write() as work:
        version = await work.books.version("default")
        book = BookSnapshot(
            "default", "f" * 64, "USD", START, {"eip155:1": 1_000}, (LOT,), (DISPOSAL,), (), (GAP,), version
        )
        await work.books.save(book, MOVEMENTS)


def at(movement_id: str, rest: str = "") -> str:
    return f"/v1/movements/{quote(movement_id, safe='')}{rest}"


async def test_movements_say_what_they_are_and_what_they_would_be(
    client: httpx.AsyncClient, booked: None
) -> None:
    body = (await client.get("/v1/movements", params={"needs_review": "true"})).json()
    assert [row["id"] for row in body["data"]] == [SENT, CAME]
    sent = body["data"][0]
    assert (sent["chain"], sent["tx"], sent["kind"]) == ("eip155:1", values.TX, "send")
    assert sent["out"][0]["quantity"] == "2"
    assert sent["out"][0]["value"] == {"value": "4000", "currency": "USD"}
    assert sent["if_sold"]["gain"] == {"value": "3000", "currency": "USD"}
    assert sent["if_not_sold"] == {"value": "0", "currency": "USD"}
    assert [gap["code"] for gap in sent["gaps"]] == ["unreviewed_send"]
    assert body["complete"] is False
    assert "unreviewed_send (1 movements): sent to a stranger" in body["incomplete_because"]
    sold = (await client.get("/v1/movements", params={"kind": "sell", "wallet": values.ALICE_SHOWN})).json()
    assert [(row["id"], row["proposed"], row["decisions"]) for row in sold["data"]] == [(SOLD, "send", ["j"])]
    assert sold["data"][0]["if_not_sold"] is None
    first = (await client.get("/v1/movements", params={"limit": 3})).json()
    rest = (await client.get("/v1/movements", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [row["id"] for row in first["data"] + rest["data"]] == [SENT, PART, CAME, SOLD]
    part = await client.get(at(PART))
    assert (part.status_code, part.json()["id"]) == (200, PART)
    shown = (await client.get(at(SENT))).json()
    assert (shown["id"], shown["outcomes"]) == (SENT, []), "no engine made these books: nothing to compare"


async def test_a_decision_is_kept_listed_and_taken_back(
    instance: Instance, client: httpx.AsyncClient, booked: None
) -> None:
    woken = instance.woken
    said = await client.post(at(SENT, "/decisions"), json={"kind": "gift_out", "why": "to my sister"})
    assert said.status_code == 201, said.text
    assert (said.json()["said"], said.json()["who"]) == ({"kind": "gift_out"}, "owner")
    based = await client.post(
        at(CAME, "/basis"), json={"cost": "12.50", "acquired_at": "2021-05-04T12:00:00+02:00"}
    )
    assert based.json()["said"] == {"cost": "12.5", "acquired_at": "2021-05-04T12:00:00+02:00"}
    lots = await client.post(at(SOLD, "/lots"), json={"lots": [{"lot": CAME, "quantity": "1.5"}]})
    assert lots.status_code == 201, lots.text
    spam = await client.post(f"/v1/assets/{values.ETHER.id}/spam", json={"spam": True})
    assert spam.status_code == 201, spam.text
    allocated = await client.post("/v1/decisions/allocation", json={"wallets": [values.ALICE]})
    assert allocated.json()["said"] == {"wallets": [values.ALICE]}
    assert instance.woken == woken + 5
    shown = (await client.get("/v1/assets")).json()["data"]
    assert [(row["symbol"], row["spam"]) for row in shown] == [("ETH", True)]
    back = await client.post(f"/v1/decisions/{said.json()['id']}/undo", json={"why": "it was my own"})
    assert (back.status_code, back.json()["kind"]) == (201, "undo")
    again = await client.post(f"/v1/decisions/{said.json()['id']}/undo")
    assert (again.status_code, again.json()["type"]) == (409, "urn:gleaner:problem:conflict")
    rows = (await client.get("/v1/decisions")).json()["data"]
    assert [(row["kind"], row["stands"], row["waiting"]) for row in rows] == [
        ("movement", False, False),
        ("basis", True, False),
        ("lot_allocation", True, False),
        ("spam", True, False),
        ("lot_allocation", True, False),
        ("undo", False, False),
    ]
    async with instance.services.ledger.read() as work:
        assert await work.books.stale() == ("default",)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (at(SENT, "/decisions"), {"kind": "sold"}, 422),
        (at(SENT, "/decisions"), {"kind": "income"}, 400),
        (at(PART, "/decisions"), {"kind": "sell"}, 400),
        (at("eip155:1:0x99", "/decisions"), {"kind": "sell"}, 404),
        (at(SENT, "/decisions"), {"kind": "sell", "why": "x" * 1_001}, 422),
        (at(CAME, "/basis"), {"cost": "-1"}, 422),
        (at(CAME, "/basis"), {"cost": 1}, 422),
        (at(CAME, "/basis"), {"cost": "1e5"}, 422),
        (at(CAME, "/basis"), {"cost": "9" * 40}, 400),
        (at(CAME, "/basis"), {"cost": "1", "acquired_at": "2030-01-01T00:00:00Z"}, 400),
        (at(CAME, "/basis"), {"cost": "1", "acquired_at": "2020-01-01T00:00:00"}, 400),
        (at(CAME, "/basis"), {"cost": "1", "acquired_at": "long ago"}, 422),
        (at(SENT, "/basis"), {"cost": "1"}, 400),
        (at(SENT, "/lots"), {"lots": [{"lot": CAME, "quantity": "1"}]}, 400),
        (at(SOLD, "/lots"), {"lots": []}, 422),
        (at(SOLD, "/lots"), {"lots": [{"lot": CAME, "quantity": "2.5"}]}, 400),
        (at(SOLD, "/lots"), {"lots": [{"lot": SENT, "quantity": "1"}]}, 400),
        ("/v1/assets/eip155:1/erc20:0x12/spam", {"spam": True}, 404),
        (f"/v1/assets/{values.ETHER.id}/spam", {"spam": False}, 409),
        (f"/v1/assets/{values.ETHER.id}/spam", {"spam": "yes"}, 422),
        ("/v1/decisions/jdg_none/undo", {}, 404),
        ("/v1/decisions/allocation", {}, 400),
        ("/v1/decisions/allocation", {"wallets": ["nowhere"]}, 400),
    ],
)
async def test_what_makes_no_sense_is_refused(
    client: httpx.AsyncClient, booked: None, path: str, body: dict[str, Any], status: int
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert (await client.get("/v1/decisions")).json()["data"] == []


async def test_disposals_and_years(client: httpx.AsyncClient, booked: None) -> None:
    body = (await client.get("/v1/disposals", params={"year": 2026, "asset": values.ETHER.id})).json()
    (row,) = body["data"]
    assert (row["id"], row["symbol"], row["quantity"], row["year"]) == (SOLD, "ETH", "1", 2026)
    assert (row["gain"]["value"], row["term"], row["rule"]) == ("1500", "short", "fifo")
    for params in ({"year": 2025}, {"term": "long"}, {"asset": "USDC"}):
        assert (await client.get("/v1/disposals", params=params)).json()["data"] == []
    (year,) = (await client.get("/v1/years")).json()["data"]
    assert (year["label"], year["disposals"], year["taxable_short"]["value"]) == ("2026", 1, "1500")
    one = (await client.get("/v1/years/2026")).json()
    assert one["totals"] == year
    assert one["complete"] is False
    assert (await client.get("/v1/years/2025")).status_code == 404
    kept_only = await client.get(f"/v1/disposals/{SOLD}")
    assert kept_only.status_code == 409, "these books were written by hand: nothing explains them"


async def test_another_portfolio_sees_and_changes_none_of_it(
    instance: Instance, client: httpx.AsyncClient, booked: None
) -> None:
    said = (await client.post(at(SENT, "/decisions"), json={"kind": "sell"})).json()["id"]
    other = await instance.client(await instance.key("other", KeyScope.ADMIN), "0.0.0.0")
    for path in ("/v1/movements", "/v1/decisions", "/v1/assets", "/v1/disposals", "/v1/years"):
        assert (await other.get(path)).json()["data"] == []
    for path in (at(SENT), f"/v1/disposals/{SOLD}", "/v1/years/2026"):
        assert (await other.get(path)).status_code == 404
    for path, body in (
        (at(SENT, "/decisions"), {"kind": "sell"}),
        (at(CAME, "/basis"), {"cost": "1"}),
        (at(SOLD, "/lots"), {"lots": [{"lot": CAME, "quantity": "1"}]}),
        (f"/v1/assets/{values.ETHER.id}/spam", {"spam": True}),
        (f"/v1/decisions/{said}/undo", {}),
    ):
        assert (await other.post(path, json=body)).status_code == 404, path
    reader = await instance.client(await instance.key("default", KeyScope.READ), "0.0.0.0")
    assert (await reader.get("/v1/movements")).json()["data"]
    assert (await reader.post(at(SENT, "/decisions"), json={"kind": "sell"})).status_code == 403


BODIES = JSON | st.fixed_dictionaries(
    {},
    optional={
        "kind": JSON | st.sampled_from(["sell", "gift_out", "income"]),
        "cost": JSON | st.sampled_from(["1", "0.5"]),
        "acquired_at": JSON,
        "lots": JSON | st.lists(st.fixed_dictionaries({"lot": TEXT, "quantity": TEXT}), max_size=2),
        "wallets": JSON,
        "units": JSON,
        "spam": JSON,
        "why": JSON,
        "jurisdiction": JSON | st.sampled_from(["US", "UK"]),
        "timezone": JSON,
        "since": JSON,
        "methods_by_year": JSON,
        "group": JSON,
    },
)
POSTS = [
    at(SENT, "/decisions"),
    at(CAME, "/basis"),
    at(SOLD, "/lots"),
    f"/v1/assets/{values.ETHER.id}/spam",
    "/v1/decisions/allocation",
    "/v1/decisions/jdg_x/undo",
]


@MANY
@given(st.sampled_from(POSTS), BODIES)
async def test_whatever_is_said_is_answered(
    client: httpx.AsyncClient, booked: None, path: str, body: Any
) -> None:
    hold(await _send(client, "POST", path, body), success={201, 409})


@MANY
@given(BODIES)
async def test_whatever_profile_is_put_is_answered(client: httpx.AsyncClient, body: Any) -> None:
    hold(await _send(client, "PUT", "/v1/profile", body), success={200, 409})


@MANY
@given(
    st.sampled_from(["/v1/movements/", "/v1/disposals/", "/v1/years/", "/v1/assets/", "/v1/profile/"]),
    TEXT,
    st.sampled_from(["GET", "DELETE", "PATCH"]),
)
async def test_whatever_path_is_asked_is_answered(
    client: httpx.AsyncClient, prefix: str, rest: str, method: str
) -> None:
    path = prefix + quote(rest.encode("utf-8", "surrogatepass"), safe="")
    hold(await client.request(method, path), success={200})


async def _send(client: httpx.AsyncClient, method: str, path: str, body: Any) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    return await client.request(method, path, content=json.dumps(body).encode(), headers=headers)
