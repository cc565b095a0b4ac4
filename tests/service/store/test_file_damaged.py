"""The file of traces and sessions damaged or gone under a running service, and back again."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.bodies import body
from tests.service.running import await_that, serving

NOT_KEPT = '199 ntm "the store does not answer: no trace was kept"'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of the service's data."""
    return tmp_path / "data"


@pytest.fixture
def client(repository: Path, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a service of its own, which ends well in any case."""
    with (
        serving(repository, tmp_path, engine="onnx") as server,
        server.client() as client,
    ):
        yield client
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()


def predict(client: httpx.Client) -> tuple[Any, str | None]:
    """A trace's id and the warning instead."""
    answer = client.post("/predict", json=body(3))
    assert answer.status_code == 200, answer.text
    return answer.json()["trace_id"], answer.headers.get("warning")


def check_down(client: httpx.Client, trace_id: str) -> None:
    """What a client sees while the file is of no use."""
    for answer in (
        client.get(f"/trace/{trace_id}"),
        client.get("/trace"),
        client.post("/sessions", json={"model": "copy"}),
    ):
        assert answer.status_code == 503, answer.text
        assert answer.json()["code"] == "store_unavailable"
        assert answer.headers["retry-after"]
    assert client.get("/metrics").status_code == 200
    assert predict(client) == (None, NOT_KEPT)


def is_up(client: httpx.Client) -> bool:
    """Whether traces are kept and read."""
    trace_id, _ = predict(client)
    return trace_id is not None and client.get(f"/trace/{trace_id}").status_code == 200


def test_a_folder_that_goes_and_comes_back(client: httpx.Client, data: Path) -> None:
    trace_id, _ = predict(client)
    assert client.get(f"/trace/{trace_id}").status_code == 200
    shutil.rmtree(data)
    assert predict(client) == (None, NOT_KEPT)
    check_down(client, trace_id)
    data.mkdir()
    await_that(lambda: is_up(client))
    assert client.get(f"/trace/{trace_id}").status_code == 404


def test_a_file_that_is_damaged_and_mended(client: httpx.Client, data: Path) -> None:
    file, good = data / "traces.sqlite", data / "good"
    trace_id, _ = predict(client)
    assert client.get(f"/trace/{trace_id}").status_code == 200
    shutil.copy(file, good)
    for end in ("", "-wal", "-shm"):
        with (data / f"traces.sqlite{end}").open("r+b") as opened:
            opened.write(b"no database at all" * 1000)
    await_that(lambda: client.get("/trace").status_code == 503)
    check_down(client, trace_id)
    for end in ("-wal", "-shm"):
        (data / f"traces.sqlite{end}").unlink(missing_ok=True)
    good.replace(file)
    await_that(lambda: is_up(client))


def test_a_file_that_is_removed_is_made_anew(client: httpx.Client, data: Path) -> None:
    trace_id, _ = predict(client)
    assert client.get(f"/trace/{trace_id}").status_code == 200
    for file in data.glob("traces.sqlite*"):
        file.unlink()
    await_that(lambda: is_up(client))


def test_damaged_records_are_counted(client: httpx.Client, data: Path) -> None:
    (data / "traces.sqlite.incoming.00").write_bytes(b"no record")
    assert client.get("/trace").status_code == 200
    assert "ntm_damaged_records 1.0" in client.get("/metrics").text
    assert [file.read_bytes() for file in data.glob("*.damaged.*")] == [b"no record"]
