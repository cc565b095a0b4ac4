"""The gRPC server: the methods on a port of its own, on the event loop that serves REST."""

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc

from service.api.context import Context
from service.errors import Draining, Forbidden, ServiceError, Unauthorized
from service.grpc.calls import Calls, Outcome, Send, refuse, scope_of, within
from service.grpc.messages import SERVICE, Message, message, parse
from service.grpc.methods import METHODS, STREAMS, Method
from service.http.keys import Keys
from service.settings import Settings
from service.telemetry.request_log import RequestLog

log = logging.getLogger("ntm.server")

LEAST_CALLS = 16  # at once, however small the memory and large the messages
KEEP_ALIVE = 60_000, 20_000  # milliseconds until a silent client is asked, and to its answer

ModelStreamInferResponse = message("ModelStreamInferResponse")


class Server:
    """Answers calls through the core that answers REST."""

    def __init__(self, context: Context, keys: Keys, request_log: RequestLog) -> None:
        self._context, self._calls = context, Calls(context, keys, request_log)
        self._write_timeout = context.settings.write_timeout

    def handlers(self) -> Any:
        """Of all methods. Messages come as bytes: they are counted before they are parsed.

        A single answer is written as a stream of one, which is the same on the wire: only of a
        stream it can be seen that nobody reads it.
        """
        methods = {
            name: grpc.unary_stream_rpc_method_handler(partial(self._single, name, method))
            for name, method in METHODS.items()
        }
        streams = {
            name: grpc.stream_stream_rpc_method_handler(partial(self._stream, name, method))
            for name, method in STREAMS.items()
        }
        return grpc.method_handlers_generic_handler(SERVICE.full_name, {**methods, **streams})

    async def _single(self, name: str, method: Method, data: bytes, rpc: Any) -> None:
        """One message, one answer."""
        scope = scope_of(f"/{SERVICE.full_name}/{name}", rpc)

        async def send(outcome: Outcome) -> None:
            if isinstance(outcome, ServiceError):
                await refuse(rpc, scope, outcome)
                return
            rpc.set_trailing_metadata((("x-request-id", scope["state"]["id"]),))
            await within(self._write_timeout, rpc.write(outcome.SerializeToString()))

        await self._answer(name, method, data, scope, rpc, send)

    async def _stream(self, name: str, method: Method, messages: Any, rpc: Any) -> None:
        """One answer a message, in their order; an error is an answer and ends nothing.

        What no message of this call could change ends it: no key, or the end of the service.
        """
        scope = scope_of(f"/{SERVICE.full_name}/{name}", rpc)

        async def send(outcome: Outcome) -> None:
            if isinstance(outcome, Unauthorized | Forbidden | Draining):
                await refuse(rpc, scope, outcome)
                return
            told = ModelStreamInferResponse()
            if isinstance(outcome, ServiceError):
                told.error_message = str(outcome)
                told.infer_response.id = scope["state"].get("client_id", "")
                told.infer_response.parameters["code"].string_param = outcome.code
            else:
                told.infer_response.CopyFrom(outcome)
            await within(self._write_timeout, rpc.write(told.SerializeToString()))

        while (data := await rpc.read()) is not grpc.aio.EOF:
            await self._answer(name, method, data, scope, rpc, send)

    async def _answer(
        self, name: str, method: Method, data: bytes, scope: Any, rpc: Any, send: Send
    ) -> None:
        kind = message(SERVICE.methods_by_name[name].input_type.name)

        async def work(scope: Any) -> Message:
            request = parse(kind, data)
            scope["state"]["client_id"] = getattr(request, "id", "")
            scope["state"]["remaining"] = rpc.time_remaining()
            return await method(self._context, scope, request)

        await self._calls.answer(scope, data, work, send)


@asynccontextmanager
async def serving(
    settings: Settings, context: Context, keys: Keys, request_log: RequestLog
) -> AsyncIterator[int]:
    """Serve inside this context; the port.

    Raises:
        RuntimeError: the address cannot be had
    """
    server = grpc.aio.server(
        options=options(settings), maximum_concurrent_rpcs=most_calls(settings)
    )
    server.add_generic_rpc_handlers((Server(context, keys, request_log).handlers(),))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    port = server.add_insecure_port(f"{host}:{settings.grpc_port}")
    await server.start()
    log.info("gRPC on %s:%s", host, port)
    try:
        yield port
    finally:
        await server.stop(0)  # what should finish has: it was counted in flight


def most_calls(settings: Settings) -> int:
    """Calls at once: as many as may have messages of full size in memory."""
    fit = settings.memory_limit // settings.max_body_bytes
    return min(settings.max_connections, max(LEAST_CALLS, fit))


def options(settings: Settings) -> list[tuple[str, int]]:
    """Of the channel; several worker processes share one port."""
    return [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", settings.max_body_bytes),
        ("grpc.max_send_message_length", -1),  # answers are bounded before they are computed
        ("grpc.keepalive_time_ms", KEEP_ALIVE[0]),
        ("grpc.keepalive_timeout_ms", KEEP_ALIVE[1]),
    ]


def reserve(host: str, port: int) -> socket.socket:
    """A socket that keeps a port for this process and its children, who may all listen on it.

    Raises:
        OSError: somebody else has it
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family) as alone:  # others could share a port that is only to be shared
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone.bind(address)
        address = alone.getsockname()
    reserved = socket.socket(family)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind(address)
    except OSError:
        reserved.close()
        raise
    return reserved
