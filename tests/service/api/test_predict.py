"""POST /predict: what comes back is what the model computes, whoever else is asking."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest

from tests import random_models, reference, small_models
from tests.service.bodies import array, body, draw
from tests.service.running import Server

BOTH = ["read_weightings", "write_weightings"]


def test_the_answer_has_the_shape_it_promises(client: httpx.Client) -> None:
    told = client.post("/predict", json=body(steps=7, memory_slots=11, include=BOTH)).json()
    assert {name: told[name] for name in ("model", "version", "engine", "steps")} == {
        "model": "copy",
        "version": 1,
        "engine": "native",
        "steps": 7,
    }
    assert told["memory_slots"] == 11
    assert array(told["outputs"]).shape == (7, 4)
    assert array(told["read_weightings"]).shape == (7, 1, 11)
    assert array(told["write_weightings"]).shape == (7, 1, 11)
    assert "wrong_bits" not in told


@pytest.mark.parametrize("include", [BOTH, BOTH[::-1]])
def test_weightings_come_in_the_order_of_the_table(
    client: httpx.Client, include: list[str]
) -> None:
    told = client.post("/predict", json=body(include=include)).json()
    assert list(told)[-3:] == ["outputs", "read_weightings", "write_weightings"]


@pytest.mark.parametrize("name", ["copy", "wide"])
def test_included_stages_are_those_of_the_trace(client: httpx.Client, name: str) -> None:
    include = ["writes", "gate", "memory", "read_weightings"]
    answer = client.post("/predict", json=body(model=name, include=include)).json()
    trace = client.get(f"/trace/{answer['trace_id']}?include={','.join(include)}").json()
    for field in ("writes", "addressing", "memory", "read_weightings"):
        assert answer[field] == trace[field], field
    assert list(answer["addressing"]["read"]) == ["gate"]
    assert array(answer["memory"]).ndim == 3
    assert "write_weightings" not in answer


def test_without_include_there_are_no_weightings(client: httpx.Client) -> None:
    told = client.post("/predict", json=body()).json()
    assert told.keys() & set(BOTH) == set()
    told = client.post("/predict", json=body(include=["write_weightings"])).json()
    assert told.keys() & set(BOTH) == {"write_weightings"}


@pytest.mark.parametrize("name", ["copy", "wide", "odd", "learned"])
def test_the_numbers_are_those_of_the_equations(client: httpx.Client, name: str) -> None:
    asked = body(30, seed=3, model=name, include=BOTH)
    told = client.post("/predict", json=asked).json()
    model = small_models.make(name)
    weights = random_models.weights_of(model)
    steps = reference.run(model.config, weights, draw(30, 3).astype(float), told["memory_slots"])
    outputs = np.stack([step.output for step in steps])
    heads = np.stack([step.stages["weighting"] for step in steps])
    given = np.concatenate([array(told[field]) for field in BOTH], axis=1)
    np.testing.assert_allclose(array(told["outputs"]), outputs, atol=1e-4)
    np.testing.assert_allclose(given, heads, atol=1e-4)


@pytest.mark.parametrize("slots", [1, 2, 5, 37, 512])
@pytest.mark.parametrize("name", ["copy", "wide"])
def test_weightings_are_no_less_than_0_and_sum_to_1(
    client: httpx.Client, name: str, slots: int
) -> None:
    asked = body(25, model=name, memory_slots=slots, include=BOTH)
    told = client.post("/predict", json=asked).json()
    for field in BOTH:
        weightings = np.array(told[field])
        assert weightings.min() >= 0
        assert np.abs(weightings.sum(axis=-1) - 1).max() < 1e-5


def test_the_highest_version_is_the_default(client: httpx.Client) -> None:
    asked = body()
    del asked["version"]
    told = client.post("/predict", json=asked).json()
    assert told["version"] == 2
    one, two = (client.post("/predict", json=body(version=v)).json() for v in (1, 2))
    assert told["outputs"] == two["outputs"] != one["outputs"]


def test_wrong_bits_are_counted_where_a_target_is_given(client: httpx.Client) -> None:
    outputs = array(client.post("/predict", json=body()).json()["outputs"])
    target: list[Any] = (outputs > 0.5).astype(int).tolist()
    assert client.post("/predict", json=body(target=target)).json()["wrong_bits"] == 0
    target[1][2] = 1 - target[1][2]
    target[4] = [1 - bit for bit in target[4]]
    assert client.post("/predict", json=body(target=target)).json()["wrong_bits"] == 5
    target[4] = None
    target[1] = [1 - target[1][0], target[1][1], None, None]
    assert client.post("/predict", json=body(target=target)).json()["wrong_bits"] == 1


def test_what_is_not_to_be_recorded_is_not(client: httpx.Client) -> None:
    before = client.get("/trace?limit=1").json()["traces"]
    assert client.post("/predict", json=body(record=False)).json()["trace_id"] is None
    assert client.get("/trace?limit=1").json()["traces"] == before


def test_the_largest_inputs_give_finite_outputs(client: httpx.Client) -> None:
    loud = [[1e30, -1e30, 1e30, 0, 1e-38, -1e30]] * 40
    for name in ("copy", "wide"):
        asked = body(model=name, sequence=loud, include=BOTH)
        answer = client.post("/predict", json=asked)
        assert "null" not in answer.text
        assert np.abs(np.array(answer.json()["write_weightings"]).sum(axis=-1) - 1).max() < 1e-5


def test_an_answer_that_is_too_large_is_refused_and_the_advice_works(
    client: httpx.Client,
) -> None:
    asked = body(500, memory_slots=200, include=BOTH)
    refusal = client.post("/predict", json=asked)
    assert (refusal.status_code, refusal.json()["code"]) == (413, "response_too_large")
    assert "leave `include` out" in refusal.json()["error"]
    told = client.post("/predict", json=asked | {"include": []}).json()
    slices = [
        array(client.get(f"/trace/{told['trace_id']}?steps={a}:{a + 100}").json()[BOTH[0]])
        for a in range(0, 500, 100)
    ]
    assert np.concatenate(slices).shape == (500, 1, 200)


def test_sixteen_clients_at_once_get_what_each_gets_alone(server: Server) -> None:
    bodies = [
        body(
            steps=1 + 13 * i,
            seed=i,
            model=("copy", "wide", "odd")[i % 3],
            memory_slots=(5, 16, 37)[i % 2],
            include=BOTH,
            record=False,
        )
        for i in range(16)
    ]

    def ask(asked: dict[str, Any]) -> list[Any]:
        with server.client() as client:
            return [client.post("/predict", json=asked).json() for _ in range(3)]

    alone = [ask(asked)[0] for asked in bodies]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(ask, bodies))
    for expected, given in zip(alone, together, strict=True):
        assert given == [expected] * 3


def test_a_form_body_of_plain_curl_is_read(client: httpx.Client) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = client.post("/predict", content=json.dumps(body()), headers=kind)
    assert answer.status_code == 200
