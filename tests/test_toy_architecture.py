"""An architecture that no module of ours names is trained, exported, served, pinned and drawn."""

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from ntm import Trace, figures
from ntm.export.write import export_onnx
from ntm.repository import VersionFolder, checkpoint
from ntm.tasks import Copy
from ntm.training.loop import Trainer
from ntm.training.recipes import Recipe, Setting
from tests import toy_architecture
from tests.service.running import CLEAN, serving

RECIPE = Recipe(
    task="copy",
    task_fields={"bits": 2, "max_length": 3},
    architecture="ring/1",
    model={"N": 8, "M": 4},
    learning_rate=1e-2,
    batch_size=8,
    updates=60,
    selection=(Setting(sizes={"length": 3}, sequences=4),),
    evaluation=(Setting(sizes={"length": 3}, sequences=4),),
)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> VersionFolder:
    """A trained and exported ring."""
    toy_architecture.register()
    models = tmp_path_factory.mktemp("toy") / "models"
    trainer = Trainer(RECIPE, 1, models.parent / "training")
    losses = [trainer.update(trainer.draw())[0] for _ in range(RECIPE.updates)]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])
    saved = checkpoint.save(models / "ring" / "1", trainer.model.eval(), trainer.task, {"seed": 1})
    export_onnx(saved)
    return saved


@pytest.fixture(scope="module")
def client(
    version: VersionFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A service on it; an entry point of an installed package registers the architecture."""
    package = tmp_path_factory.mktemp("package")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CLEAN, "PYTHONPATH", toy_architecture.installed(package))
        with (
            serving(version.path.parents[1], tmp_path_factory.mktemp("service")) as server,
            server.client() as client,
        ):
            yield client


@pytest.fixture(scope="module")
def sequence() -> Any:
    """Inputs of one example."""
    return Copy(bits=2).sample(np.random.default_rng(0), 1, length=3).inputs[:, 0]


def post(client: httpx.Client, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def test_it_is_served_as_the_model_computes(
    client: httpx.Client, version: VersionFolder, sequence: Any
) -> None:
    answer = post(
        client, "/predict", model="ring", sequence=sequence.tolist(),
        include=["read_weightings", "write_weightings"],
    )  # fmt: skip
    assert answer["engine"] == "onnx"
    with torch.inference_mode():
        expected = checkpoint.load(version).predict(torch.from_numpy(sequence)[:, None])[:, 0]
    np.testing.assert_allclose(answer["outputs"], expected, atol=1e-5)
    written = np.argmax(answer["write_weightings"], axis=2)[:, 0]
    assert written.tolist() == [(step + 1) % 8 for step in range(len(sequence))]


def test_its_trace_has_its_own_stages(
    client: httpx.Client, version: VersionFolder, sequence: Any
) -> None:
    answer = post(client, "/predict", model="ring", sequence=sequence.tolist())
    fields = "outputs,read_weightings,addressing,writes,reads,memory"
    trace = client.get(f"/trace/{answer['trace_id']}", params={"include": fields}).json()
    recorded = Trace.record(checkpoint.load(version), sequence)
    np.testing.assert_allclose(
        trace["addressing"]["read"]["query"], recorded["addressing.read.query"], atol=1e-5
    )
    np.testing.assert_allclose(trace["writes"]["code"], recorded["writes.code"], atol=1e-5)
    np.testing.assert_allclose(trace["memory"], recorded["memory"], atol=1e-5)
    np.testing.assert_allclose(trace["reads"], recorded["reads"], atol=1e-5)


def test_stages_are_told_with_the_outputs(client: httpx.Client, sequence: Any) -> None:
    include = ["query", "writes", "memory", "write_weightings"]
    answer = post(client, "/predict", model="ring", sequence=sequence.tolist(), include=include)
    session = post(client, "/sessions", model="ring")["session_id"]
    fed = post(client, f"/sessions/{session}/steps", sequence=sequence.tolist(), include=include)
    url = f"/trace/{answer['trace_id']}"
    trace = client.get(url, params={"include": ",".join(include)}).json()
    for field in ("addressing", "writes", "memory", "write_weightings"):
        assert answer[field] == fed[field] == trace[field], field
    refused = client.post(
        "/predict", json={"model": "ring", "sequence": sequence.tolist(), "include": ["gate"]}
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_include")


def test_a_field_of_a_trace_may_be_a_single_stage(client: httpx.Client, sequence: Any) -> None:
    answer = post(client, "/predict", model="ring", sequence=sequence.tolist())
    url = f"/trace/{answer['trace_id']}"
    whole = client.get(url, params={"include": "addressing,writes,read_weightings"}).json()
    one = client.get(url, params={"include": "query,code,match"}).json()
    assert one["addressing"]["read"]["query"] == whole["addressing"]["read"]["query"]
    assert one["writes"] == {"code": whole["writes"]["code"]}
    assert one["read_weightings"] == whole["read_weightings"]
    assert "write_weightings" not in one
    refused = client.get(url, params={"include": "gate"})
    assert refused.status_code == 422
    assert "query, ring_weighting, code, match, got 'gate'" in refused.json()["error"]


def test_the_document_has_its_stages(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for name in ("Trace", "Predicted", "Fed"):
        told = document["components"]["schemas"][name]["properties"]
        assert list(told["addressing"]["properties"]) == ["read"]
        assert list(told["addressing"]["properties"]["read"]["properties"]) == ["query"]
        assert told["writes"]["properties"]["code"]["description"] == "[T][W][M]"
        assert told["memory"]["description"] == "[T][N][M]"
        assert "controller" not in told
    body = document["components"]["schemas"]["PredictRequest"]["properties"]
    known = body["include"]["items"]["enum"]
    assert {"read_weightings", "addressing", "query", "match"} <= set(known)
    assert "gate" not in known
    changes = body["interventions"]["items"]["properties"]["set"]
    assert {"memory", "input", "query", "match"} <= set(changes["properties"])
    assert "gate" not in changes["properties"]


def test_the_open_inference_protocol_gives_its_weightings(
    client: httpx.Client, sequence: Any
) -> None:
    described = client.get("/v2/models/ring").json()
    assert [output["name"] for output in described["outputs"]] == [
        "outputs", "read_weightings", "write_weightings",
    ]  # fmt: skip
    rows = {"name": "sequence", "datatype": "FP32", "shape": sequence.shape}
    tensor = {**rows, "data": sequence.tolist()}
    told = post(client, "/v2/models/ring/infer", inputs=[tensor])["outputs"]
    same = post(
        client, "/predict", model="ring", sequence=sequence.tolist(),
        include=["read_weightings", "write_weightings"],
    )  # fmt: skip
    for output in told:
        np.testing.assert_array_equal(
            np.reshape(output["data"], output["shape"]), same[output["name"]]
        )


def test_what_is_pinned_is_used(client: httpx.Client, sequence: Any) -> None:
    slot = np.eye(8)[3].tolist()
    pin = {"steps": "2:", "head": "write.0", "set": {"ring_weighting": slot}}
    answer = post(
        client, "/predict", model="ring", sequence=sequence.tolist(), interventions=[pin],
        include=["write_weightings"],
    )  # fmt: skip
    assert np.argmax(answer["write_weightings"], axis=2)[:, 0].tolist()[2:] == [3] * 6
    wrong = client.post(
        "/predict",
        json={
            "model": "ring",
            "sequence": sequence.tolist(),
            "interventions": [{"steps": 1, "head": "read.0", "set": {"gate": 0}}],
        },
    )
    assert wrong.status_code == 422
    assert "expected one of query, ring_weighting, code, match" in wrong.json()["error"]


def test_a_session_gives_bit_for_bit_what_one_request_gives(
    client: httpx.Client, sequence: Any
) -> None:
    whole = post(client, "/predict", model="ring", sequence=sequence.tolist())["outputs"]
    session = post(client, "/sessions", model="ring")["session_id"]
    pieces = [
        post(client, f"/sessions/{session}/steps", sequence=part.tolist())["outputs"]
        for part in (sequence[:3], sequence[3:])
    ]
    assert pieces[0] + pieces[1] == whole


def test_two_runs_are_compared(client: httpx.Client, sequence: Any) -> None:
    pin = {"steps": 4, "head": "read.0", "set": {"match": "uniform"}}
    ids = [
        post(client, "/predict", model="ring", sequence=sequence.tolist(), interventions=items)[
            "trace_id"
        ]
        for items in ([], [pin])
    ]
    answer = client.get(f"/trace/{ids[0]}/difference/{ids[1]}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["first"]["step"] == 4
    pin = {"steps": 4, "head": "write.0", "set": {"code": [9] * 4}}
    written = post(
        client, "/predict", model="ring", sequence=sequence.tolist(), interventions=[pin]
    )["trace_id"]  # fmt: skip
    told = client.get(f"/trace/{ids[0]}/difference/{written}").json()
    causes = ["writes.code", "memory", "read_weightings", "reads", "outputs"]
    assert told["first"] == {"step": 4, "stages": causes}


def test_it_is_drawn(client: httpx.Client, version: VersionFolder, sequence: Any) -> None:
    answer = post(client, "/predict", model="ring", sequence=sequence.tolist())
    picture = client.get(f"/trace/{answer['trace_id']}?format=png")
    assert picture.status_code == 200, picture.text
    assert picture.content.startswith(b"\x89PNG")
    trace = Trace.record(checkpoint.load(version), sequence)
    assert figures.render(trace.figure(), "png").startswith(b"\x89PNG")


def test_what_its_stages_do_not_allow_is_refused(client: httpx.Client, sequence: Any) -> None:
    answer = post(client, "/predict", model="ring", sequence=sequence.tolist())
    url = f"/trace/{answer['trace_id']}"
    refused = client.get(f"{url}/provenance?step=4&head=read.0")
    assert refused.status_code == 422, refused.text
    assert "not defined for ring/1" in refused.json()["error"]


def test_findings_are_of_the_heads_that_it_has(client: httpx.Client, sequence: Any) -> None:
    pins = [
        {"steps": "1:5", "head": "read.0", "set": {"match": "uniform"}},
        {"steps": "0:6", "head": "write.0", "set": {"ring_weighting": np.eye(8)[2].tolist()}},
    ]
    answer = post(
        client, "/predict", model="ring", sequence=sequence.tolist(), interventions=pins
    )  # fmt: skip
    url = f"/trace/{answer['trace_id']}/findings"
    found = {
        (each["slug"], each["head"]): each["steps"] for each in client.get(url).json()["findings"]
    }
    assert found["diffuse_focus", "read.0"][0][0] <= 1
    assert found["frozen_head", "write.0"] == [[1, 6]]
    assert {slug for slug, _ in found} <= {"diffuse_focus", "frozen_head", "slots_alike"}


def test_a_chain_that_it_does_not_have_is_not_drawn(client: httpx.Client, sequence: Any) -> None:
    answer = post(client, "/predict", model="ring", sequence=sequence.tolist())
    url = f"/trace/{answer['trace_id']}?format=png&figure=addressing&heads=read.0"
    refused = client.get(url)
    assert refused.status_code == 422
    assert "draws how a head of a Neural Turing Machine found its place" in refused.json()["error"]
