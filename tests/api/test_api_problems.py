"""Every error is a problem of RFC 9457, says what to do, and keeps secrets to itself."""

import json
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from api import problems
from api.edge import Edge
from indexer.model import errors


class Body(BaseModel):
    name: str


ERRORS = [
    (errors.InputError("the address is too short"), 400, "invalid-input"),
    (errors.AuthenticationError("send a key"), 401, "unauthenticated"),
    (errors.ForbiddenError("this key may read"), 403, "forbidden"),
    (errors.NotFoundError("no wallet w_1"), 404, "not-found"),
    (errors.ConflictError("it exists"), 409, "conflict"),
    (errors.ConfigError("chains.yaml line 3"), 500, "invalid-configuration"),
    (errors.RetryableError("the node timed out"), 503, "temporarily-unavailable"),
    (errors.TornChainError("two hashes of block 5", 5), 503, "torn-chain"),
    (errors.FencedError("another worker has it"), 503, "fenced"),
    (errors.StorageError("the database is locked by another process"), 503, "storage"),
    (errors.StorageError("The database cannot grow: the disk (or its quota) is full."), 507, "storage"),
    (errors.StorageError("The database cannot grow: its disk is full."), 507, "storage"),
    (errors.RefusedError("the plan is too small"), 502, "refused"),
    (errors.LyingSourceError("two hashes for one block"), 502, "inconsistent-source"),
]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.add_middleware(Edge)
    problems.install(app)

    @app.get("/raise/{index}")
    async def raise_one(index: int) -> None:
        raise ERRORS[index][0]

    @app.get("/patient")
    async def patient() -> None:
        raise errors.RetryableError("rate limited", retry_after=12.2)

    @app.get("/fault")
    async def fault() -> None:
        raise ZeroDivisionError("postgresql://gleaner:hunter2@db/gleaner")

    @app.post("/body")
    async def body(given: Body) -> str:
        return given.name

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as opened:
        yield opened


def problem_of(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    body: dict[str, object] = response.json()
    assert body["type"] == f"urn:gleaner:problem:{code}"
    assert body["status"] == status
    assert isinstance(body["title"], str)
    assert isinstance(body["detail"], str)
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize("index", range(len(ERRORS)))
async def test_each_error_of_the_model_is_one_problem(client: httpx.AsyncClient, index: int) -> None:
    error, status, code = ERRORS[index]
    response = await client.get(f"/raise/{index}")
    body = problem_of(response, status, code)
    assert body["detail"] == str(error)
    assert ("instance" in body) == (status >= 500)
    assert ("retry-after" in response.headers) == (status == 503)


def test_no_error_of_the_model_is_left_out() -> None:
    def below(kind: type[BaseException]) -> set[type[BaseException]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    named = {type(error) for error, _, _ in ERRORS}
    ours = {kind for kind in below(errors.GleanerError) if kind.__module__ == errors.__name__}
    assert ours - {errors.GleanerError} == named


async def test_401_says_how_to_authenticate(client: httpx.AsyncClient) -> None:
    index = next(i for i, (error, _, _) in enumerate(ERRORS) if isinstance(error, errors.AuthenticationError))
    response = await client.get(f"/raise/{index}")
    assert response.headers["www-authenticate"] == 'Bearer realm="gleaner"'


async def test_retry_after_is_whole_seconds_and_never_early(client: httpx.AsyncClient) -> None:
    response = await client.get("/patient")
    assert response.headers["retry-after"] == "13"


async def test_a_fault_tells_its_id_alone_and_the_log_has_the_rest(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "gleaner.api"):
        response = await client.get("/fault")
    body = problem_of(response, 500, "internal")
    assert "hunter2" not in response.text
    assert "ZeroDivision" not in response.text
    instance = body["instance"]
    assert isinstance(instance, str)
    assert instance.startswith("urn:uuid:")
    assert instance in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_unknown_path_and_method(client: httpx.AsyncClient) -> None:
    problem_of(await client.get("/nothing"), 404, "not-found")
    response = await client.put("/body")
    problem_of(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


async def test_wrong_fields_are_named_and_values_are_not_repeated(client: httpx.AsyncClient) -> None:
    response = await client.post("/body", json={"name": ["glk_secret"]})
    body = problem_of(response, 422, "invalid-request")
    assert body["errors"] == [{"in": "body", "field": "name", "message": "Input should be a valid string"}]
    assert "glk_secret" not in response.text


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"name": 1', b"\xff\xfe", b"[" * 20_000])
async def test_unreadable_bodies(client: httpx.AsyncClient, content: bytes) -> None:
    response = await client.post("/body", content=content, headers={"content-type": "application/json"})
    assert response.status_code in {400, 422}
    problem_of(response, response.status_code, "invalid-request")


async def test_a_body_has_a_bound_whether_or_not_it_says_its_length(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1_000):
            yield b"x" * 1_024

    problem_of(
        await client.post("/body", content=b"x" * (problems.MAX_BODY_BYTES + 1)), 413, "body-too-large"
    )
    problem_of(await client.post("/body", content=endless()), 413, "body-too-large")
    just = json.dumps({"name": "x" * (problems.MAX_BODY_BYTES - 12)}).encode()
    assert len(just) == problems.MAX_BODY_BYTES
    response = await client.post("/body", content=just, headers={"content-type": "application/json"})
    assert response.status_code == 200
