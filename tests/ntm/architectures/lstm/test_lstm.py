"""An LSTM against a float64 reference in NumPy, gate by gate, and all at once against its steps."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ntm.architectures.lstm.model import LSTM
from ntm.export.write import export_onnx, export_torchscript
from ntm.interventions.items import InterventionError
from ntm.repository import checkpoint
from ntm.runs.trace import Trace
from ntm.tasks import Copy

Array = NDArray[np.float64]
SIZES: dict[str, Any] = {"input_size": 3, "output_size": 2, "size": 5, "layers": 2}


@pytest.fixture
def model() -> LSTM:
    """A random model in float64 whose gates are far from their middle."""
    torch.manual_seed(0)
    model = LSTM(**SIZES).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.8)
    return model


def reference(weights: dict[str, Array], sequence: Array) -> list[dict[str, Array]]:
    """Every stage of every step of one sequence [T, I], one cell at a time.

    Hochreiter and Schmidhuber's cell with Gers et al.'s forget gate; rows of a layer's weights are
    the input, forget, candidate and output gates of its cells in turn.
    """
    layers, size = SIZES["layers"], SIZES["size"]
    hidden, cell = np.zeros((layers, size)), np.zeros((layers, size))
    steps = []
    for x in sequence:
        gates = {n: np.zeros((layers, size)) for n in ("input", "forget", "candidate", "output")}
        below = x
        for layer in range(layers):
            w, u, b, c = (
                weights[f"layers.{name}_l{layer}"]
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            for unit in range(size):
                for number, gate in enumerate(gates):
                    row = number * size + unit
                    total = w[row] @ below + u[row] @ hidden[layer] + b[row] + c[row]
                    squashed = np.tanh(total) if gate == "candidate" else 1 / (1 + np.exp(-total))
                    gates[gate][layer, unit] = squashed
            cell[layer] = gates["forget"][layer] * cell[layer]
            cell[layer] += gates["input"][layer] * gates["candidate"][layer]
            below = gates["output"][layer] * np.tanh(cell[layer])
            hidden[layer] = below
        answer = weights["output.weight"] @ below + weights["output.bias"]
        steps.append(
            {"candidate": gates.pop("candidate"), "cell": cell.copy(), "hidden": hidden.copy()}
            | {f"{name}_gate": value for name, value in gates.items()}
            | {"outputs": 1 / (1 + np.exp(-answer))}
        )
    return steps


def test_every_stage_is_the_references(model: LSTM) -> None:
    sequence = np.random.default_rng(1).normal(size=(9, 3))
    weights = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    unrolled = model.unroll(torch.from_numpy(sequence), record="addressing")
    for t, stages in enumerate(reference(weights, sequence)):
        np.testing.assert_allclose(
            unrolled.outputs[t, 0].detach(), stages.pop("outputs"), rtol=1e-12
        )
        assert stages.keys() == {stage.name for stage in model.signature.stages}
        for name, value in stages.items():
            np.testing.assert_allclose(unrolled.record[name][t, 0].detach(), value, rtol=1e-12)


def test_a_sequence_at_once_is_its_steps(model: LSTM) -> None:
    sequence = torch.randn(8, 4, 3).double()
    together, state = model.advance(sequence[3:], model.unroll(sequence[:3]).state)
    apart = model.unroll(sequence)
    torch.testing.assert_close(model.activate(together), apart.outputs[3:])
    torch.testing.assert_close(state, apart.state)
    torch.testing.assert_close(model.predict(sequence), apart.outputs)


def test_it_has_no_slots_to_ask_for(model: LSTM) -> None:
    assert model.memory_slots == 0
    assert model.slots_of(model.initial_state(2)) == 0
    with pytest.raises(ValueError, match=r"has no memory slots .* got 128"):
        model.initial_state(1, 128)


def test_its_trace_tells_its_cells_and_its_inputs_can_be_changed(model: LSTM) -> None:
    sequence = np.random.default_rng(2).normal(size=(6, 3))
    items = [{"steps": 2, "set": {"input": [0, 0, 0]}}]
    free, changed = (
        Trace.record(model.float(), sequence, interventions=edits) for edits in ([], items)
    )
    assert free["controller.cell"].shape == (6, 2, 5)
    assert free.heads == []
    np.testing.assert_array_equal(free["outputs"][:2], changed["outputs"][:2])
    assert (free["controller.cell"][2:] != changed["controller.cell"][2:]).any(axis=(1, 2)).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"steps": 1, "set": {"memory": 0}}, "this model has no memory"),
        ({"steps": 1, "head": "read.0", "set": {"input": [0, 0, 0]}}, "this model has no heads"),
    ],
)
def test_what_it_does_not_have_cannot_be_set(
    model: LSTM, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InterventionError, match=reason):
        model.unroll(torch.zeros(3, 3).double(), interventions=[change])


def test_it_is_exported_as_it_computes(model: LSTM, tmp_path: Any) -> None:
    task = Copy(bits=2)
    torch.manual_seed(1)
    small = LSTM(**SIZES | {"input_size": task.input_size}).eval()
    version = checkpoint.save(tmp_path / "small" / "1", small, task, {"seed": 1})
    assert {graph.kind for graph in export_onnx(version).graphs} == {"predict", "inspect"}
    assert len(export_torchscript(version).graphs) == 2
