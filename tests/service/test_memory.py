"""Bytes in flight: counted over everybody, refused before they are allocated."""

import json
import socket
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from service.errors import Overloaded, ResponseTooLarge, ServiceError
from service.memory import KINDS, Budget, Kind, Share, available, default_limit
from tests.service.bodies import body
from tests.service.running import serving

MEBIBYTE = 2**20


def test_all_kinds_share_one_limit() -> None:
    budget = Budget(100)
    budget.take("bodies", 60)
    with pytest.raises(Overloaded, match="50 bytes of answers") as refused:
        budget.take("answers", 50)
    assert refused.value.retry_after
    budget.take("answers", 40)
    assert [budget.taken(kind) for kind in KINDS] == [60, 0, 0, 40]
    budget.give_back("bodies", 60)
    budget.take("states", 60)


@pytest.mark.parametrize("kind", KINDS)
def test_what_never_has_room_is_told_apart(kind: Kind) -> None:
    budget = Budget(100)
    share = Share(budget)
    with pytest.raises(ServiceError, match=f"101 bytes of {kind} are more than the 100") as told:
        budget.take(kind, 101)
    assert (told.value.status, told.value.retry_after) == (413, None)
    with pytest.raises(ServiceError, match=f"101 bytes of {kind}"):
        budget.refuse_if_full(kind, 101)
    share.take("bodies", 40)
    with pytest.raises(ServiceError, match=f"61 bytes of {kind} beside 40 of the same") as told:
        share.take(kind, 61)
    assert told.value.status == 413
    other = Share(budget)
    with pytest.raises(Overloaded):
        other.take(kind, 61)


def test_a_share_is_given_back_as_a_whole() -> None:
    budget = Budget(100)
    share = Share(budget)
    share.take("bodies", 10)
    share.take("bodies", 20)
    share.take("interventions", 30)
    with pytest.raises(ResponseTooLarge):
        share.take("answers", 41)
    share.close()
    share.close()
    assert [budget.taken(kind) for kind in KINDS] == [0, 0, 0, 0]


def test_it_is_counted_from_many_threads() -> None:
    budget = Budget(2**40)

    def work() -> None:
        for _ in range(20_000):
            budget.take("states", 3)
            budget.give_back("states", 2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.taken("states") == 80_000


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_a_container_has_less_than_its_machine(tmp_path: Path, name: str) -> None:
    machine = available(tmp_path)
    assert machine > 2**27
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{2**27}\n")
    assert available(tmp_path) == 2**27
    assert default_limit(2, tmp_path) == 2**25
    file.write_text("max\n")
    assert available(tmp_path) == machine


def in_flight(client: httpx.Client) -> dict[str, float]:
    """What /metrics tells, by kind."""
    told = client.get("/metrics").text.splitlines()
    lines = [line for line in told if line.startswith("ntm_bytes_in_flight{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}


def test_bodies_have_room_or_are_refused(repository: Path, tmp_path: Path) -> None:
    """By what they announce, and as they come; what is refused or answered takes none."""
    kind = {"content-type": "application/json"}
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % 2**19
    with serving(repository, tmp_path, memory_bytes=MEBIBYTE) as server, server.client() as client:
        with closing(socket.create_connection((client.base_url.host, client.base_url.port))) as one:
            one.sendall(head + b" " * 2**18)
            while in_flight(client)["bodies"] < 2**19:  # and as much for what is made of it
                pass
            for sent in (b" " * (2**18 + 1), iter([b" " * 2**16] * 5)):
                answer = client.post("/v2/models/copy/infer", content=sent, headers=kind)
                assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
                assert answer.headers["retry-after"]
            assert client.post("/sessions", content=b" " * 2**17, headers=kind).status_code == 400
        while in_flight(client)["bodies"]:
            pass
        assert client.post("/sessions", content=b" " * 2**19, headers=kind).status_code == 400
        assert in_flight(client) == dict.fromkeys(KINDS, 0)
        assert "ntm_bytes_in_flight_limit 1.048576e+06" in client.get("/metrics").text


def test_answers_have_room_before_they_are_computed(repository: Path, tmp_path: Path) -> None:
    """And keep it until they have been read, whoever reads them."""
    asked = body(steps=1900, memory_slots=512, include=["read_weightings", "write_weightings"])
    sent = json.dumps(asked).encode()
    settings = {"memory_bytes": 24 * MEBIBYTE, "max_response_bytes": 64 * MEBIBYTE}
    with serving(repository, tmp_path, **settings) as server, server.client() as client:
        assert len(client.post("/predict", content=sent).json()["read_weightings"]) == 1900
        head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(sent)
        with closing(socket.create_connection((client.base_url.host, client.base_url.port))) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(head + sent)
            assert one.recv(15) == b"HTTP/1.1 200 OK"
            assert in_flight(client)["answers"] > 10 * MEBIBYTE
            answer = client.post("/predict", content=sent)
            assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
            assert client.post("/predict", json=body()).status_code == 200
        while in_flight(client)["answers"]:
            assert client.get("/v2/health/live").status_code == 200
        assert client.post("/predict", content=sent).status_code == 200
        assert in_flight(client) == dict.fromkeys(KINDS, 0)
