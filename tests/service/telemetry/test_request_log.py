"""Request ids, and one JSON line a request."""

import json
from typing import Any

import httpx
import pytest

from tests.service.bodies import body
from tests.service.running import Server, await_that


@pytest.mark.parametrize("chosen", ["abc-123", "a" * 128, "00-4bf92f3577b34da6-01", "x:/y=+_."])
def test_a_request_id_comes_back(client: httpx.Client, chosen: str) -> None:
    for path in ("/models", "/nothing", "/v2/health/live"):
        assert client.get(path, headers={"X-Request-ID": chosen}).headers["x-request-id"] == chosen


@pytest.mark.parametrize("chosen", ["", "a" * 129, "a b", 'a"b', "a;b", "é".encode()])
def test_a_request_id_that_could_do_harm_is_replaced(client: httpx.Client, chosen: str) -> None:
    given = client.get("/models", headers={"X-Request-ID": chosen}).headers["x-request-id"]
    assert len(given) == 16
    assert int(given, 16) >= 0


def test_every_request_is_one_json_line(client: httpx.Client, server: Server) -> None:
    client.post("/predict", json=body(memory_slots=0), headers={"X-Request-ID": "line-test"})
    client.get('/no"thing%0Ahere%E2%80%A8and%C2%85there', headers={"X-Request-ID": "line-test-2"})

    def lines(chosen: str) -> list[dict[str, Any]]:
        whole, _, _ = server.log.read_text().rpartition("\n")  # the last may be half written
        told = [json.loads(line) for line in whole.splitlines() if line]
        return [line for line in told if line.get("request_id") == chosen]

    await_that(lambda: lines("line-test") and lines("line-test-2"))
    (line,) = lines("line-test")
    assert line["message"] == "request"
    assert (line["method"], line["path"], line["route"]) == ("POST", "/predict", "/predict")
    assert (line["status"], line["code"]) == (422, "memory_slots_out_of_range")
    assert line["seconds"] > 0
    assert line["bytes"] > 0
    assert line["client"] == "127.0.0.1"
    (line,) = lines("line-test-2")
    assert (line["status"], line["code"], line["route"]) == (404, "not_found", None)
