"""All that is tested of sessions is tested with both stores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.conftest import BOUNDS
from tests.service.redis_server import RedisServer
from tests.service.running import Server, serving


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def kept(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of a service that keeps its sessions there."""
    if request.param == "sqlite":
        return {}
    redis: RedisServer = request.getfixturevalue("shared_redis")
    redis.ask("FLUSHALL")
    return {"store": redis.url}


@pytest.fixture
def emptied(kept: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    """The same, with nothing in it."""
    if kept:
        request.getfixturevalue("shared_redis").ask("FLUSHALL")
    return kept


@pytest.fixture(scope="module")
def server(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, kept: dict[str, Any]
) -> Iterator[Server]:
    """The service with one of the stores."""
    folder = tmp_path_factory.mktemp("server")
    with serving(repository, folder, **BOUNDS, **kept, max_sessions=10_000) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of it."""
    with server.client() as client:
        yield client
