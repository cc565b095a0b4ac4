"""The service on a real Ray cluster: the same bits, and nothing lost when parts of it die."""

import importlib.util
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml

from tests.command_line import ROOT
from tests.service.bodies import array, body, draw, same
from tests.service.redis_server import RedisServer, needs_redis
from tests.service.running import CLEAN, PATIENCE, await_that, serving
from tests.service.sessions.streams import at_once, begin, outputs, send

pytestmark = [
    pytest.mark.xdist_group("ray"),  # one cluster at a time
    needs_redis,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="ray is not installed ([cluster])"
    ),
]
if importlib.util.find_spec("ray"):
    from tests.service.cluster.nodes import Nodes, persist

# What differs from one run to the next: ids and times.
PASSING = ("trace_id", "created_at", "session_id")


@pytest.fixture(scope="module")
def models(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with version 1 of copy."""
    folder = tmp_path_factory.mktemp("cluster") / "models"
    shutil.copytree(repository / "copy" / "1", folder / "copy" / "1")
    return folder


@pytest.fixture(scope="module")
def nodes(
    models: Path, shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Nodes"]:
    """Two nodes, two replicas."""
    shared_redis.ask("FLUSHALL")
    nodes = Nodes(models, shared_redis, tmp_path_factory.mktemp("nodes"))
    yield nodes
    nodes.close()


@pytest.fixture
def cluster(nodes: "Nodes") -> Iterator[httpx.Client]:
    """A client of the cluster."""
    with nodes.client() as client:
        yield client


def lasting(told: dict[str, Any]) -> dict[str, Any]:
    """An answer without what differs anyway."""
    return {name: value for name, value in told.items() if name not in PASSING}


@pytest.fixture(scope="module")
def client(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of one process on the same models and engine."""
    folder = tmp_path_factory.mktemp("single")
    with serving(models, folder, engine="onnx") as server, server.client() as client:
        yield client


def test_the_same_request_gives_the_same_bits(client: httpx.Client, cluster: httpx.Client) -> None:
    changed = [{"steps": "3:9", "head": "read.0", "set": {"gate": 0.5}}]
    weightings = ["read_weightings", "write_weightings"]
    for asked in (
        body(40),
        body(7, memory_slots=33, include=weightings),
        body(30, interventions=changed, include=weightings),
    ):
        one, many = (c.post("/predict", json=asked).json() for c in (client, cluster))
        assert lasting(one) == lasting(many)
        for query in ("", "?include=addressing,writes,reads,controller,memory&steps=2:6"):
            traces = [
                c.get(f"/trace/{t['trace_id']}{query}").json()
                for c, t in ((client, one), (cluster, many))
            ]
            assert lasting(traces[0]) == lasting(traces[1])
    tensor = {"name": "sequence", "shape": [3, 5, 6], "datatype": "FP32"}
    infer = {"inputs": [{**tensor, "data": draw(15).ravel().tolist()}]}
    one, many = (c.post("/v2/models/copy/versions/1/infer", json=infer) for c in (client, cluster))
    assert one.json()["outputs"] == many.json()["outputs"]
    for wrong in (body(5, memory_slots=0), {"model": "none"}, body(5, version=9)):
        one, many = (c.post("/predict", json=wrong) for c in (client, cluster))
        assert (one.status_code, one.json()["code"]) == (many.status_code, many.json()["code"])


class Streamer(threading.Thread):
    """Feeds one session piece by piece, trying again, and asks for predictions in between."""

    def __init__(self, nodes: "Nodes", number: int) -> None:
        super().__init__()
        self.nodes, self.sequence = nodes, draw(4000, seed=number)
        self.enough, self.tries = threading.Event(), list[int]()
        self.session, self.position = "", 0
        self.answered, self.traces = list[Any](), dict[str, bytes]()

    def run(self) -> None:
        with self.nodes.client() as client:
            self.session = begin(client)
            while not self.enough.is_set() and self.position < 3900:
                self.step(client)

    def step(self, client: httpx.Client) -> None:
        """One piece and one prediction."""
        piece = self.sequence[self.position : self.position + 1 + self.position % 13]
        told = {"sequence": piece.tolist(), "position": self.position}
        path = f"/sessions/{self.session}/steps"
        self.answered.append(outputs(persist(lambda: client.post(path, json=told), self.tries)))
        self.position += len(piece)
        asked = body(400, seed=self.position)
        made = persist(lambda: client.post("/predict", json=asked), self.tries).json()
        self.traces[made["trace_id"]] = array(made["outputs"]).tobytes()


def stream_while(nodes: "Nodes", kill: Callable[[], object]) -> list[Streamer]:
    """Have four clients at work while a part of the cluster dies."""
    streams = [Streamer(nodes, number) for number in range(4)]
    for stream in streams:
        stream.start()
    try:
        await_that(lambda: all(len(stream.answered) >= 5 for stream in streams))
        kill()
        marks = [len(stream.answered) for stream in streams]
        await_that(
            lambda: all(len(s.answered) >= m + 5 for s, m in zip(streams, marks, strict=True))
        )
    finally:
        for stream in streams:
            stream.enough.set()
        for stream in streams:
            stream.join()
    return streams


def check(streams: list[Streamer], client: httpx.Client) -> None:
    """Every position and every trace that was answered is there, bit for bit."""
    for stream in streams:
        assert client.get(f"/sessions/{stream.session}").json()["position"] == stream.position
        whole = at_once(client, stream.sequence[: stream.position])
        assert same(np.concatenate(stream.answered), whole)
        for trace, got in list(stream.traces.items())[-12:]:
            told = client.get(f"/trace/{trace}?include=outputs").json()
            assert array(told["outputs"]).tobytes() == got
        for trace in stream.traces:
            assert client.get(f"/trace/{trace}?include=inputs&steps=0:1").status_code == 200


def test_killed_replicas_lose_nothing(nodes: "Nodes", cluster: httpx.Client) -> None:
    assert len(nodes.replicas()) >= 2
    streams = stream_while(nodes, nodes.kill_replica)
    check(streams, cluster)
    await_that(lambda: len(nodes.replicas()) >= 2)


def test_a_killed_node_loses_nothing(nodes: "Nodes", cluster: httpx.Client) -> None:
    streams = stream_while(nodes, lambda: (nodes.kill_node(), nodes.add_node()))
    assert nodes.killed  # engines among them
    check(streams, cluster)
    await_that(lambda: len(nodes.replicas()) >= 2)


def test_any_replica_serves_any_session(nodes: "Nodes", cluster: httpx.Client) -> None:
    """No piece names a replica, and each is computed by whichever is there at the time."""
    session, sequence = begin(cluster), draw(60)
    first = outputs(send(cluster, session, sequence[:30], position=0))
    before = nodes.replicas()
    for process in before:
        process.kill()
    await_that(lambda: {p.pid for p in nodes.replicas()} - {p.pid for p in before})
    second = outputs(send(cluster, session, sequence[30:], position=30))
    assert same(np.concatenate([first, second]), at_once(cluster, sequence))


def test_a_version_rolls_in_and_out_without_a_failed_request(
    nodes: "Nodes", cluster: httpx.Client, models: Path, repository: Path
) -> None:
    asked, enough = body(40), threading.Event()
    del asked["version"]
    answers: list[tuple[int, int, bytes]] = []

    def flood() -> None:
        with nodes.client() as client:
            while not enough.is_set():
                answer = client.post("/predict", json=asked)
                told = answer.json()
                got = array(told.get("outputs", ())).tobytes()
                answers.append((answer.status_code, told.get("version", 0), got))

    def newest() -> set[int]:
        return {version for _, version, _ in answers[-20:]}

    threads = [threading.Thread(target=flood) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        shutil.copytree(repository / "copy" / "2", models / "copy" / "2")
        await_that(lambda: newest() == {2})
        expected = {
            version: at_once(cluster, draw(40), version=version).tobytes() for version in (1, 2)
        }
        shutil.rmtree(models / "copy" / "2")
        await_that(lambda: newest() == {1})
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    assert {status for status, _, _ in answers} == {200}
    assert all(got == expected[version] for _, version, got in answers)


def test_a_flood_is_refused_and_brings_another_replica(nodes: "Nodes") -> None:
    refused, served, enough = list[int](), list[int](), threading.Event()

    def flood() -> None:
        asked = body(2000, record=False)
        with nodes.client() as client:
            while not enough.is_set():
                answer = client.post("/predict", json=asked)
                if answer.status_code == 503:
                    assert answer.json()["code"] == "queue_full"
                    refused.append(int(answer.headers["retry-after"]))
                    enough.wait(0.05)
                else:
                    served.append(answer.status_code)

    threads = [threading.Thread(target=flood) for _ in range(16)]
    for thread in threads:
        thread.start()
    try:
        await_that(lambda: len(nodes.replicas()) >= 3)
        await_that(lambda: refused and served)
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    assert set(served) == {200}
    assert min(refused) >= 1


def test_serve_run_takes_the_configuration(nodes: "Nodes", models: Path, tmp_path: Path) -> None:
    """cluster.yaml as it is, but for where things are and for how many cores there are."""
    from ray import serve

    config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    application = config["applications"][0]
    application["args"]["num_cpus"] = 0.1
    application["deployments"][0]["ray_actor_options"]["num_cpus"] = 0.1
    settings = {"MODELS": str(models), "STORE": nodes.store, "ENGINE": "onnx"}
    application["runtime_env"]["env_vars"] = {f"NTM_{name}": v for name, v in settings.items()}
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(config))

    def deployed() -> bool:
        assert process.poll() is None, log.read_text()
        app = serve.status().applications["ntm"]
        return app.status == "RUNNING" and app.last_deployed_time_s > began

    def two_copies() -> bool:
        """min_replicas; what a flood had added before stays until the downscale delay is over."""
        copy = serve.status().applications["ntm"].deployments["copy"]
        return copy.replica_states["RUNNING"] >= 2

    began, log = time.time(), tmp_path / "log"
    command = [sys.executable, "-m", "ray.serve.scripts", "run", str(tmp_path / "cluster.yaml")]
    environment = CLEAN | {"RAY_ADDRESS": nodes.cluster.address}
    with log.open("wb") as told:
        process = subprocess.Popen(command, env=environment, stdout=told, stderr=told, cwd=ROOT)
    try:
        await_that(deployed)
        await_that(two_copies)
        with nodes.client() as client:
            made = client.post("/predict", json=body()).json()
            assert client.get(f"/trace/{made['trace_id']}").status_code == 200
    finally:
        process.kill()  # how it ends is Ray's
        process.wait(PATIENCE)


def test_a_running_ray_is_joined(nodes: "Nodes", models: Path, tmp_path: Path) -> None:
    """Last, for it takes the place of what the others ask. Serve listens where it did before."""
    with serving(
        models,
        tmp_path,
        arguments=["--cluster"],
        ray=nodes.cluster.address,
        store=nodes.store,
        engine="onnx",
    ) as server:
        assert server.url == nodes.url
        assert "NTM_PORT count after" in server.log.read_text()
        with server.client() as client:
            assert at_once(client, draw(20)).shape == (20, 4)
            assert len(nodes.replicas()) >= 1
        assert server.stop() == 0
    with nodes.client() as client:
        assert client.get("/v2/health/ready").status_code == 404  # Ray goes on, without it
