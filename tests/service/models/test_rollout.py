"""Models that come, change, break and go under a running service."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.bodies import Float, array, body, draw, same
from tests.service.running import Server, await_that, serving
from tests.service.sessions.streams import at_once, begin, outputs, send


@pytest.fixture
def models(repository: Path, tmp_path: Path) -> Path:
    """A repository of its own with version 1 of copy."""
    folder = tmp_path / "models"
    shutil.copytree(repository / "copy" / "1", folder / "copy" / "1")
    return folder


@pytest.fixture
def server(models: Path, tmp_path: Path) -> Iterator[Server]:
    """Looks often."""
    with serving(models, tmp_path, engine="onnx", poll=0.1) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of it."""
    with server.client() as client:
        yield client


def versions(client: httpx.Client) -> list[int]:
    """The versions of copy that are served."""
    return list(client.get("/models/copy").json()["versions"])


def broken(client: httpx.Client) -> dict[tuple[str, int], dict[str, Any]]:
    """What is told to be broken."""
    told = client.get("/models").json()["broken"]
    return {(entry["name"], entry["version"]): entry for entry in told}


class Flood(threading.Thread):
    """Asks for the highest version without a pause, and keeps every answer."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server, self.enough = server, threading.Event()
        self.answers: list[tuple[int, int, bytes]] = []

    def run(self) -> None:
        asked = body(40)
        del asked["version"]
        with self.server.client() as client:
            while not self.enough.is_set():
                answer = client.post("/predict", json=asked)
                told = answer.json()
                got = array(told.get("outputs", ())).tobytes()
                self.answers.append((answer.status_code, told.get("version", 0), got))


def at_version(client: httpx.Client, sequence: Float, version: int) -> bytes:
    return at_once(client, sequence, version=version).tobytes()


def test_a_version_rolls_in_and_out_under_load_without_a_dropped_request(
    server: Server, client: httpx.Client, models: Path, repository: Path
) -> None:
    floods = [Flood(server) for _ in range(3)]
    for flood in floods:
        flood.start()
    try:
        await_that(lambda: all(flood.answers for flood in floods))
        shutil.copytree(repository / "copy" / "2", models / "copy" / "2")  # file by file
        await_that(lambda: versions(client) == [1, 2])
        expected = {version: at_version(client, draw(40), version) for version in (1, 2)}
        await_that(lambda: all(flood.answers[-1][1] == 2 for flood in floods))
        shutil.rmtree(models / "copy" / "2")
        await_that(lambda: versions(client) == [1])
        await_that(lambda: all(flood.answers[-1][1] == 1 for flood in floods))
        await_that(lambda: "ntm_model_info" in client.get("/metrics").text)
        assert 'ntm_model_info{device="cpu",engine="onnx",model="copy",version="2"}' not in (
            client.get("/metrics").text
        )
    finally:
        for flood in floods:
            flood.enough.set()
        for flood in floods:
            flood.join()
    assert expected[1] != expected[2]
    for flood in floods:
        assert {status for status, _, _ in flood.answers} == {200}
        assert all(got == expected[version] for _, version, got in flood.answers)
        assert {version for _, version, _ in flood.answers} == {1, 2}


def test_other_files_by_the_same_number_are_swapped_in(
    client: httpx.Client, models: Path, repository: Path
) -> None:
    trace = client.post("/predict", json=body()).json()["trace_id"]
    session = begin(client)
    send(client, session, draw(5))
    before = at_version(client, draw(9), 1)
    for file in sorted((repository / "copy" / "2").rglob("*")):
        if file.is_file():
            shutil.copy(file, models / "copy" / "1" / file.relative_to(repository / "copy" / "2"))
            assert client.post("/predict", json=body()).status_code == 200
    await_that(lambda: at_version(client, draw(9), 1) != before)
    await_that(lambda: not broken(client))
    gone = client.get(f"/trace/{trace}")
    assert (gone.status_code, gone.json()["code"]) == (409, "unreplayable")
    assert "other files of copy/1" in gone.json()["error"]
    stuck = send(client, session, draw(5))
    assert (stuck.status_code, stuck.json()["code"]) == (409, "model_gone")


def test_traces_and_sessions_of_a_version_last_as_long_as_it_does(
    client: httpx.Client, models: Path, repository: Path
) -> None:
    old = client.post("/predict", json=body()).json()["trace_id"]
    session = begin(client)  # on version 1, for good
    first = outputs(send(client, session, draw(20)[:8]))
    shutil.copytree(repository / "copy" / "2", models / "copy" / "2")
    await_that(lambda: versions(client) == [1, 2])
    new = client.post("/predict", json=body(version=2)).json()["trace_id"]
    assert client.get(f"/trace/{old}").status_code == 200
    assert client.get(f"/trace/{new}").status_code == 200
    rest = outputs(send(client, session, draw(20)[8:]))
    assert same([*first, *rest], [*at_once(client, draw(20), version=1)])
    shutil.rmtree(models / "copy" / "1")
    await_that(lambda: versions(client) == [2])
    gone = client.get(f"/trace/{old}")
    assert (gone.status_code, gone.json()["code"]) == (409, "unreplayable")
    assert "copy/1" in gone.json()["error"]
    assert client.get(f"/trace/{new}").status_code == 200
    assert send(client, session, draw(5)).json()["code"] == "model_gone"
    assert client.get(f"/sessions/{session}").status_code == 200


def test_a_broken_one_is_told_and_a_completed_one_is_served(
    server: Server, client: httpx.Client, models: Path, repository: Path
) -> None:
    source, target = repository / "copy" / "2", models / "copy" / "2"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("predict_16.onnx"))
    await_that(lambda: ("copy", 2) in broken(client))
    told = broken(client)[("copy", 2)]
    assert "predict_16.onnx" in told["error"]
    assert told["served"] is False
    assert str(models) not in told["error"]
    await_that(lambda: "copy/2 is not served" in server.log.read_text())
    assert client.post("/predict", json=body(version=1)).status_code == 200
    graph = (source / "onnx" / "predict_16.onnx").read_bytes()
    (target / "onnx" / "predict_16.onnx").write_bytes(graph[: len(graph) // 2])  # half copied
    await_that(lambda: "differs" in broken(client)[("copy", 2)]["error"])
    (target / "onnx" / "predict_16.onnx").write_bytes(graph)
    await_that(lambda: versions(client) == [1, 2])
    assert not broken(client)


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors", "onnx/signature.json"])
def test_damage_does_not_disturb_what_runs(client: httpx.Client, models: Path, damage: str) -> None:
    before = at_version(client, draw(9), 1)
    (models / "copy" / "1" / damage).write_bytes(b"\0" * 100)
    await_that(lambda: ("copy", 1) in broken(client))
    assert broken(client)[("copy", 1)]["served"] is True
    assert at_version(client, draw(9), 1) == before


def test_a_repository_that_goes_away_leaves_the_models(
    server: Server, client: httpx.Client, models: Path
) -> None:
    models.rename(models.with_name("elsewhere"))
    await_that(lambda: "stay as they are" in server.log.read_text())
    assert client.post("/predict", json=body()).status_code == 200


def test_a_new_model_comes_with_a_signal(models: Path, repository: Path, tmp_path: Path) -> None:
    with serving(models, tmp_path, engine="onnx", poll=0) as server, server.client() as client:
        shutil.copytree(repository / "odd" / "1", models / "odd" / "1")
        time.sleep(0.5)
        assert client.get("/models/odd").status_code == 404
        server.process.send_signal(signal.SIGHUP)
        await_that(lambda: client.get("/models/odd").status_code == 200)
        assert client.post("/predict", json=body(model="odd")).status_code == 200


def test_what_runs_on_a_removed_version_finishes(
    client: httpx.Client, server: Server, models: Path, repository: Path
) -> None:
    shutil.copytree(repository / "odd" / "1", models / "odd" / "1")
    await_that(lambda: client.get("/models/odd").status_code == 200)
    got: list[httpx.Response] = []

    def run() -> None:
        with server.client() as other:
            got.append(other.post("/predict", json=body(2000, model="odd", memory_slots=16_384)))

    thread = threading.Thread(target=run)
    thread.start()
    await_that(lambda: 'ntm_queued_steps{model="odd",version="1"} 0.0' not in metrics(client))
    shutil.rmtree(models / "odd")
    await_that(lambda: client.get("/models/odd").status_code == 404)
    assert not got  # it still runs
    thread.join()
    assert got[0].status_code == 200


def metrics(client: httpx.Client) -> str:
    """As text."""
    return client.get("/metrics").text


def test_odd_entries_are_told_and_disturb_nothing(
    server: Server, client: httpx.Client, models: Path, repository: Path, tmp_path: Path
) -> None:
    release = tmp_path / "releases" / "v2024"
    (models / "piped" / "1").mkdir(parents=True)
    os.mkfifo(models / "piped" / "1" / "config.json")
    os.mkfifo(models / "pipe")
    (models / "My_Model" / "1").mkdir(parents=True)
    (models / "copy" / "v1").mkdir()
    (models / "copy" / "3").symlink_to("/nowhere")
    await_that(lambda: len(broken(client)) == 5)
    assert broken(client).keys() == {
        *((name, None) for name in ("My_Model", "copy", "pipe")),
        ("copy", 3),
        ("piped", 1),
    }
    shutil.copytree(repository / "copy" / "2", release)
    (models / "copy" / "2").symlink_to(release)
    (models / "prod").symlink_to("copy")
    await_that(lambda: versions(client) == [1, 2])
    assert client.post("/predict", json=body(3, model="prod", version=2)).status_code == 200
    assert "piped/1/config.json is no file" in broken(client)["piped", 1]["error"]
    assert server.stop() == 0
    log = server.log.read_text()
    assert log.count("My_Model is not served") == 1
    assert "Traceback" not in log


def test_a_start_beside_odd_entries(models: Path, repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository / "copy" / "2", tmp_path / "v2024")
    (models / "copy" / "2").symlink_to(tmp_path / "v2024")
    (models / "copy" / "2024").symlink_to("gone")
    os.mkfifo(models / "copy" / "1" / "README.md")
    with serving(models, tmp_path, engine="onnx") as server, server.client() as client:
        assert versions(client) == [1, 2]
        assert client.get("/models/copy?version=1").json()["card"] is None
        assert server.stop() == 0
