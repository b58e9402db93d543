"""Whatever is asked, the answer is an answer or a problem that blames the request, never a fault of the server."""

import json
import os
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import values

LISTS = [
    "/v1/wallets",
    "/v1/transfers",
    "/v1/links",
    "/v1/lots",
    "/v1/losses",
    "/v1/keys",
    "/ready",
    "/health",
    "/docs",
]
NAMES = ["wallet", "chain", "asset", "kind", "tx", "include_spam", "cursor", "limit", "state", "group_by"]
BLAMES = {400, 404, 405, 415, 422}

# Things that broke services before, beside what Hypothesis thinks of.
NASTY = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "%00",
        "'; DROP TABLE wallet; --",
        "-1",
        "0",
        "1e3",
        "१२",
        "²",
        "9" * 5000,
        "nan",
        "null",
        "true",
        "[]",
        "../../etc/passwd",
        "eip155:1",
        "eip155:1/slip44:60",
        "WyJ0cmFuc2ZlcnMiLDEsMiwzXQ",
        "W" * 999,
        "0123456789abcdef.99999999999999999999999999",
        "confirmed",
        "asset",
        values.ALICE,
        values.ALICE_SHOWN,
    ]
)
TEXT = NASTY | st.text(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
BODIES = JSON | st.fixed_dictionaries(
    {},
    optional={
        "address": JSON | st.sampled_from([values.ALICE, values.ALICE_SHOWN]),
        "chains": JSON | st.lists(TEXT | st.sampled_from(["eip155:1", "eip155:10"]), max_size=3),
        "label": JSON,
        "name": JSON,
        "scope": JSON,
    },
)
EXAMPLES = int(os.environ.get("GLEANER_FUZZ_EXAMPLES", "60"))
"""More by hand before a release."""

MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def spelled(text: str) -> str:
    """Percent-encoded, lone surrogates included."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def hold(answer: httpx.Response, *, success: set[int]) -> None:
    assert answer.status_code in success | BLAMES, answer.text
    if answer.status_code in BLAMES:
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json()) >= {"type", "title", "status", "detail"}


@MANY
@given(st.sampled_from(LISTS), st.lists(st.tuples(st.sampled_from(NAMES) | TEXT, TEXT), max_size=3))
async def test_queries(client: httpx.AsyncClient, path: str, params: list[tuple[str, str]]) -> None:
    query = "&".join(f"{spelled(name)}={spelled(value)}" for name, value in params)
    hold(await client.get(f"{path}?{query}"), success={200})


@MANY
@given(
    st.sampled_from(["/v1/wallets/", "/v1/keys/", "/docs/", "/", "/v1/"]),
    TEXT,
    st.sampled_from(["GET", "DELETE"]),
)
async def test_paths(client: httpx.AsyncClient, prefix: str, rest: str, method: str) -> None:
    hold(await client.request(method, prefix + spelled(rest)), success={200})


@MANY
@given(st.sampled_from(["/v1/wallets", "/v1/keys"]), BODIES)
async def test_bodies(client: httpx.AsyncClient, path: str, body: Any) -> None:
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    hold(await client.post(path, content=content, headers=headers), success={200, 201})


@MANY
@given(
    st.binary(max_size=60),
    st.sampled_from(["application/json", "text/plain", "application/json; charset=utf-16", ""]),
)
async def test_bytes(client: httpx.AsyncClient, body: bytes, kind: str) -> None:
    hold(await client.post("/v1/wallets", content=body, headers={"Content-Type": kind}), success=set())


@MANY
@given(
    st.sampled_from(["Authorization", "X-API-Key", "Origin", "Host", "If-None-Match", "Cookie"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60),
)
async def test_headers(client: httpx.AsyncClient, name: str, value: str) -> None:
    answer = await client.get("/v1/wallets", headers={name.encode(): value.encode("latin-1")})
    assert answer.status_code in {200, 304, 401, 403}
