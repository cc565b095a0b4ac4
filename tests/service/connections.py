"""An application in this process behind real sockets, and HTTP/1.1 byte for byte."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from fastapi import FastAPI
from uvicorn.server import ServerState

from service.api.context import Context
from service.app import create_app
from service.http.connection import Connection
from service.settings import Settings

Fields = dict[str, str]


class Answer(NamedTuple):
    """What came back; the body is inflated."""

    status: int
    fields: Fields
    content: bytes


@dataclass(frozen=True)
class Listening:
    """An application that can be connected to."""

    app: FastAPI
    address: tuple[str, int]
    connections: list[Connection] = field(default_factory=list)  # all that were ever made

    @property
    def context(self) -> Context:
        """What its routes work with."""
        context: Context = self.app.state.context
        return context

    async def connect(self, **named: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to it."""
        return await asyncio.open_connection(*self.address, **named)


@asynccontextmanager
async def listening(models: Path, folder: Path, **settings: Any) -> AsyncIterator[Listening]:
    """An application with these settings, its sockets closed in the end."""
    app = create_app(Settings(models=models, data=folder, **{"engine": "onnx", **settings}))
    config, state = uvicorn.Config(app, log_config=None, ws="none"), ServerState()
    config.load()
    connections: list[Connection] = []

    def connection() -> Connection:
        made = Connection(
            config=config, server_state=state, app_state={}, count=lambda connections: None
        )
        connections.append(made)
        return made

    async with app.router.lifespan_context(app):
        server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
        yield Listening(app, server.sockets[0].getsockname(), connections)
        server.close()


def request(path: str, fields: Fields, content: bytes, method: str = "POST") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{name}: {value}" for name, value in {"host": "x", **fields}.items()]
    if "transfer-encoding" not in fields:
        lines.append(f"content-length: {len(content)}")
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "\r\n"]).encode() + content


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next answer on a connection."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 120)).decode()
    first, *lines = head.strip().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)
    content = await reader.readexactly(int(fields.get("content-length", 0)))
    if fields.get("content-encoding") == "gzip":
        content = gzip.decompress(content)
    return Answer(int(first.split()[1]), fields, content)
