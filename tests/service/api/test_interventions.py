"""POST /predict with interventions, and the traces of such runs."""

import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from tests import small_models
from tests.service.bodies import array, body, draw, same

BOTH = ["read_weightings", "write_weightings"]
EVERYTHING = "inputs,outputs,read_weightings,write_weightings,addressing,writes,reads,memory"
STEPS = 21
ITEMS: list[dict[str, Any]] = [
    {"steps": "4:9", "head": "read.0", "set": {"gate": 0, "shift": [0, 0, 1], "sharpening": 3}},
    {"steps": 11, "head": "write.0", "set": {"weighting": "zero"}},
    {"steps": "13:15", "slot": 2, "set": {"memory": [1, 0, -1, 0.5, 0, 0.1]}},
    {"steps": 16, "set": {"input": [1, 0, 1, 0, 0.3, 0]}},
]


@pytest.fixture(scope="module")
def answer(client: httpx.Client) -> dict[str, Any]:
    """What came of a run with all of them."""
    given = client.post("/predict", json=body(STEPS, include=BOTH, interventions=ITEMS))
    assert given.status_code == 200, given.text
    told: dict[str, Any] = given.json()
    return told


@pytest.fixture(scope="module")
def traced(client: httpx.Client, answer: dict[str, Any]) -> dict[str, Any]:
    """All that its trace tells."""
    told: dict[str, Any] = client.get(f"/trace/{answer['trace_id']}?include={EVERYTHING}").json()
    return told


def test_the_answer_is_the_library_s(answer: dict[str, Any]) -> None:
    model = small_models.make("copy")
    with torch.inference_mode():
        unrolled = model.unroll(torch.from_numpy(draw(STEPS)), interventions=ITEMS)
        plain = model.unroll(torch.from_numpy(draw(STEPS)))
    np.testing.assert_allclose(answer["outputs"], unrolled.outputs[:, 0].numpy(), atol=1e-5)
    assert np.abs(np.array(answer["outputs"]) - plain.outputs[:, 0].numpy()).max() > 1e-3


def test_its_trace_shows_the_interventions_and_what_they_did(
    answer: dict[str, Any], traced: dict[str, Any]
) -> None:
    assert traced["interventions"] == ITEMS
    for name in ("outputs", *BOTH):
        assert traced[name] == answer[name]
    stages = {name: array(value)[:, 0] for name, value in traced["addressing"]["read"].items()}
    assert (stages["gate"][4:9] == 0).all()
    assert (stages["gate"][[3, 9]] > 0).all()
    assert (stages["shift"][4:9] == [0, 0, 1]).all()
    assert (stages["sharpening"][4:9] == 3).all()
    weightings, memory = array(traced["write_weightings"]), array(traced["memory"])
    assert (weightings[11] == 0).all()
    assert same(memory[12], memory[11])
    assert (memory[13:15, 2] == array(ITEMS[2]["set"]["memory"])).all()
    assert same(array(traced["inputs"][16]), array(ITEMS[3]["set"]["input"]))
    assert same(array(traced["inputs"][15]), draw(STEPS)[15])


@pytest.mark.parametrize("steps", ["0:4", "5:7", "8:14", "14:15", "20:21"])
def test_slices_are_parts_of_the_whole(
    client: httpx.Client, answer: dict[str, Any], traced: dict[str, Any], steps: str
) -> None:
    query = f"include={EVERYTHING}&steps={steps}"
    part = client.get(f"/trace/{answer['trace_id']}?{query}").json()
    start, stop = map(int, steps.split(":"))
    for name in ("inputs", "outputs", *BOTH, "reads", "memory"):
        assert part[name] == traced[name][start:stop], name
    for kind in ("read", "write"):
        for name, value in traced["addressing"][kind].items():
            assert part["addressing"][kind][name] == value[start:stop], name


def test_other_forms_tell_them_too(client: httpx.Client, answer: dict[str, Any]) -> None:
    url = f"/trace/{answer['trace_id']}"
    with np.load(io.BytesIO(client.get(f"{url}?format=npz").content)) as archive:
        assert json.loads(str(archive["facts"]))["interventions"] == ITEMS
    assert client.get(f"{url}?format=svg").status_code == 200
    plain = client.post("/predict", json=body(2)).json()["trace_id"]
    assert client.get(f"/trace/{plain}").json()["interventions"] == []


def test_pinning_what_a_trace_tells_changes_no_bit(client: httpx.Client) -> None:
    plain = client.post("/predict", json=body(STEPS, model="odd")).json()
    told = client.get(f"/trace/{plain['trace_id']}?include={EVERYTHING}").json()
    items: list[dict[str, Any]] = []
    for t in range(STEPS):
        items.append({"steps": t, "set": {"memory": told["memory"][t], "input": told["inputs"][t]}})
        for kind, heads in told["heads"].items():
            for head in range(heads):
                stages = {
                    name: told["addressing"][kind][name][t][head]
                    for name in ("key", "key_strength", "gate", "shift", "sharpening")
                }
                stages["weighting"] = told[f"{kind}_weightings"][t][head]
                if kind == "write":
                    stages |= {name: told["writes"][name][t][head] for name in ("erase", "add")}
                items.append({"steps": t, "head": f"{kind}.{head}", "set": stages})
    asked = body(STEPS, model="odd", interventions=items)
    assert client.post("/predict", json=asked).json()["outputs"] == plain["outputs"]


def test_they_come_as_safetensors_too(client: httpx.Client, answer: dict[str, Any]) -> None:
    kind = "application/vnd.safetensors"
    told = {"model": "copy", "version": "1", "interventions": json.dumps(ITEMS)}
    sent = save({"sequence": draw(STEPS)}, told)
    headers = {"content-type": kind, "accept": kind}
    given = client.post("/predict", content=sent, headers=headers)
    assert same(load(given.content)["outputs"], array(answer["outputs"]))


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        (None, "interventions should be an array, got null"),
        ([ITEMS[0], {"steps": 5}], "interventions[1].set is missing"),
        ([{"steps": 21, "set": {"input": [0] * 6}}], "[0].steps should be a step below 21"),
        ([{"steps": 1, "head": "read.3", "set": {}}], "[0].head should be one of"),
        ([{"steps": 1, "head": "read.0", "set": {"gate": 2}}], "interventions[0].set.gate should"),
        ([{"steps": 1, "head": "read.0", "set": {"shift": [0, 0, 0]}}], "shift should sum to 1"),
        ([{"steps": 1, "slot": 16, "set": {"memory": 0}}], "[0].slot should be below 16"),
    ],
)  # fmt: skip
def test_one_that_does_not_fit_is_refused_by_its_name(
    client: httpx.Client, items: Any, sentence: str
) -> None:
    refused = client.post("/predict", json=body(STEPS, interventions=items))
    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_intervention")
    assert sentence in refused.json()["error"]
