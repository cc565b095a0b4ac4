"""One running service for all tests that leave it as it was."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.running import Server, serving


@pytest.fixture(scope="session")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service on the small models, with bounds that tests can reach."""
    folder = tmp_path_factory.mktemp("server")
    bounds = {"max_steps": 2000, "max_memory_slots": 512, "max_body_bytes": 2**20}
    with serving(repository, folder, max_response_bytes=400_000, **bounds) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of it."""
    with server.client() as client:
        yield client
