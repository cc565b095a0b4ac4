"""The service with gRPC in the test's own process, on the test's event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc", reason="grpcio is not installed")

import grpc

from service.api.context import Context
from service.app import create_app
from service.grpc.server import reserve
from service.models.served import Models
from service.settings import Settings

PATH = "/inference.GRPCInferenceService/"


@dataclass(frozen=True)
class Running:
    """A service with its insides."""

    context: Context
    address: str
    channel: Any  # to it

    def call(self, method: str) -> Any:
        """A method with one answer, in bytes."""
        return self.channel.unary_unary(PATH + method)

    def stream(self, method: str = "ModelStreamInfer") -> Any:
        """A call with many messages, in bytes."""
        return self.channel.stream_stream(PATH + method)()


@asynccontextmanager
async def running(repository: Path, data: Path, **options: Any) -> AsyncIterator[Running]:
    """A service on a free port."""
    port = reserve("127.0.0.1", 0)
    address = f"127.0.0.1:{port.getsockname()[1]}"
    settings = Settings(
        models=repository, data=data, engine="onnx", grpc_port=port.getsockname()[1], **options
    )
    app = create_app(settings, partial(Models, names=["odd"]))
    with port:
        async with app.router.lifespan_context(app), grpc.aio.insecure_channel(address) as channel:
            yield Running(app.state.context, address, channel)


@pytest.fixture
def with_service(repository: Path, tmp_path: Path) -> Callable[..., None]:
    """Runs a test's coroutine with a service of some settings."""

    def run(test: Callable[[Running], Coroutine[Any, Any, None]], **options: Any) -> None:
        async def main() -> None:
            async with running(repository, tmp_path, **options) as service:
                await test(service)

        asyncio.run(main())

    return run


def listens(address: str) -> bool:
    """Whether somebody takes connections there."""
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
