"""Every exported graph does what the paper's equations say, as the float64 reference has them."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from ntm import NTM
from ntm.architectures.ntm.signature import learned_values, signature
from ntm.export import torchscript
from ntm.export.check import Pins, eager, random_pins, random_state
from ntm.export.unrolled import KINDS, chunk, nodes_per_step, standalone
from ntm.export.write import onnx_runner
from ntm.repository.checkpoint import weights_of as float_weights_of
from ntm.signature import State
from tests import random_models, reference
from tests.command_line import ENVIRONMENT
from tests.random_models import every_variant

every_kind = pytest.mark.parametrize("kind", KINDS)
every_format = pytest.mark.parametrize("form", ["onnx", "torchscript"])
Array = NDArray[Any]


def model_of(variant: dict[str, Any], seed: int = 0) -> NTM:
    """A random float32 model."""
    import torch

    return random_models.make(seed, dtype=torch.float32, **variant).eval()


def runner_of(model: NTM, form: str, kind: str, steps: int) -> Any:
    """The exported model, ready to be run."""
    if form == "torchscript":
        return torchscript.runner(torchscript.script(model, kind), signature(model.config), kind)
    graph = chunk(model.config, float_weights_of(model), steps, kind)
    return onnx_runner(graph.SerializeToString())


def initial(model: NTM, batch: int, slots: int) -> State:
    """The state before the first step."""
    weights = float_weights_of(model)
    return signature(model.config).initial_state(
        batch, slots, learned_values(model.config, weights)
    )


def draw(steps: int, batch: int, width: int, seed: int = 1) -> NDArray[np.float32]:
    """Random inputs [T, B, I]."""
    return np.random.default_rng(seed).normal(size=(steps, batch, width)).astype(np.float32)


def nothing_pinned(model: NTM, steps: int, batch: int, slots: int) -> Pins:
    """Pins that are nowhere in force, whatever their values."""
    pins = random_pins(np.random.default_rng(0), signature(model.config), steps, batch, slots)
    return {n: np.zeros_like(v) if n.startswith("pinned") else v for n, v in pins.items()}


@every_variant
@every_kind
@every_format
def test_a_graph_agrees_with_the_equations(variant: dict[str, Any], kind: str, form: str) -> None:
    model = model_of(variant)
    config, told, steps = model.config, signature(model.config), 4
    slots = config.fixed_slots or config.N + 3
    run = runner_of(model, form, kind, steps)
    x = draw(steps, 2, config.input_size)
    pins = nothing_pinned(model, steps, 2, slots) if kind == "inspect" else {}
    given, after = run(x, initial(model, 2, slots), pins)
    weights = random_models.weights_of(model.double())
    for row in range(2):
        expected = reference.run(config, weights, x[:, row].astype(float), slots)
        stages = {
            name: np.stack([step.stages[name] for step in expected]) for name in expected[0].stages
        }
        stages["outputs"] = np.stack([step.output for step in expected])
        reading, writing = np.split(stages["weighting"], [config.num_reads], axis=1)
        stages |= {"read_weightings": reading, "write_weightings": writing}
        for name, value in given.items():
            np.testing.assert_allclose(value[:, row], stages[name], atol=2e-5, err_msg=name)
        last = expected[-1].state
        np.testing.assert_allclose(after["memory"][row], last.memory, atol=2e-5)
        np.testing.assert_allclose(after["reads"][row], last.reads, atol=2e-5)
        for name, value in zip(("hidden", "cell"), last.controller, strict=False):
            np.testing.assert_allclose(after[name][row], value, atol=2e-5)
    names = {"outputs", "read_weightings", "write_weightings"}
    assert given.keys() == (
        names if kind == "predict" else {"outputs"} | {stage.name for stage in told.stages}
    )


@every_format
def test_chunks_walked_over_hundreds_of_steps_stay_with_the_model(form: str) -> None:
    model = model_of({"num_reads": 2, "N": 20})
    x, state = draw(400, 3, 3), initial(model, 3, 33)
    expected = eager(model, x, state, {}, "predict")
    lengths = (1, 64) if form == "onnx" else (7,)
    runs = {length: runner_of(model, form, "predict", length) for length in lengths}
    position, outputs, weightings = 0, [], []
    while position < len(x):
        length = max(k for k in runs if k <= len(x) - position or k == 7)
        given, state = runs[length](x[position : position + length], state, {})
        outputs.append(given["outputs"])
        weightings.append(given["write_weightings"])
        position += length
    np.testing.assert_allclose(np.concatenate(outputs), expected["outputs"], atol=1e-4)
    np.testing.assert_allclose(np.concatenate(weightings), expected["write_weightings"], atol=1e-4)
    np.testing.assert_allclose(state["memory"], expected["next.memory"], atol=1e-4)


@every_format
def test_a_pinned_weighting_reads_the_slot_it_points_at(form: str) -> None:
    model = model_of({"num_reads": 2})
    told, rng = signature(model.config), np.random.default_rng(3)
    state = random_state(rng, told, 1, 5)
    pins = nothing_pinned(model, 1, 1, 5)
    pins["pinned.weighting"][0, 0, 1] = True
    pins["pin.weighting"][0, 0, 1] = np.eye(5, dtype=np.float32)[3]
    given, _ = runner_of(model, form, "inspect", 1)(draw(1, 1, 3), state, pins)
    assert np.array_equal(given["reads"][0, 0, 1], state["memory"][0, 3])
    assert not np.allclose(given["reads"][0, 0, 0], state["memory"][0, 3])


@every_format
@pytest.mark.parametrize("stage", ["key", "key_strength", "gate", "shift", "sharpening", "add"])
def test_a_pin_reaches_its_own_row_head_and_step_only(form: str, stage: str) -> None:
    model = model_of({"num_reads": 2, "num_writes": 2})
    pins = nothing_pinned(model, 2, 2, 5)
    run, x, state = runner_of(model, form, "inspect", 2), draw(2, 2, 3), initial(model, 2, 5)
    free, _ = run(x, state, pins)
    pinned = pins[f"pinned.{stage}"].copy()
    pinned[0, 1, 1] = True
    value = np.full_like(pins[f"pin.{stage}"], 0.25)
    given, _ = run(x, state, pins | {f"pinned.{stage}": pinned, f"pin.{stage}": value})
    assert np.all(given[stage][0, 1, 1] == 0.25)
    assert np.array_equal(given[stage][0, 0], free[stage][0, 0])
    assert np.array_equal(given[stage][0, 1, 0], free[stage][0, 1, 0])


@every_variant
@every_kind
def test_a_graph_is_valid_onnx(variant: dict[str, Any], kind: str) -> None:
    model = model_of(variant)
    graph = chunk(model.config, float_weights_of(model), 2, kind)
    onnx.checker.check_model(graph, full_check=True)
    assert {opset.domain for opset in graph.opset_import} == {""}
    assert not any(onnx.external_data_helper.uses_external_data(t) for t in graph.graph.initializer)


def test_a_step_takes_fewer_than_66_nodes() -> None:
    model = model_of({})
    nodes = nodes_per_step(model.config, float_weights_of(model))
    counted = [
        len(chunk(model.config, float_weights_of(model), k, "predict").graph.node) for k in (3, 23)
    ]
    assert 20 < nodes < 66
    assert counted[1] - counted[0] == 20 * nodes


WITHOUT_NTM = """
import json, sys
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
x = np.array(json.load(sys.stdin), np.float32)
names = [output.name for output in session.get_outputs()]
values = session.run(None, {"sequence": x})
assert not {"ntm", "torch", "onnx"} & sys.modules.keys()
print(json.dumps({name: value.tolist() for name, value in zip(names, values)}))
"""


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"controller": "feedforward", "num_writes": 2, "shift_range": 5},
        {"initial_memory": "learned"},
    ],
    ids=["lstm", "feedforward", "learned"],
)
def test_one_file_holds_the_whole_recurrence_for_plain_onnxruntime(
    variant: dict[str, Any], tmp_path: Any
) -> None:
    model = model_of(variant)
    config, slots = model.config, 5
    graph = standalone(config, float_weights_of(model), 9, slots)
    onnx.checker.check_model(graph, full_check=True)
    (tmp_path / "copy.onnx").write_bytes(graph.SerializeToString())
    x = draw(9, 2, 3)
    environment = {n: v for n, v in ENVIRONMENT.items() if n != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NTM, tmp_path / "copy.onnx"],
        input=json.dumps(x.tolist()),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    given = {name: np.array(value) for name, value in json.loads(done.stdout).items()}
    assert given.keys() == {"outputs", "read_weightings", "write_weightings"}
    weights = random_models.weights_of(model.double())
    for row in range(2):
        steps = reference.run(config, weights, x[:, row].astype(float), slots)
        heads = np.stack([step.stages["weighting"] for step in steps])
        told = np.concatenate([given["read_weightings"], given["write_weightings"]], axis=2)
        np.testing.assert_allclose(told[:, row], heads, atol=2e-5)
        outputs = np.stack([step.output for step in steps])
        np.testing.assert_allclose(given["outputs"][:, row], outputs, atol=2e-5)


def test_the_number_of_slots_and_the_batch_are_free_in_a_graph() -> None:
    model = model_of({})
    graph = chunk(model.config, float_weights_of(model), 2, "predict")
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    shapes = {i.name: i.shape for i in session.get_inputs()}
    assert shapes["x"] == [2, "batch", 3]
    assert shapes["state.memory"] == ["batch", "slots", 4]
