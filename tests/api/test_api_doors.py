"""Who is let in before the database is even asked: keys, loopback, and the owner's own browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from api.deps import is_loopback
from indexer.settings import Settings
from tests.api.down import down_app

# The database of these instances is down: a caller who is let in meets a 503, one who is not never gets that far.
LET_IN = 503


@asynccontextmanager
async def client(
    base_url: str = "http://127.0.0.1:8421", **settings: object
) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(down_app(**settings))
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as opened:
        yield opened


@pytest.mark.parametrize(
    ("host", "require_key", "status"),
    [
        ("127.0.0.1", None, LET_IN),
        ("localhost", None, LET_IN),
        ("::1", None, LET_IN),
        ("0.0.0.0", None, 401),
        ("192.168.1.7", None, 401),
        ("127.0.0.1", True, 401),
        ("0.0.0.0", False, LET_IN),
    ],
)
async def test_keys_are_required_except_on_loopback(host: str, require_key: bool | None, status: int) -> None:
    async with client(host=host, require_key=require_key) as opened:
        answer = await opened.get("/v1/losses")
        assert answer.status_code == status
        if status == 401:
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "gleaner key create" in answer.json()["detail"]
        assert (await opened.get("/health")).status_code == 200
        assert (await opened.get("/openapi.json")).status_code == 200
        ready = await opened.get("/ready")
        assert ready.status_code == 503
        assert (ready.json()["checks"][0]["detail"] is None) == (status == 401)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/v1/wallets", "/v1/wallets/w_1", "/v1/keys", "/v1/keys/k_1", "/v1/transfers"]
)
async def test_without_a_key_nothing_of_a_portfolio_is_reached(method: str, path: str) -> None:
    async with client(host="0.0.0.0") as opened:
        answer = await opened.request(method, path)
        assert answer.status_code in {401, 405}


@pytest.mark.parametrize(
    ("base_url", "status"),
    [
        ("http://127.0.0.1:8421", LET_IN),
        ("http://localhost:8421", LET_IN),
        ("http://[::1]:8421", LET_IN),
        ("http://127.9.9.9", LET_IN),
        ("http://evil.example:8421", 403),
        ("http://127.0.0.1.evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("http://192.168.1.7:8421", 403),
    ],
)
async def test_a_name_that_was_pointed_to_this_machine_is_no_way_in(base_url: str, status: int) -> None:
    async with client(base_url) as opened:
        assert (await opened.get("/v1/losses")).status_code == status
    async with client(base_url, require_key=False) as opened:
        assert (await opened.get("/v1/losses")).status_code == LET_IN


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8421", LET_IN),
        ("http://localhost:3000", LET_IN),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
        ("http://[", 403),
    ],
)
async def test_pages_of_other_sites_are_refused(origin: str, status: int) -> None:
    async with client() as opened:
        for method in ("GET", "DELETE"):
            answer = await opened.request(method, "/v1/wallets/w_1", headers={"Origin": origin})
            assert answer.status_code == status
            assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert (await opened.options("/v1/wallets", headers={"Origin": origin})).status_code == 405


async def test_a_form_of_another_site_cannot_register_a_wallet() -> None:
    async with client() as opened:
        body = b'{"address": "0x", "chains": ["eip155:1"]}'
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer = await opened.post("/v1/wallets", content=body, headers={"Content-Type": kind})
            assert answer.status_code == 415
            assert "Content-Type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key"])
async def test_a_key_that_is_given_is_always_checked(name: str) -> None:
    # The check needs the database, which is down: 503 on every address shows that it was asked.
    value = "Bearer glk_x" if name == "Authorization" else "glk_x"
    for host in ("127.0.0.1", "0.0.0.0"):
        async with client(host=host) as opened:
            assert (await opened.get("/v1/wallets", headers={name: value})).status_code == 503
            assert (await opened.get("/docs")).status_code == 200


def test_names_of_this_machine() -> None:
    assert is_loopback("//localhost:80")
    assert is_loopback("//[::1]")
    for foreign in (
        "",
        "//",
        "//[::1",
        "//localhost.:80",
        "//10.0.0.1",
        "//0.0.0.0",
        "file:///etc",
        "//[::ffff:8.8.8.8]",
    ):
        assert not is_loopback(foreign), foreign


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_the_defaults_of_the_settings(host: str) -> None:
    assert not Settings.model_validate({"host": host, "require_key": None}).keys_required
