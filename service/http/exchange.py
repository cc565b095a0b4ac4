"""One request and its answer, without a web framework, and the ASGI adapter that serves both.

The handlers of the routes asked most take an `Exchange` and return an `Answer`. FastAPI's way to a
function (middlewares, router, exit stacks, dependencies) takes longer than to read, compute and
answer a short sequence, so an `Endpoint` goes past it; its route in FastAPI calls the same handler.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ServiceError, error_body, status_of
from service.http.bodies import read_body
from service.http.compression import WORTH, compressed
from service.http.headers import headers_of
from service.http.security_headers import OF_DATA

log = logging.getLogger("ntm.server")

JSON = b"application/json"
REMEMBERED = 256  # paths whose templates are not looked for again

Header = tuple[bytes, bytes]


class Exchange(NamedTuple):
    """A request whose body has been read."""

    scope: Scope
    body: bytes
    receive: Receive  # what follows the body: the client's disconnect
    headers: dict[bytes, bytes]  # the first value of each, by its name in lower case
    state: dict[str, Any]  # what is logged and counted, `model` and `code`; what the server tells

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parts of the path that its template names."""
        parameters: Mapping[str, str] = self.scope["path_params"]
        return parameters

    def header(self, name: bytes) -> str | None:
        """The first value of a header; `name` in lower case."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


@dataclass(slots=True)
class Answer:
    """What a handler returns; as an ASGI application it sends itself."""

    body: bytes
    media_type: bytes = JSON
    status: int = 200
    headers: Sequence[Header] = ()  # beside length and type of the body
    parts: Iterator[bytes | memoryview] | None = None  # of a long body, made when they are sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if self.parts is not None:
            await self._send_parts(self.parts, receive, send)
            return
        length = (b"content-length", b"%d" % len(self.body))
        headers = [length, (b"content-type", self.media_type), *OF_DATA, *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    async def _send_parts(
        self, parts: Iterator[bytes | memoryview], receive: Receive, send: Send
    ) -> None:
        """Make every part when the one before has been read; none once the client has left."""
        headers = [(b"content-type", self.media_type), *OF_DATA, *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        gone = asyncio.ensure_future(until_disconnect(receive))
        try:
            for part in parts:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": part, "more_body": True})
                await asyncio.sleep(0)  # a fast reader should keep nobody waiting
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()


async def until_disconnect(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


Handler = Callable[[Exchange], Awaitable[Answer]]


class Endpoint:
    """A route: the handler of one method and path."""

    def __init__(self, method: str, path: str, handler: Handler, body_limit: int) -> None:
        """Serve it.

        Args:
            method: the only one
            path: a template, as FastAPI has it
            handler: of the requests; it raises a ServiceError to refuse one
            body_limit: bytes
        """
        self.method, self.path = method, path
        self._handler, self._body_limit = handler, body_limit

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """The answer to a request whose body has not been read; every error becomes one, too."""
        state = scope.setdefault("state", {})
        try:
            body = await read_body(scope, receive, self._body_limit)
            return await self._handler(Exchange(scope, body, receive, headers_of(scope), state))
        except ServiceError as error:
            state["code"] = error.code
            return refusal(error, scope["path"])
        except Exception:
            log.exception("a request failed")
            state["code"] = "internal_error"
            return Answer(error_body("internal error", "internal_error"), status=500)

    async def respond(self, request: Request) -> Response:
        """The same, for a route of FastAPI's."""
        answer = await self.answer(request.scope, request.receive)
        media = answer.media_type.decode()
        response = Response(answer.body, answer.status, media_type=media)
        if answer.parts is not None:
            response = StreamingResponse(map(bytes, answer.parts), answer.status, media_type=media)
        response.raw_headers.extend((*OF_DATA, *answer.headers))
        return response


def refusal(error: ServiceError, path: str) -> Answer:
    """The answer that tells a client of an error."""
    headers = []
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    return Answer(
        error_body(str(error), error.code), status=status_of(error, path), headers=headers
    )


class Endpoints:
    """Answers some routes itself, and leaves all others to an application."""

    def __init__(self, app: ASGIApp, endpoints: Iterable[Endpoint]) -> None:
        self._app = app
        self._endpoints = {(each.method, each.path): each for each in endpoints}
        self._templates = [
            (each.method, compile_path(each.path)[0], each)
            for each in self._endpoints.values()
            if "{" in each.path
        ]
        self._match = lru_cache(REMEMBERED)(self._match_template)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        endpoint = self._find(scope)
        if endpoint is None:
            await compressed(self._app, scope)(scope, receive, send)
            return
        scope["route"] = endpoint
        answer = await endpoint.answer(scope, receive)
        is_short = answer.parts is None and len(answer.body) < WORTH
        await (answer if is_short else compressed(answer, scope))(scope, receive, send)

    def _find(self, scope: Scope) -> Endpoint | None:
        """The endpoint that a request is for; none for one whose spans FastAPI makes."""
        if scope["type"] != "http" or "fastapi.telemetry" in scope:
            return None
        method, path = scope["method"], scope["path"]
        endpoint = self._endpoints.get((method, path))
        if endpoint is None and (found := self._match(method, path)):
            endpoint, parameters = found
            scope["path_params"] = {**parameters}
        return endpoint

    def _match_template(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        for only, pattern, endpoint in self._templates:
            if only == method and (match := pattern.match(path)):
                return endpoint, match.groupdict()
        return None
