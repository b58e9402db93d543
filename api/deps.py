"""What routes are given: the services, and who is asking.

A key decides the portfolio, so a caller cannot name another one anywhere. On loopback no key is needed by default
(the embedded mode); what a browser could be tricked into is refused there all the same.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Path, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from indexer.flows.keys import authenticate
from indexer.flows.services import Services
from indexer.model.errors import AuthenticationError, ForbiddenError
from indexer.model.stored import KeyScope
from indexer.settings import Settings

RANK = {KeyScope.READ: 0, KeyScope.WRITE: 1, KeyScope.ADMIN: 2}

BEARER = HTTPBearer(auto_error=False, description="`Authorization: Bearer glk_...`")
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="`X-API-Key: glk_...`")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: a key, or the owner of this machine when `key_id` is None."""

    portfolio: str
    scope: KeyScope
    key_id: str | None


@dataclass(frozen=True, slots=True)
class Instance:
    """What `create_app` was given; it hangs at `app.state.instance`."""

    services: Services
    settings: Settings
    wake: Callable[[], None]


def instance_of(request: Request) -> Instance:
    """The instance that serves this request."""
    instance = request.app.state.instance
    if not isinstance(instance, Instance):
        raise TypeError("the application was not made by api.app.create_app")
    return instance


async def caller_or_none(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
    header: Annotated[str | None, Security(HEADER)],
) -> Caller | None:
    """Who is asking, None when a key is required and none was given.

    Raises:
        AuthenticationError: a key was given and is unknown or revoked, also where none is needed.
        ForbiddenError: a web page elsewhere is asking through the owner's browser.
    """
    instance = instance_of(request)
    secret = bearer.credentials if bearer is not None else header
    if secret is not None:
        key = await authenticate(instance.services, secret)
        return Caller(key.portfolio, key.scope, key.id)
    if instance.settings.keys_required:
        return None
    if instance.settings.require_key is None:
        _refuse_foreign_pages(request)
    return Caller(instance.settings.portfolio, KeyScope.ADMIN, None)


def require(scope: KeyScope) -> Callable[[Caller | None], Coroutine[Any, Any, Caller]]:
    """Make the dependency that lets callers of at least this scope through."""

    async def checked(caller: Annotated[Caller | None, Depends(caller_or_none)]) -> Caller:
        if caller is None:
            raise AuthenticationError(
                "send an API key as `Authorization: Bearer glk_...` or `X-API-Key: glk_...`; "
                "make one with `gleaner key create NAME`"
            )
        if RANK[caller.scope] < RANK[scope]:
            raise ForbiddenError(
                f"this key may {caller.scope.value}; the request needs a key of scope {scope.value}"
            )
        return caller

    return checked


def one_of_each(request: Request) -> None:
    """Refuse a parameter that is given twice: one of the two would be dropped silently."""
    counts = Counter(name for name, _ in request.query_params.multi_items())
    errors = [
        {"loc": ("query", name), "msg": "is given more than once"} for name, n in counts.items() if n > 1
    ]
    if errors:
        raise RequestValidationError(errors)


def no_parameters(request: Request) -> None:
    """Refuse a query string where none is read."""
    errors = [
        {"loc": ("query", name), "msg": "is not a parameter of this route"} for name in request.query_params
    ]
    if errors:
        raise RequestValidationError(errors)


def _refuse_foreign_pages(request: Request) -> None:
    """Let nobody in through the owner's browser.

    Without keys everything on this machine is trusted, and a browser runs pages of others on it. A page whose name
    was re-pointed to 127.0.0.1 (DNS rebinding) shows in `Host`, any other foreign page in `Origin`.
    """
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    if not is_loopback(f"//{host}"):
        raise ForbiddenError(
            "without keys this instance answers to localhost alone: open it under that name, or serve it with "
            "GLEANER_REQUIRE_KEY=true"
        )
    if origin is not None and not is_loopback(origin):
        raise ForbiddenError("a page of another site asked for this: without keys that is refused")


def is_loopback(url: str) -> bool:
    """Whether a URL, or a `//host:port`, names this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


ThisInstance = Annotated[Instance, Depends(instance_of)]
Reader = Annotated[Caller, Depends(require(KeyScope.READ))]
Writer = Annotated[Caller, Depends(require(KeyScope.WRITE))]
Admin = Annotated[Caller, Depends(require(KeyScope.ADMIN))]
MaybeCaller = Annotated[Caller | None, Depends(caller_or_none)]
Id = Annotated[
    str, Path(pattern=r"^[-_0-9a-zA-Z]{1,128}$", description="As the lists of this API give it out.")
]
