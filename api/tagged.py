"""Answers to GET carry an `ETag`, so that polling costs a few bytes while nothing changes (RFC 9110, 8.8.3)."""

import hashlib
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response


class TaggedRoute(APIRoute):
    """A route whose successful GET answers are tagged with a digest of their bytes.

    The digest covers the whole answer, so equal tags mean equal answers: a tag made of the book's fingerprint alone
    would miss that time turns a short lot into a long one.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler of the route."""
        handle = super().get_route_handler()

        async def tagged(request: Request) -> Response:
            response = await handle(request)
            if request.method != "GET" or response.status_code != HTTPStatus.OK:
                return response
            tag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
            headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, X-API-Key"}
            if _matches(request.headers.get("if-none-match"), tag):
                return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
            response.headers.update(headers)
            return response

        return tagged


def _matches(given: str | None, tag: str) -> bool:
    if given is None:
        return False
    candidates = [part.strip().removeprefix("W/") for part in given.split(",")]
    return "*" in candidates or tag in candidates
