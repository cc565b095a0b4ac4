"""The native engine takes over once it is compiled; what onnx began goes on with onnx's bits."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.bodies import body, same
from tests.service.running import refused, serving

PATIENCE = 120


def stages(client: httpx.Client, trace: str) -> Any:
    """What GET /trace tells of a run, or why not."""
    answer = client.get(f"/trace/{trace}?include=outputs,addressing,memory")
    assert answer.status_code == 200, answer.text
    return answer.json()


def await_engine(client: httpx.Client, engine: str) -> None:
    """Ask until an engine answers."""
    deadline = time.monotonic() + PATIENCE
    while client.post("/predict", json=body(3)).json()["engine"] != engine:
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def told(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Answers from before and after the native engine was compiled, in one service."""
    folder = tmp_path_factory.mktemp("compiling")
    asked = body(12)
    sequence = asked["sequence"]
    own = {name: asked[name] for name in ("model", "version", "memory_slots") if name in asked}
    with (
        serving(repository, folder, compiled=str(folder / "empty")) as server,
        server.client() as client,
    ):
        first = client.post("/predict", json=asked).json()
        session = client.post("/sessions", json=own).json()["session_id"]
        feed = f"/sessions/{session}/steps"
        pieces = [client.post(feed, json={"sequence": sequence[:5]}).json()]
        before = stages(client, first["trace_id"])
        compiling = client.get("/v2").json()["native"]
        await_engine(client, "native")
        pieces.append(client.post(feed, json={"sequence": sequence[5:]}).json())
        last = client.post("/predict", json=asked).json()
        yield {
            "first": first,
            "pieces": pieces,
            "last": last,
            "before": before,
            "after": stages(client, first["trace_id"]),
            "own": stages(client, last["trace_id"]),
            "compiling": compiling,
            "compiled": client.get("/v2").json()["native"],
            "log": (folder / "log").read_text(),
        }


def test_how_long_it_compiles_is_said(told: Any) -> None:
    assert told["compiling"]["state"] == "compiling"
    assert told["compiled"]["state"] == "ready"
    assert 0 <= told["compiling"]["seconds"] < told["compiled"]["seconds"]
    assert f"was compiled in {told['compiled']['seconds']:.1f} s" in told["log"]


def test_until_it_is_compiled_onnx_answers(told: Any) -> None:
    assert told["first"]["engine"] == "onnx"
    assert told["last"]["engine"] == "native"


def test_a_trace_of_the_first_engine_replays_with_its_bits(told: Any) -> None:
    assert told["after"] == told["before"]
    assert same(told["own"]["outputs"], told["last"]["outputs"])


def test_a_session_goes_on_with_the_engine_it_began_with(told: Any) -> None:
    assert [piece["engine"] for piece in told["pieces"]] == ["onnx", "onnx"]
    outputs = [row for piece in told["pieces"] for row in piece["outputs"]]
    assert outputs == told["first"]["outputs"]


def test_native_does_not_run_on_cuda(repository: Path, tmp_path: Path) -> None:
    code, log = refused(repository, tmp_path, engine="native", device="cuda")
    assert code == 1
    assert "engine native runs on the CPU only" in log
