"""Two processes on one port: one store, sessions in turn, ends and deaths."""

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.service.bodies import array, body, draw
from tests.service.running import Server, await_that, refused, serving
from tests.service.sessions.streams import at_once, begin, outputs, send


def pids(server: Server) -> list[int]:
    """The worker processes."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    told = [int(pid) for pid in children.read_text().split()]
    return [pid for pid in told if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def starts(server: Server) -> int:
    """How many workers have said that they run."""
    return server.log.read_text().count('"running on')


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers."""
    folder = tmp_path_factory.mktemp("workers")
    with serving(repository, folder, workers=2) as server:
        await_that(lambda: starts(server) == 2)
        yield server


def fresh(server: Server) -> httpx.Client:
    """A client whose every request is a connection of its own, so that either worker takes it."""
    return server.client(headers={"Connection": "close"})


def test_both_answer(server: Server) -> None:
    ready = set(pids(server))
    assert len(ready) == 2
    cores = [os.sched_getaffinity(pid) for pid in ready]
    if len(os.sched_getaffinity(0)) > 1:
        assert not cores[0] & cores[1]


def sockets(pid: int) -> int:
    """How many a process has open."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(link).startswith("socket:")
    return found


def test_they_share_connections_that_come_together(server: Server) -> None:
    """About evenly, where the machine lets both of them run."""
    workers = pids(server)
    address = server.url.removeprefix("http://").split(":")
    before = [sockets(pid) for pid in workers]

    def held() -> list[int]:
        """How many connections each has more than before."""
        return [sockets(pid) - had for pid, had in zip(workers, before, strict=True)]

    def share() -> bool:
        """Whether each takes about as many as the other of those that come at once."""
        with ExitStack() as stack:
            for _ in range(32):
                stack.enter_context(socket.create_connection((address[0], int(address[1]))))
            await_that(lambda: sum(held()) == 32)
            taken = held()
        await_that(lambda: sum(held()) == 0)
        return min(taken) >= 10

    assert any(share() for _ in range(10))


def test_traces_are_shared(server: Server) -> None:
    with fresh(server) as client:
        made = [client.post("/predict", json=body(3, seed)).json() for seed in range(12)]
        ids = [answer["trace_id"] for answer in made]
        assert len(set(ids)) == 12
        for _ in range(2):
            assert {client.get(f"/trace/{trace}").status_code for trace in ids} == {200}
        listed = [told["trace_id"] for told in client.get("/trace?limit=12").json()["traces"]]
        assert listed == ids[::-1]


def test_pieces_of_one_session_are_taken_in_turn_by_both(server: Server) -> None:
    """No position, four clients, either worker: no piece is lost and none is computed twice."""
    piece = draw(5)
    with fresh(server) as client:
        session = begin(client)
        whole = at_once(client, np.concatenate([piece] * 24))
    got: dict[int, bytes] = {}

    def run() -> None:
        with fresh(server) as client:
            for _ in range(6):
                told = send(client, session, piece).json()
                got[told["position"]] = array(told["outputs"]).tobytes()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(0, 120, 5))
    assert b"".join(got[position] for position in sorted(got)) == whole.tobytes()
    with fresh(server) as client:
        trace = client.get(f"/trace/{session}").json()
        assert array(trace["outputs"]).tobytes() == whole.tobytes()


def test_retries_meet_either_worker(server: Server) -> None:
    with fresh(server) as client:
        session, sequence = begin(client), draw(60)
        for start in range(0, 60, 10):
            piece = sequence[start : start + 10]
            answers = {send(client, session, piece, position=start).content for _ in range(4)}
            assert len(answers) == 1


def test_workers_that_cannot_start_end_the_service(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    code, log = refused(tmp_path / "models", tmp_path, workers=2)
    assert code == 1
    assert "holds no model" in log
    assert "Traceback" not in log


def test_their_logs_are_whole_lines(server: Server) -> None:
    with fresh(server) as client:
        client.get("/models")
    told, _, _ = server.log.read_text().rpartition("\n")  # what follows is being written
    for line in told.splitlines():
        json.loads(line)


def counted(server: Server) -> dict[str, float]:
    """All counters, and the gauges that add up, as one of the workers tells them."""
    with fresh(server) as client:
        text = client.get("/metrics").text
    samples = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    names = ("_total", "_count", "_sum", "_bucket")
    return {
        name: float(value)
        for name, value in samples
        if name.partition("{")[0].endswith(names) and "seconds" not in name
    }


def test_metrics_are_those_of_all_and_never_go_back(server: Server) -> None:
    requests = 'ntm_sequences_total{model="copy",outcome="ok",version="1"}'
    last = counted(server)
    before = last.get(requests, 0)
    for number in range(1, 13):
        with fresh(server) as client:
            assert client.post("/predict", json=body(3)).status_code == 200
        now = counted(server)
        while now.get(requests, 0) < before + number:  # it is counted once the answer has left
            now = counted(server)
        assert now[requests] == before + number
        assert all(now[name] >= value for name, value in last.items())
        last = now
    kill_workers(server, 1)
    now = counted(server)
    assert all(now[name] >= value for name, value in last.items())
    with fresh(server) as client:
        assert 'ntm_queued_steps{model="copy",version="1"} 0.0' in client.get("/metrics").text


def test_a_killed_worker_is_replaced_and_its_sessions_go_on(server: Server) -> None:
    with fresh(server) as client:
        session, sequence = begin(client), draw(40)
        first = outputs(send(client, session, sequence[:15]))
        kill_workers(server, 2)
        second = outputs(send(client, session, sequence[15:], position=15))
        whole = at_once(client, sequence)
    assert np.concatenate([first, second]).tobytes() == whole.tobytes()
    assert len(pids(server)) == 2


def kill_workers(server: Server, count: int) -> None:
    """Kill so many, and wait until others run in their place."""
    started = starts(server)
    for pid in pids(server)[:count]:
        os.kill(pid, signal.SIGKILL)
    await_that(lambda: starts(server) == started + count)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_supervisor(repository: Path, tmp_path: Path, number: int) -> None:
    with serving(repository, tmp_path, workers=2) as server:
        await_that(lambda: starts(server) == 2)
        workers = pids(server)
        code = server.stop(number)
        assert code == (0 if number == signal.SIGTERM else -number)
        await_that(lambda: not any(is_running(pid) for pid in workers))


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
