"""One running service for all tests that leave it as it was, and one Redis a test process."""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from tests.service.redis_server import MISSING, RedisServer
from tests.service.running import Server, serving

BOUNDS = {
    "max_steps": 2000,
    "max_memory_slots": 512,
    "max_body_bytes": 2**20,
    "max_response_bytes": 400_000,
}


@pytest.fixture(scope="session")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service on the small models, with bounds that tests can reach."""
    ports = {"grpc_port": 0} if find_spec("grpc") else {}
    with serving(repository, tmp_path_factory.mktemp("server"), **BOUNDS, **ports) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of it."""
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that stays up."""
    if not shutil.which("redis-server"):
        pytest.skip(MISSING)
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server.start()
    server.kill()


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """It, empty."""
    shared_redis.ask("FLUSHALL")
    return shared_redis
