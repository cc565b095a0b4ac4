"""A model whose task nobody here knows does all that needs no examples, and says what it lacks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from ntm import Trace
from ntm.repository.folders import VersionFolder
from tests import small_unknown_task
from tests.command_line import ntm
from tests.service.running import serving

SEQUENCE = [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
TARGET = [[0.0, 1.0], [1.0, 0.0], None]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> VersionFolder:
    """The model, saved and exported."""
    return small_unknown_task.build(tmp_path_factory.mktemp("unknown") / "models")


@pytest.fixture(scope="module")
def client(version: VersionFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a service that has it."""
    models = version.path.parent.parent
    with serving(models, tmp_path_factory.mktemp("serving")) as server, server.client() as client:
        yield client


def test_it_is_served_without_examples(client: httpx.Client) -> None:
    (listed,) = client.get("/models").json()["models"]
    assert (listed["name"], listed["task"]) == ("mine", "echo")
    told = client.get("/models/mine").json()
    assert told["config"]["task"] == {"name": "echo", "bits": 2}
    assert told["example_sizes"] == {}
    refused = client.get("/models/mine/example")
    assert refused.status_code == 404
    assert refused.json()["code"] == "no_example"
    assert "the task 'echo' is not known here" in refused.json()["error"]
    assert client.get("/openapi.json").status_code == 200


def test_a_target_is_kept_and_not_scored(client: httpx.Client, version: VersionFolder) -> None:
    body = {"model": "mine", "sequence": SEQUENCE, "target": TARGET}
    answer = client.post("/predict", json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert np.shape(told["outputs"]) == (3, 2)
    assert "wrong_bits" not in told
    assert "the task 'echo', whose targets these are, is not known here" in told["warning"]
    assert "warning" not in client.post("/predict", json=body | {"target": None}).json()
    place = f"/trace/{told['trace_id']}"
    trace = client.get(f"{place}?include=target").json()
    assert trace["task"] == {"name": "echo", "bits": 2}
    assert trace["phases"] == []
    assert trace["target"][:2] == TARGET[:2]
    for figure in ("overview", "addressing", "memory", "fig6"):
        assert client.get(f"{place}?format=png&figure={figure}").status_code == 200
    refused = client.get(f"{place}?format=png&figure=fig9")
    assert refused.status_code == 422
    assert "this trace is of an unknown task" in refused.json()["error"]
    for below in ("findings", "provenance?step=2"):
        assert client.get(f"{place}/{below}").status_code == 200
    loaded = Trace.from_url(str(client.base_url.join(place)))
    assert loaded.task is None
    assert loaded.figure()


def test_a_session_runs_on_it(client: httpx.Client) -> None:
    session = client.post("/sessions", json={"model": "mine"}).json()["session_id"]
    answer = client.post(f"/sessions/{session}/steps", json={"sequence": SEQUENCE})
    assert answer.status_code == 200, answer.text
    assert client.get(f"/trace/{session}").json()["phases"] == []


def test_commands_run_it_on_random_bits(version: VersionFolder, tmp_path: Path) -> None:
    assert ntm("export", version.path, "--format", "torchscript").returncode == 0
    out = tmp_path / "trace.npz"
    traced = ntm("trace", version.path, "--out", out, "--length", "7")
    assert traced.returncode == 0, traced.stderr
    assert "random bits, as the task 'echo' is not known here" in traced.stdout
    trace = Trace.load(out)
    assert len(trace) == 7
    assert trace.task is None
    assert "target" not in trace
    assert ntm("plot", out, "--out", tmp_path / "trace.png").returncode == 0
    assert ntm("plot", version.path, "--out", tmp_path / "run.png").returncode == 0
    shown = ntm("predict", "mine", "--models", version.path.parent.parent, "--show")
    assert shown.returncode == 0, shown.stderr
    assert "length 20, 6 slots: random bits" in shown.stdout
    refused = ntm("predict", version.path, "--repeats", "3")
    assert refused.returncode == 2
    assert "only length" in " ".join(refused.stderr.split())


def test_it_cannot_be_measured_and_its_card_has_no_scores(version: VersionFolder) -> None:
    refused = ntm("eval", version.path)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "the task 'echo' is not known here, so there is nothing to measure" in line
    listed = ntm("eval", "--all", "--models", version.path.parent.parent)
    assert listed.returncode == 0, listed.stderr
    assert "not measured" in listed.stderr
    done = ntm("card", version.path)
    assert done.returncode == 0, done.stderr
    card = version.card.read_text(encoding="utf-8")
    assert "trained on echo" in card
    assert "not measured" in card
    assert "figure.png" not in card
    assert "## Measured" not in card
