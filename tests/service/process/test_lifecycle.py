"""The process: what it refuses to start with, how it ends, and what survives it."""

import re
import shutil
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import httpx
import onnxruntime
import pytest

from tests.service.bodies import body
from tests.service.running import await_that, refused, serving

INCLUDE = ["read_weightings", "write_weightings"]


@pytest.fixture
def one_model(repository: Path, tmp_path: Path) -> Path:
    """A repository of one small model, to be changed."""
    shutil.copytree(repository / "odd", tmp_path / "models" / "odd")
    return tmp_path / "models"


def odd(steps: int = 5, **fields: Any) -> dict[str, Any]:
    """A request for it."""
    return body(steps, model="odd", **fields)


def test_a_trace_survives_a_kill_right_after_the_answer(one_model: Path, tmp_path: Path) -> None:
    with serving(one_model, tmp_path / "run") as server, server.client() as client:
        told = client.post("/predict", json=odd(40, include=INCLUDE)).json()
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    with serving(one_model, tmp_path / "run") as server, server.client() as client:
        trace = client.get(f"/trace/{told['trace_id']}").json()
        assert {n: trace[n] for n in ("outputs", *INCLUDE)} == {
            n: told[n] for n in ("outputs", *INCLUDE)
        }


def test_traces_of_models_that_changed_are_conflicts_after_a_restart(
    repository: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    shutil.copytree(repository / "copy", models / "copy")
    shutil.copytree(repository / "odd", models / "odd")
    with serving(models, tmp_path / "run") as server, server.client() as client:
        ids = [
            client.post("/predict", json=asked).json()["trace_id"]
            for asked in (odd(), body(version=1), body(version=2))
        ]
        assert server.stop() == 0
    shutil.rmtree(models / "odd")
    shutil.rmtree(models / "copy" / "1")
    shutil.copytree(repository / "copy" / "2", models / "copy" / "1")
    with serving(models, tmp_path / "run") as server, server.client() as client:
        answers = [client.get(f"/trace/{trace_id}") for trace_id in ids]
        assert [answer.status_code for answer in answers] == [409, 409, 200]
        assert [answer.json().get("code") for answer in answers[:2]] == ["unreplayable"] * 2
        assert "not served any more" in answers[0].json()["error"]
        assert "other files" in answers[1].json()["error"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_request_in_flight_finish(
    one_model: Path, tmp_path: Path, number: int
) -> None:
    with serving(one_model, tmp_path / "run", drain_timeout=600, request_timeout=600) as server:
        answers: list[httpx.Response] = []

        def ask() -> None:
            with server.client() as client:
                answers.append(client.post("/predict", json=odd(20_000)))

        asking = threading.Thread(target=ask)
        asking.start()
        with server.client() as client:
            await_that(lambda: is_busy(client))
        assert server.stop(number) == 0
        asking.join()
        assert answers[0].status_code == 200
        assert answers[0].json()["steps"] == 20_000
        with pytest.raises(httpx.ConnectError), server.client() as client:
            client.get("/models")
    assert "Traceback" not in server.log.read_text()


def is_busy(client: httpx.Client) -> bool:
    """Whether steps are queued."""
    told = client.get("/metrics").text
    return bool(re.search(r"^ntm_queued_steps\{.*\} [1-9]", told, re.MULTILINE))


def test_a_full_queue_and_a_deadline_are_told_with_their_codes(
    one_model: Path, tmp_path: Path
) -> None:
    bounds = {"engine": "onnx", "max_queued_steps": 10_000, "request_timeout": 3}
    with serving(one_model, tmp_path / "run", **bounds) as server:
        answers: list[httpx.Response] = []

        def ask() -> None:
            with server.client() as client:
                answers.append(client.post("/predict", json=odd(10_000, memory_slots=16_384)))

        asking = threading.Thread(target=ask)
        asking.start()
        with server.client() as client:
            await_that(lambda: is_busy(client))
            full = client.post("/predict", json=odd(9))
            assert (full.status_code, full.json()["code"]) == (503, "queue_full")
            assert int(full.headers["retry-after"]) >= 1
            asking.join()
            assert answers[0].status_code == 504
            assert answers[0].json() == {
                "error": "no answer within 3 seconds",
                "code": "deadline_exceeded",
            }
            assert client.post("/predict", json=odd()).status_code == 200
            text = client.get("/metrics").text
        told = next(line for line in text.splitlines() if 'code="queue_full"' in line)
        assert 'route="/predict",status="503"} 1.0' in told


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="there is CUDA here"
)
@pytest.mark.parametrize("engine", ["onnx", "auto"])
def test_without_cuda_a_service_asked_for_it_does_not_start(
    one_model: Path, tmp_path: Path, engine: str
) -> None:
    code, told = refused(one_model, tmp_path / "run", device="cuda", engine=engine)
    assert code == 1
    assert "error: NTM_DEVICE=cuda, but" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("port", "http"),
        ("port", "70000"),
        ("device", "tpu"),
        ("engine", "tensorflow"),
        ("max_steps", "0"),
        ("request_timeout", "-1"),
        ("threads", "many"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    one_model: Path, tmp_path: Path, setting: str, value: str
) -> None:
    code, told = refused(one_model, tmp_path / "run", **{setting: value})
    assert code == 1
    assert told.startswith(f"error: NTM_{setting.upper()}: ")
    assert repr(value) in told
    assert told.count("\n") == 1


def test_a_folder_without_models_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, told = refused(tmp_path / "empty", tmp_path / "run")
    assert code == 1
    assert f"{tmp_path / 'empty'} holds no model" in told
    code, told = refused(tmp_path / "missing", tmp_path / "run")
    assert code == 1
    assert f"{tmp_path / 'missing'} is not a folder of models" in told
    assert "Traceback" not in told


def test_a_port_that_is_taken_ends_the_process_with_an_error(
    one_model: Path, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, told = refused(one_model, tmp_path / "run", port=taken.getsockname()[1])
    assert code != 0
    assert "already in use" in told


def test_a_broken_model_is_kept_out_and_told(repository: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(repository / "odd", models / "odd")
    shutil.copytree(repository / "copy", models / "copy")
    (models / "copy" / "2" / "onnx" / "predict_4.onnx").write_bytes(b"damaged")
    shutil.copytree(repository / "odd", models / "Not-a-Name")
    with serving(models, tmp_path / "run") as server, server.client() as client:
        told = client.get("/models").json()
        assert {m["name"]: m["versions"] for m in told["models"]} == {"copy": [1], "odd": [1]}
        stray, broken = told["broken"]
        assert (stray["name"], stray["version"]) == ("Not-a-Name", None)
        assert (broken["name"], broken["version"]) == ("copy", 2)
        assert "predict_4.onnx differs from its SHA-256" in broken["error"]
        assert str(tmp_path) not in broken["error"]
        assert client.post("/predict", json=body(version=2)).json()["code"] == "unknown_version"
        assert "model copy/2 is not served" in server.log.read_text()


def test_torchscript_serves_the_same_api(repository: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(repository / "wide", models / "wide")
    with serving(models, tmp_path / "run", engine="torchscript") as server:
        with server.client() as client:
            asked = body(12, model="wide", include=INCLUDE)
            told = client.post("/predict", json=asked).json()
            assert told["engine"] == "torchscript"
            url = f"/trace/{told['trace_id']}?include=read_weightings,memory,addressing"
            assert client.get(url).json()["read_weightings"] == told["read_weightings"]
        assert server.stop() == 0
