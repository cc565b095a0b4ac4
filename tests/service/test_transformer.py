"""A Transformer is served, traced, streamed, changed and compared; its cache is its memory."""

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from ntm import NTM
from ntm.architectures.transformer.model import Transformer
from ntm.export.write import export_onnx
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder
from ntm.runs.trace import Trace
from ntm.tasks import Copy
from tests.service.running import serving

TASK = Copy(bits=4)
SIZES: dict[str, Any] = {"input_size": TASK.input_size, "output_size": TASK.output_size, "N": 40}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, VersionFolder]:
    """Random models, exported: one of each kind of positions, and a machine to compare with."""
    torch.manual_seed(0)
    models = {
        "rotary": Transformer(**SIZES, layers=2, heads=2, width=8),
        "windows": Transformer(
            **SIZES, layers=2, heads=4, width=16, position="hard_alibi", feedback=True
        ),
        "ntm": NTM(**SIZES, controller_size=9, M=5),
    }
    folder, saved = tmp_path_factory.mktemp("models"), {}
    for name, model in models.items():
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(2)
        saved[name] = checkpoint.save(folder / name / "1", model.eval(), TASK, {"seed": 1})
        export_onnx(saved[name])
    return saved


@pytest.fixture(scope="module")
def client(versions: dict[str, VersionFolder], tmp_path_factory: Any) -> Iterator[httpx.Client]:
    """A service on them."""
    models = versions["rotary"].path.parents[1]
    with serving(models, tmp_path_factory.mktemp("service")) as server, server.client() as client:
        yield client


@pytest.fixture(scope="module")
def sequence() -> Any:
    """Inputs of one example of 30 steps."""
    return TASK.sample(np.random.default_rng(0), 1, length=14).inputs[:, 0]


every_model = pytest.mark.parametrize("name", ["rotary", "windows"])


def post(client: httpx.Client, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


@every_model
def test_it_is_served_and_traced_as_the_model_computes(
    client: httpx.Client, versions: dict[str, VersionFolder], sequence: Any, name: str
) -> None:
    sides = ["read_weightings", "write_weightings"]
    answer = post(client, "/predict", model=name, sequence=sequence.tolist(), include=sides)
    recorded = Trace.record(checkpoint.load(versions[name]), sequence)
    np.testing.assert_allclose(answer["outputs"], recorded["outputs"], atol=1e-5)
    np.testing.assert_allclose(answer["read_weightings"], recorded["read_weightings"], atol=1e-5)
    assert np.argmax(answer["write_weightings"], axis=2)[:, 0].tolist() == list(range(30))
    fields = "outputs,read_weightings,addressing,writes,reads,memory,controller"
    trace = client.get(f"/trace/{answer['trace_id']}", params={"include": fields}).json()
    assert trace["outputs"] == answer["outputs"]
    assert trace["read_weightings"] == answer["read_weightings"]
    for stage in ("query", "key", "value"):
        np.testing.assert_allclose(
            trace["addressing"]["read"][stage], recorded[f"addressing.read.{stage}"], atol=1e-4
        )
    np.testing.assert_allclose(trace["memory"], recorded["memory"], atol=1e-4)
    np.testing.assert_allclose(trace["reads"], recorded["reads"], atol=1e-4)
    picture = client.get(f"/trace/{answer['trace_id']}?format=png")
    assert picture.content.startswith(b"\x89PNG"), picture.text


@every_model
def test_a_session_keeps_the_cache_bit_for_bit(
    client: httpx.Client, sequence: Any, name: str
) -> None:
    whole = post(client, "/predict", model=name, sequence=sequence.tolist())["outputs"]
    session, fed = post(client, "/sessions", model=name)["session_id"], []
    for part in (sequence[:1], sequence[1:20], sequence[20:]):
        fed += post(client, f"/sessions/{session}/steps", sequence=part.tolist())["outputs"]
    assert fed == whole


@every_model
def test_neighbours_in_a_batch_change_no_bit(
    client: httpx.Client, sequence: Any, name: str
) -> None:
    rows = np.stack([sequence, sequence[::-1], sequence * 0.5])

    def infer(batch: Any) -> list[float]:
        tensor = {"name": "sequence", "datatype": "FP32", "shape": list(batch.shape)}
        told = post(client, f"/v2/models/{name}/infer", inputs=[tensor | {"data": batch.tolist()}])
        values: list[float] = told["outputs"][0]["data"]
        return values

    assert infer(rows) == [value for row in rows for value in infer(row[None])]


def test_what_is_longer_than_its_slots_is_refused_everywhere(client: httpx.Client) -> None:
    zeros = [[0] * TASK.input_size] * 41
    tensor = {"name": "sequence", "datatype": "FP32", "shape": [1, 41, 6], "data": [zeros]}
    session = post(client, "/sessions", model="rotary")["session_id"]
    post(client, f"/sessions/{session}/steps", sequence=zeros[:30])
    refused = [
        client.post("/predict", json={"model": "rotary", "sequence": zeros}),
        client.post(f"/sessions/{session}/steps", json={"sequence": zeros[:11]}),
        client.post("/v2/models/rotary/infer", json={"inputs": [tensor]}),
    ]
    assert [answer.status_code for answer in refused] == [422, 422, 400]
    for answer in refused:
        assert "at most memory_slots=40 steps" in answer.text
    post(client, f"/sessions/{session}/steps", sequence=zeros[:10])
    post(client, "/predict", model="rotary", sequence=zeros, memory_slots=41)
    example = client.get("/models/rotary/example", params={"length": 50}).json()
    assert example["memory_slots"] == 128
    assert post(client, "/predict", **example)["wrong_bits"] > 0


def test_a_forced_attention_reads_that_step(client: httpx.Client, sequence: Any) -> None:
    row = np.eye(40)[3].tolist()
    forced = {"steps": "9:", "head": "read.2", "set": {"attention": row}}
    answer = post(
        client, "/predict", model="rotary", sequence=sequence.tolist(), interventions=[forced]
    )
    trace = client.get(f"/trace/{answer['trace_id']}", params={"include": "reads,addressing"})
    told = trace.json()
    value = told["addressing"]["read"]["value"][3][2]
    np.testing.assert_allclose(np.array(told["reads"])[9:, 2], [value] * 21, atol=1e-6)


@every_model
def test_an_ablated_head_is_as_if_nothing_was_made_of_what_it_reads(
    client: httpx.Client, versions: dict[str, VersionFolder], sequence: Any, name: str
) -> None:
    ablated = {"steps": ":", "head": "read.1", "set": {"attention": "zero"}}
    answer = post(
        client, "/predict", model=name, sequence=sequence.tolist(), interventions=[ablated]
    )
    model = checkpoint.load(versions[name])
    columns = slice(model.config.head_width, 2 * model.config.head_width)  # of head 1, layer 0
    with torch.no_grad():
        model.layers[0].attended.weight[:, columns] = 0
        expected = model.predict(torch.from_numpy(sequence))[:, 0]
    np.testing.assert_allclose(answer["outputs"], expected, atol=1e-5)
    untouched = post(client, "/predict", model=name, sequence=sequence.tolist())
    assert np.abs(np.subtract(answer["outputs"], untouched["outputs"])).max() > 1e-3


@every_model
def test_a_read_is_the_sum_of_the_values_that_earlier_steps_wrote(
    client: httpx.Client, sequence: Any, name: str
) -> None:
    answer = post(client, "/predict", model=name, sequence=sequence.tolist())
    trace = client.get(
        f"/trace/{answer['trace_id']}", params={"include": "read_weightings,reads,addressing"}
    ).json()
    head, step = len(trace["reads"][0]) - 1, 20  # of the last layer
    path = f"/trace/{answer['trace_id']}/provenance"
    told = client.get(path, params={"step": step, "head": f"read.{head}", "limit": 1000}).json()
    values = np.array(trace["addressing"]["read"]["value"])[:, head]
    parts = {part["step"]: part for part in told["parts"] if part["kind"] == "write"}
    assert sorted(parts) == list(range(step + 1))
    for s, part in parts.items():
        expected = trace["read_weightings"][step][head][s] * values[s]
        np.testing.assert_allclose(part["vector"], expected, atol=1e-5)
        assert part["slot"] == s
    np.testing.assert_allclose(told["read"], trace["reads"][step][head], atol=1e-5)
    assert told["error"] < 1e-5
    rolled = told["rolled_out"]["parts"]
    assert {part["step"] for part in rolled if part["kind"] == "input"} == set(range(step + 1))
    assert sum(part["share"] for part in rolled) == pytest.approx(1)
    below = client.get(path, params={"step": step, "head": "read.0", "limit": 1000}).json()
    weights = np.array(trace["read_weightings"][step][0][: step + 1])
    norms = np.linalg.norm(np.array(trace["addressing"]["read"]["value"])[: step + 1, 0], axis=1)
    expected = weights * norms / (weights @ norms)  # nothing is below the first layer
    shares = {part["step"]: part["share"] for part in below["rolled_out"]["parts"]}
    np.testing.assert_allclose([shares[s] for s in range(step + 1)], expected, atol=1e-5)


def test_a_cached_step_that_is_set_or_deleted_is_a_source_of_its_own(
    client: httpx.Client, versions: dict[str, VersionFolder], sequence: Any
) -> None:
    width = checkpoint.load(versions["rotary"]).signature.memory_width
    rows = {"set": np.linspace(-1, 1, width), "deleted": np.zeros(width)}
    for edit, row in rows.items():
        change = {"steps": "12:13", "slot": 3, "set": {"memory": row.tolist()}}
        answer = post(
            client, "/predict", model="rotary", sequence=sequence.tolist(), interventions=[change]
        )
        path = f"/trace/{answer['trace_id']}"
        include = {"include": "read_weightings,memory,reads", "steps": "20:21"}
        (weights,), (memory,), (read,) = (
            client.get(path, params=include).json()[name]
            for name in ("read_weightings", "memory", "reads")
        )
        np.testing.assert_allclose(memory[3], row, atol=1e-6)
        columns = slice(8, 12)  # the values of head 0 of layer 0: after its layer's keys
        parts = client.get(f"{path}/provenance", params={"step": 20, "limit": 1000}).json()
        (part,) = (part for part in parts["parts"] if part["kind"] == "intervention")
        assert part["step"] == 12
        np.testing.assert_allclose(part["vector"], weights[0][3] * row[columns], atol=1e-5)
        replaced = [part for part in parts["parts"] if part["step"] == 3]
        np.testing.assert_array_equal([part["vector"] for part in replaced], np.zeros((1, 4)))
        np.testing.assert_allclose(parts["read"], read[0], atol=1e-5)
        rolled = {p["kind"]: p for p in parts["rolled_out"]["parts"] if p["kind"] != "input"}
        assert rolled["intervention"]["step"] == 12
        assert (rolled["intervention"]["share"] > 0) == (edit == "set")


def test_two_architectures_are_compared_on_the_same_input(
    client: httpx.Client, sequence: Any
) -> None:
    ids = [
        post(client, "/predict", model=name, sequence=sequence.tolist())["trace_id"]
        for name in ("rotary", "ntm")
    ]
    told = client.get(f"/trace/{ids[0]}/difference/{ids[1]}").json()
    differing = {stage["stage"]: stage for stage in told["stages"]}
    assert differing["inputs"]["maximum"] == 0
    outputs = [client.get(f"/trace/{i}").json()["outputs"] for i in ids]
    furthest = np.abs(np.subtract(*outputs)).max()
    assert differing["outputs"]["maximum"] == pytest.approx(furthest, rel=1e-5)
    assert "read_weightings" not in differing
    answers = told["answers"]
    assert [(row["step"], row["heard"]) for row in answers["steps"]] == [
        (t, t - 15) for t in range(16, 30)
    ]
    row = answers["steps"][9]
    for side, head, trace in zip(row["sides"], answers["heads"], ids, strict=True):
        asked = {"step": row["step"], "head": head, "limit": 1000}
        parts = client.get(f"/trace/{trace}/provenance", params=asked).json()["parts"]
        shares = {part["step"]: part["share"] for part in parts if part["kind"] == "write"}
        assert side["heard"] == pytest.approx(shares[row["heard"]], abs=1e-5)
        assert side["share"] == pytest.approx(max(shares.values()), abs=1e-5)
        assert side["step"] == max(shares, key=lambda step: shares[step])
        read = client.get(f"/trace/{trace}", params={"steps": f"{row['step']}:{row['step'] + 1}"})
        weighting = read.json()["read_weightings"][0][int(head.removeprefix("read."))]
        assert side["weight"] == pytest.approx(max(weighting))
        assert weighting[side["slot"]] == max(weighting)
    path = f"/trace/{ids[0]}/difference/{ids[1]}"
    pictures = [
        client.get(path, params={"figure": "compare", "format": "png"}),
        client.get(path, params={"format": "png"}),
        client.get(f"/trace/{ids[0]}?figure=compare&other={ids[1]}&format=png"),
    ]
    assert pictures[0].content.startswith(b"\x89PNG"), pictures[0].text
    assert {picture.content for picture in pictures} == {pictures[0].content}
    refused = client.get(path, params={"figure": "compare"})
    assert (refused.status_code, "format=png" in refused.text) == (422, True)
    same = client.get(f"/trace/{ids[0]}/difference/{ids[0]}").json()
    assert same["answers"] is None
