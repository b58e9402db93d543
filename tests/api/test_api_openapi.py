"""The description of the API: valid, stable, whole; and the reference page that shows it without a network."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi.openapi.models import OpenAPI

from tests.api.down import SAID, down_app
from tests.api.write_openapi import GOLDEN, description

ROUTES = {
    ("get", "/health"),
    ("get", "/ready"),
    ("post", "/v1/wallets"),
    ("get", "/v1/wallets"),
    ("get", "/v1/wallets/{wallet_id}"),
    ("delete", "/v1/wallets/{wallet_id}"),
    ("get", "/v1/transfers"),
    ("get", "/v1/links"),
    ("get", "/v1/links/summary"),
    ("get", "/v1/links/{link_id}"),
    ("get", "/v1/links/decisions"),
    ("post", "/v1/links/decisions"),
    ("post", "/v1/links/decisions/{decision_id}/undo"),
    ("post", "/v1/links/{link_id}/decisions"),
    ("post", "/v1/links/{link_id}/undo"),
    ("get", "/v1/lots"),
    ("get", "/v1/losses"),
    ("patch", "/v1/wallets/{wallet_id}"),
    ("get", "/v1/movements"),
    ("get", "/v1/movements/{movement_id}"),
    ("post", "/v1/movements/{movement_id}/decisions"),
    ("post", "/v1/movements/{movement_id}/basis"),
    ("post", "/v1/movements/{movement_id}/lots"),
    ("get", "/v1/assets"),
    ("post", "/v1/assets/{asset}/spam"),
    ("post", "/v1/accounts/{account}/spam"),
    ("get", "/v1/decisions"),
    ("post", "/v1/decisions/allocation"),
    ("post", "/v1/decisions/{decision_id}/undo"),
    ("get", "/v1/disposals"),
    ("get", "/v1/disposals/{disposal_id}"),
    ("get", "/v1/years"),
    ("get", "/v1/years/{year}"),
    ("get", "/v1/profile"),
    ("put", "/v1/profile"),
    ("delete", "/v1/profile/{since}"),
    ("post", "/v1/keys"),
    ("get", "/v1/keys"),
    ("delete", "/v1/keys/{key_id}"),
}

BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("post", "/v1/wallets"): {"address": "0x", "chains": ["eip155:1"]},
    ("patch", "/v1/wallets/{wallet_id}"): {"group": "home"},
    ("put", "/v1/profile"): {"jurisdiction": "US"},
    ("post", "/v1/movements/{movement_id}/decisions"): {"kind": "sell"},
    ("post", "/v1/movements/{movement_id}/basis"): {"cost": "1"},
    ("post", "/v1/movements/{movement_id}/lots"): {"lots": [{"lot": "x", "quantity": "1"}]},
    ("post", "/v1/assets/{asset}/spam"): {"spam": True},
    ("post", "/v1/accounts/{account}/spam"): {"spam": True},
    ("post", "/v1/decisions/allocation"): {"wallets": ["home"]},
    ("post", "/v1/keys"): {"name": "x"},
    ("post", "/v1/links/decisions"): {"decision": "confirm", "protocol": "across"},
    ("post", "/v1/links/{link_id}/decisions"): {"decision": "confirm"},
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(down_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8421") as opened:
        yield opened


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def walk(node: Any) -> Iterator[Any]:
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def test_it_is_stable() -> None:
    hint = "the API changed; if that is meant: python -m tests.api.write_openapi"
    assert description() == json.loads(GOLDEN.read_text()), hint


def test_it_is_valid_and_names_every_route_once() -> None:
    schema = description()
    OpenAPI.model_validate({**schema, "info": {**schema["info"], "version": "0"}})
    assert {(method, path) for method, path, _ in operations(schema)} == ROUTES
    ids = [operation["operationId"] for _, _, operation in operations(schema)]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere() -> None:
    schema = description()
    references = {node["$ref"] for node in walk(schema) if isinstance(node, dict) and "$ref" in node}
    assert "#/components/schemas/Problem" in references
    for reference in references:
        found: Any = schema
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_route_describes_its_errors_parameters_and_key() -> None:
    for method, path, operation in operations(description()):
        content = operation["responses"]["default"]["content"]
        assert list(content) == ["application/problem+json"], path
        assert "422" not in operation["responses"], path
        declared = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), path
        if path.startswith("/v1/"):
            assert {name for one in operation["security"] for name in one} == {
                "HTTPBearer",
                "APIKeyHeader",
            }, path
        assert operation["description"], (method, path)


def test_amounts_and_money_are_text_everywhere() -> None:
    schemas = description()["components"]["schemas"]
    for name in ("Money", "Amount"):
        for field, part in schemas[name]["properties"].items():
            if field != "decimals":
                kinds = {kind.get("type") for kind in part.get("anyOf", [part])}
                assert kinds <= {"string", "null"}, (name, field)
    for name, model in schemas.items():
        for field, part in model.get("properties", {}).items():
            if any(one.get("type") == "number" for one in part.get("anyOf", [part])):
                assert field in {"progress", "confidence"}, (name, field)


async def test_it_is_served(client: httpx.AsyncClient) -> None:
    served = (await client.get("/openapi.json")).json()
    del served["info"]["version"]
    assert served == description()


async def test_the_reference_page_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {"/docs/reference.js", "/docs/reference.css", "/openapi.json"} == set(parts)
    for part in parts:
        answer = await client.get(part)
        assert answer.status_code == 200
        assert not re.search(
            r"https?://(?!(www\.)?apache\.org)", answer.text.replace("http://127.0.0.1", "")
        ), part
    assert (await client.get("/docs/../app.py")).status_code == 404
    assert (await client.get("/docs/__init__.py")).status_code == 404


async def test_health_needs_no_database_and_ready_says_that_it_is_down(client: httpx.AsyncClient) -> None:
    health = await client.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    ready = await client.get("/ready")
    assert ready.status_code == 503
    assert ready.headers["content-type"] == "application/problem+json"
    assert ready.headers["retry-after"] == "5"
    assert ready.json()["type"] == "urn:gleaner:problem:not-ready"
    assert ready.json()["checks"] == [{"name": "database", "ok": False, "detail": SAID}]


async def test_a_database_that_is_down_is_a_problem_of_every_route(client: httpx.AsyncClient) -> None:
    for method, path in sorted(ROUTES - {("get", "/health"), ("get", "/ready")}):
        body = BODIES.get((method, path), {}) if method in {"post", "put", "patch"} else None
        named = path.replace("{since}", "2026-01-01").replace("{year}", "2026")
        url = re.sub(r"{\w+}", "x", named.replace("{account}", "eip155:1:0x0"))
        answer = await client.request(method, url, json=body)
        assert answer.headers["content-type"] == "application/problem+json", path
        # An empty registry refuses the chain before the database is asked.
        chains = {("post", "/v1/wallets"), ("post", "/v1/accounts/{account}/spam")}
        assert answer.status_code == (400 if (method, path) in chains else 503), path
