"""The native engine takes over once it is compiled; what onnx began goes on with onnx's bits."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compiled import compiling
from tests.service.bodies import body, same
from tests.service.running import await_that, refused, serving


def stages(client: httpx.Client, trace: str) -> Any:
    """What GET /trace tells of a run, or why not."""
    answer = client.get(f"/trace/{trace}?include=outputs,addressing,memory")
    assert answer.status_code == 200, answer.text
    return answer.json()


def await_native(client: httpx.Client) -> None:
    """Ask until the native engine is compiled and answers."""
    await_that(lambda: client.get("/v2").json()["native"]["state"] == "ready")
    await_that(lambda: client.post("/predict", json=body(3)).json()["engine"] == "native")


@pytest.fixture(scope="module")
def told(repository: Path, compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Answers from before and after the native engine was compiled, in one service."""
    folder = tmp_path_factory.mktemp("compiling")
    asked = body(12)
    sequence = asked["sequence"]
    own = {name: asked[name] for name in ("model", "version", "memory_slots") if name in asked}
    with ExitStack() as running:
        empty = folder / "empty"
        with compiling(compiled, empty):
            server = running.enter_context(serving(repository, folder, compiled=str(empty)))
            client = running.enter_context(server.client())
            first = client.post("/predict", json=asked).json()
            session = client.post("/sessions", json=own).json()["session_id"]
            feed = f"/sessions/{session}/steps"
            pieces = [client.post(feed, json={"sequence": sequence[:5]}).json()]
            before = stages(client, first["trace_id"])
            early = client.get("/v2").json()["native"]
        await_native(client)
        await_that(lambda: "was compiled in" in server.log.read_text())
        pieces.append(client.post(feed, json={"sequence": sequence[5:]}).json())
        last = client.post("/predict", json=asked).json()
        yield {
            "first": first,
            "pieces": pieces,
            "last": last,
            "before": before,
            "after": stages(client, first["trace_id"]),
            "own": stages(client, last["trace_id"]),
            "compiling": early,
            "compiled": client.get("/v2").json()["native"],
            "log": (folder / "log").read_text(),
        }


def test_how_long_it_compiles_is_said(told: Any) -> None:
    assert told["compiling"]["state"] == "compiling"
    assert told["compiled"]["state"] == "ready"
    assert 0 <= told["compiling"]["seconds"] <= told["compiled"]["seconds"]
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
