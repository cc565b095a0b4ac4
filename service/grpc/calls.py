"""Around every call, as around a request over REST: id, key, what is in flight, metrics, log.

A call is a request over HTTP/2; what reads requests over REST is given it as the ASGI scope that it
would have there.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import grpc
from starlette.types import Scope

from service.api.context import Context
from service.errors import ClientGone, ServiceError
from service.grpc.messages import Message
from service.http.bodies import COPIES
from service.http.headers import headers_of
from service.http.keys import Keys, owner
from service.memory import Share, share
from service.telemetry.logs import request_id
from service.telemetry.request_log import ID_HEADER, Answered, RequestLog, choose_id

log = logging.getLogger("ntm.server")

Outcome = Message | ServiceError
Work = Callable[[Scope], Awaitable[Message]]
Send = Callable[[Outcome], Awaitable[None]]


class InternalError(ServiceError):
    """A defect of ours: the log has the traceback, the client no internals."""

    status, code = 500, "internal_error"


class Calls:
    """Admits calls, counts and logs them."""

    def __init__(self, context: Context, keys: Keys, request_log: RequestLog) -> None:
        """Do so with what REST does it with."""
        self._context, self._keys, self._request_log = context, keys, request_log

    async def answer(self, scope: Scope, data: bytes, work: Work, send: Send) -> None:
        """Answer one message.

        Args:
            scope: of the call; its state gets the request's `id`
            data: the message as it came
            work: computes the answer
            send: sends it, or the error in its place
        """
        state = scope["state"] = {"code": ClientGone.code}
        chosen = state["id"] = choose_id(headers_of(scope).get(ID_HEADER))
        taken, began = Share(self._context.models.budget), time.perf_counter()
        tokens = request_id.set(chosen), share.set(taken)
        status, size, running = ClientGone.status, 0, False
        try:
            try:
                whose = self._keys.owner_of(scope)
                running = self._context.work.counts(scope)
                self._context.work.running += running
                taken.take("bodies", COPIES * len(data))
                outcome: Outcome = await as_owner(whose, work, scope)
            except ServiceError as error:
                outcome = error
            except Exception:
                log.exception("a call failed")
                outcome = InternalError("internal error")
            if isinstance(outcome, ServiceError):
                ended = outcome.status, outcome.code
            else:
                ended, size = (200, "ok"), outcome.ByteSize()
            try:
                await send(outcome)
            except grpc.aio.AbortError:  # how an error is sent
                status, state["code"] = ended
                raise
            status, state["code"] = ended
        finally:
            self._context.work.running -= running
            taken.close()
            seconds = time.perf_counter() - began
            answered = Answered(scope["path"], status, state["code"], size, seconds)
            self._request_log.record(scope, chosen, answered)
            request_id.reset(tokens[0])
            share.reset(tokens[1])


async def as_owner(whose: str, work: Work, scope: Scope) -> Message:
    """The answer to somebody."""
    token = owner.set(whose)
    try:
        return await work(scope)
    finally:
        owner.reset(token)


def scope_of(path: str, rpc: Any) -> Scope:
    """The ASGI scope that a call would have as a request."""
    headers = [
        (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in rpc.invocation_metadata() or ()
    ]
    address = unquote(rpc.peer()).partition(":")[2].rpartition(":")[0].strip("[]")
    return {
        "type": "http",
        "http_version": "2",
        "method": "POST",
        "path": path,
        "headers": headers,
        "client": (address or None, None),
    }


async def refuse(rpc: Any, scope: Scope, error: ServiceError) -> None:
    """End a call with an error: its status, its sentence, and its code in the metadata."""
    metadata = [("x-request-id", scope["state"]["id"]), ("code", error.code)]
    if error.retry_after is not None:
        metadata.append(("retry-after", str(error.retry_after)))
    await rpc.abort(grpc.StatusCode[error.grpc_status], str(error), tuple(metadata))


async def within(seconds: float, writing: Awaitable[None]) -> None:
    """Await that a client reads a message.

    Raises:
        ClientGone: it does not, for so long
    """
    try:
        async with asyncio.timeout(seconds):
            await writing
    except TimeoutError:
        raise ClientGone(f"the client has read nothing for {seconds:g} seconds") from None
