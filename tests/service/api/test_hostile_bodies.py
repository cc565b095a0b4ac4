"""Bodies that are cheap to send cost no more to refuse: memory of their own order, and no time."""

import json
import re
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.running import PATIENCE, Server, serving

MEBIBYTE = 2**20
HIGHEST = re.compile(r"VmHWM:\s+(\d+) kB")

ZEROS = [0] * 6
LONG = "a" * 30_000

ROWS: dict[str, list[Any]] = {
    "a long string in the first row": [[LONG, *ZEROS[1:]], *[ZEROS] * 20_000],
    "a long string in the last row": [*[ZEROS] * 20_000, [*ZEROS[1:], LONG]],
    "rows of long strings": [[LONG] * 6] * 5 + [ZEROS] * 5000,
    "a string for a row": [LONG, *[ZEROS] * 20_000],
    "deep and flat rows": [[[[[0]]]], *[ZEROS] * 20_000],
    "an object among rows": [{"a": LONG}, *[ZEROS] * 20_000],
    "an object in a row": [[{"a": LONG}, *ZEROS[1:]], *[ZEROS] * 20_000],
    "booleans": [[True] * 6] * 20_000,
    "one boolean": [*[ZEROS] * 20_000, [*ZEROS[1:], True]],
    "a very long numeral": [[int("1" * 4000), *ZEROS[1:]], *[ZEROS] * 20_000],
    "empty rows": [[]] * 100_000,
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def highest(server: Server) -> int:
    """Bytes of memory that the server has had at once at most."""
    told = HIGHEST.search(Path(f"/proc/{server.process.pid}/status").read_text())
    assert told is not None
    return 1024 * int(told[1])


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("path", ["/predict", "/sessions", "/v2/models/copy/infer"])
def test_rows_of_other_things_are_refused_at_once(
    server: Server, client: httpx.Client, path: str, rows: list[Any]
) -> None:
    body: dict[str, Any] = {"model": "copy", "sequence": rows}
    if path == "/sessions":
        session = client.post("/sessions", json={"model": "copy"}).json()["session_id"]
        path, body = f"/sessions/{session}/steps", {"sequence": rows}
    elif path.startswith("/v2"):
        tensor = {"name": "sequence", "datatype": "FP32", "shape": [len(rows), 6], "data": rows}
        body = {"inputs": [tensor]}
    sent = json.dumps(body, separators=(",", ":")).encode()
    assert len(sent) < MEBIBYTE
    before, computed = highest(server), server.processor_seconds()
    answer = client.post(path, content=sent, headers={"content-type": "application/json"})
    assert server.processor_seconds() - computed < 2
    # /v2 says 400 for all of them, the others for what no double holds
    assert answer.status_code in ((400,) if path.startswith("/v2") else (400, 422)), answer.text
    assert highest(server) - before < 64 * MEBIBYTE


@pytest.mark.parametrize("shape", [[2**64 - 1, 0], [0, 2**64 - 1], [2**63, 2, 0], [2**62, 4]])
def test_the_product_of_a_shape_may_be_anything(client: httpx.Client, shape: list[int]) -> None:
    tensor = {"name": "sequence", "datatype": "FP32", "shape": shape, "data": []}
    answer = client.post("/v2/models/copy/infer", json={"inputs": [tensor]})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("sequence.shape should")
    tensor = {**tensor, "data": None, "parameters": {"binary_data_size": 0}}
    answer = client.post("/v2/models/copy/infer", json={"inputs": [tensor]})
    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["sequence", "target"])
@pytest.mark.parametrize("shape", [[2**64 - 1, 0], [0, 2**64 - 1], [2**40, 0]])
def test_so_may_that_of_a_safetensors_body(
    client: httpx.Client, name: str, shape: list[int]
) -> None:
    head = {
        "__metadata__": {"model": "copy"},
        "sequence": {"dtype": "F32", "shape": [1, 6], "data_offsets": [0, 24]},
    }
    head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}
    text = json.dumps(head).encode()
    body = struct.pack("<Q", len(text)) + text + bytes(0 if name == "sequence" else 24)
    answer = client.post(
        "/predict", content=body, headers={"content-type": "application/vnd.safetensors"}
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "wrong_shape"


ROW = b"[" + b",".join(b"0.%d" % 10**16 for _ in range(6)) + b"],"
LARGE: dict[str, tuple[bytes, str]] = {  # what comes behind 22 MB of rows, and what is said of it
    "too many rows": (b"[0,0,0,0,0,0]]", "sequence should have at most"),
    "a word in the last row": (b'[0,0,0,0,0,"a"]]', "sequence should have at most"),
    "no end": (b"[0", "the body is not JSON"),
    "another long array": (b'[0]],"include":[%b0]' % (b"0," * 10**5), "include should be"),
}


@pytest.mark.parametrize(("end", "said"), LARGE.values(), ids=LARGE)
def test_probes_are_answered_while_a_large_body_is_read(
    repository: Path, tmp_path: Path, end: bytes, said: str
) -> None:
    """And it takes memory of its own order."""
    body = b'{"model":"copy","sequence":[' + ROW * (22 * 10**6 // len(ROW)) + end + b"}"
    with serving(repository, tmp_path) as server, server.client() as client:
        before = highest(server)
        answer, slowest = asked_beside(client, body)
        assert answer.status_code in (400, 422)
        assert answer.json()["error"].startswith(said)
        assert highest(server) - before < 8 * len(body)
        # a busy machine may hold a probe up, but not every time
        assert slowest < 0.5 or any(asked_beside(client, body)[1] < 0.5 for _ in range(9))


def asked_beside(client: httpx.Client, body: bytes) -> tuple[httpx.Response, float]:
    """The answer to a body, and the seconds of the slowest probe meanwhile."""
    slowest, url = 0.0, client.base_url.join("/predict")
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(httpx.post, url, content=body, timeout=PATIENCE)
        while not sent.done():
            began = time.monotonic()
            assert client.get("/v2/health/live").status_code == 200
            slowest = max(slowest, time.monotonic() - began)
    return sent.result(), slowest
