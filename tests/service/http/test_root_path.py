"""Behind a proxy that offers the service under a path, whether it takes the path away or not."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.bodies import body
from tests.service.running import refused, serving


@pytest.fixture(scope="module")
def prefixed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service that is offered under /ntm, with a key."""
    folder = tmp_path_factory.mktemp("prefixed")
    settings = {"root_path": "/ntm/", "api_keys": "key", "engine": "onnx"}
    with (
        serving(repository, folder, **settings) as server,
        server.client(headers={"Authorization": "Bearer key"}) as client,
    ):
        yield client


@pytest.mark.parametrize("prefix", ["", "/ntm"])
def test_every_route_answers(prefixed: httpx.Client, prefix: str) -> None:
    trace = prefixed.post(f"{prefix}/predict", json=body()).json()["trace_id"]
    for path in (f"/trace/{trace}", "/models/copy", "/v2/models/copy", "/", "/viewer/main.js"):
        assert prefixed.get(f"{prefix}{path}").status_code == 200
    assert prefixed.get("/ntm").status_code == 200
    assert prefixed.get("/ntmodels").status_code == 404


def test_keys_and_probes_are_where_they_were(prefixed: httpx.Client) -> None:
    anybody = {"Authorization": ""}
    assert prefixed.get("/ntm/models", headers=anybody).status_code == 401
    assert prefixed.get("/ntm/v2/health/ready", headers=anybody).status_code == 200


def test_the_document_names_the_path(prefixed: httpx.Client) -> None:
    told = prefixed.get("/ntm/openapi.json").json()
    assert told["servers"] == [{"url": "/ntm"}]
    assert "/predict" in told["paths"]


def test_a_path_that_is_none_is_an_error(repository: Path, tmp_path: Path) -> None:
    code, log = refused(repository, tmp_path, root_path="https://example.org/ntm")
    assert code == 1
    assert "NTM_ROOT_PATH" in log
