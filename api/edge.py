"""The outermost layer: bounds requests, marks answers, and turns what nobody caught into a problem."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MAX_BODY_BYTES, internal, too_large

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)


class Edge:
    """Middleware around everything else.

    The body is read here, up to `MAX_BODY_BYTES`, and handed on whole, so that a client can fill no memory. An
    exception that no handler knew is answered without a word of it; the log has it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; see the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def marked(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        try:
            body = await _read(receive)
            if body is None:
                await too_large()(scope, receive, marked)
                return
            await self._app(scope, _replay(body, receive), marked)
        except Exception as error:
            if started:  # the status is out already: only a broken connection can tell
                raise
            await internal(error)(scope, receive, marked)


async def _read(receive: Receive) -> bytes | None:
    """The whole body, None when it is too long."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client has gone; nobody will read the answer
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
