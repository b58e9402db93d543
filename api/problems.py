"""Every error as `application/problem+json` (RFC 9457). What status an error has is decided in this module alone.

A problem's `type` is `urn:gleaner:problem:<code>`; the codes are stable and listed in `docs/api.md`. A problem
never repeats a header or a value of the request, since any of them may be a secret, and never shows a traceback:
a failure of the server carries an `instance` that stands in the log beside the traceback.
"""

import logging
import math
import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from indexer.model.errors import (
    AuthenticationError,
    ConfigError,
    ConflictError,
    FencedError,
    ForbiddenError,
    GleanerError,
    InputError,
    LyingSourceError,
    NotFoundError,
    RefusedError,
    RetryableError,
    StorageError,
)

log = logging.getLogger("gleaner.api")

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:gleaner:problem:"
RETRY_AFTER_SECONDS = 5
"""Said to clients when the other side did not name a time."""

MAX_DETAIL_CHARACTERS = 2_000
MAX_BODY_BYTES = 64 * 1024
"""No request needs more: the longest is a wallet with its chains."""

# The first class that fits wins, so subclasses stand before their base.
KINDS: tuple[tuple[type[GleanerError], HTTPStatus, str], ...] = (
    (AuthenticationError, HTTPStatus.UNAUTHORIZED, "An API key is needed"),
    (ForbiddenError, HTTPStatus.FORBIDDEN, "This is not allowed"),
    (NotFoundError, HTTPStatus.NOT_FOUND, "There is no such thing here"),
    (ConflictError, HTTPStatus.CONFLICT, "This contradicts what already exists"),
    (ConfigError, HTTPStatus.INTERNAL_SERVER_ERROR, "The server is configured wrongly"),
    (InputError, HTTPStatus.BAD_REQUEST, "Something in the request is wrong"),
    (RetryableError, HTTPStatus.SERVICE_UNAVAILABLE, "Try again later"),
    (FencedError, HTTPStatus.SERVICE_UNAVAILABLE, "Another worker was faster: try again"),
    (StorageError, HTTPStatus.SERVICE_UNAVAILABLE, "The database cannot be used"),
    (RefusedError, HTTPStatus.BAD_GATEWAY, "Another service refused to answer"),
    (LyingSourceError, HTTPStatus.BAD_GATEWAY, "Another service contradicts itself"),
)

# What the framework itself refuses: (code, title).
FRAMEWORK: Mapping[int, tuple[str, str]] = {
    400: ("invalid-request", "The request cannot be read"),
    404: ("not-found", "There is nothing at this address"),
    405: ("method-not-allowed", "This method is not offered here"),
    413: ("body-too-large", "The request body is too large"),
    415: ("unsupported-media-type", "The request body must be JSON"),
    422: ("invalid-request", "Something in the request is wrong"),
}

PROBLEM_CONTENT: Mapping[str, Any] = {
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
}
"""How OpenAPI describes an error answer."""

DISK_FULL = ("is full", "no space left")
"""What the text of a `StorageError` says when there is no room, whichever database or kernel says it."""


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """Build a problem response; `members` are extensions that the code documents."""
    body = {
        "type": TYPE_PREFIX + code,
        "title": title,
        "status": int(status),
        "detail": detail[:MAX_DETAIL_CHARACTERS],
        **members,
    }
    shown = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(body), int(status), shown, MEDIA_TYPE)


def from_gleaner_error(error: GleanerError) -> Response:
    """Turn an error of the lower layers into a problem; its text is meant for users."""
    found = next(((status, title) for kind, status, title in KINDS if isinstance(error, kind)), None)
    if found is None:
        return internal(error)
    status, title = found
    headers: dict[str, str] = {}
    members: dict[str, Any] = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="gleaner"'
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        after = getattr(error, "retry_after", None)
        headers["Retry-After"] = str(max(1, math.ceil(after if after is not None else RETRY_AFTER_SECONDS)))
    if isinstance(error, StorageError) and any(words in str(error).lower() for words in DISK_FULL):
        status = HTTPStatus.INSUFFICIENT_STORAGE
        del headers["Retry-After"]  # waiting frees no disk
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        members["instance"] = f"urn:uuid:{uuid.uuid4()}"
        log.error("%s %s: %s", members["instance"], type(error).__name__, error)
    return problem(status, error.code, title, str(error) or title, headers=headers, **members)


def from_validation(errors: Sequence[Mapping[str, Any]]) -> Response:
    """Say of every field what is wrong with it, without repeating what was given."""
    listed = []
    for error in errors:
        where = [str(part) for part in error.get("loc", ())]
        listed.append(
            {"in": where[0] if where else "body", "field": ".".join(where[1:]), "message": error["msg"]}
        )
    first = listed[0] if listed else {"field": "", "message": "it cannot be read"}
    detail = f"{first['field']}: {first['message']}" if first["field"] else str(first["message"])
    if len(listed) > 1:
        detail += f" (and {len(listed) - 1} more)"
    code, title = FRAMEWORK[422]
    return problem(422, code, title, detail, errors=listed)


def internal(error: BaseException) -> Response:
    """Answer for a fault of the program: an id to look up in the log, nothing else."""
    instance = f"urn:uuid:{uuid.uuid4()}"
    log.error("%s unexpected %s", instance, type(error).__name__, exc_info=error)
    return problem(
        500,
        "internal",
        "Gleaner made a mistake",
        f"Nothing was changed by this request. The log of the server has the cause under {instance}; "
        "please report it.",
        instance=instance,
    )


async def _on_gleaner_error(_request: Request, error: Exception) -> Response:
    return from_gleaner_error(error) if isinstance(error, GleanerError) else internal(error)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return internal(error)
    errors = error.errors()
    unread = any(tuple(one["loc"]) == ("body",) and one["type"] != "missing" for one in errors)
    if unread and not _says_json(request):
        code, title = FRAMEWORK[415]
        return problem(
            415, code, title, "Send the body as JSON and say so: `Content-Type: application/json`."
        )
    return from_validation(errors)


def _says_json(request: Request) -> bool:
    """Whether the body is said to be JSON: what curl and forms send by default is not, and is not read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return internal(error)
    code, title = FRAMEWORK.get(error.status_code, ("error", HTTPStatus(error.status_code).phrase))
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = "No route of this API has this path. GET /openapi.json lists them all."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not offered at this path; the Allow header names what is."
    else:
        detail = str(error.detail)
    return problem(error.status_code, code, title, detail, headers=error.headers)


def too_large() -> Response:
    """Answer for a body that is too long; the connection ends, since the rest of the body is never read."""
    code, title = FRAMEWORK[413]
    detail = f"A request body may have {MAX_BODY_BYTES} bytes at most."
    return problem(413, code, title, detail, headers={"Connection": "close"})


def not_ready(checks: Sequence[Mapping[str, Any]]) -> Response:
    """Answer for an instance that cannot serve requests now; `checks` are those of `GET /ready`."""
    failed = ", ".join(str(check["name"]) for check in checks if not check["ok"])
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return problem(
        503, "not-ready", "Not ready", f"Not ready: {failed}.", headers=headers, checks=list(checks)
    )


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.add_exception_handler(GleanerError, _on_gleaner_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
