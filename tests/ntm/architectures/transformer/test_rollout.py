"""Attention rollout against the product of matrices that the paper writes it as."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ntm.architectures.transformer.model import Transformer
from ntm.architectures.transformer.rollout import Rollout
from ntm.insight import provenance
from ntm.runs.trace import Trace

STEPS, LAYERS, HEADS, WIDTH, SLOTS = 7, 3, 2, 8, 9


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"input_size": 3, "output_size": 2, "N": SLOTS}
    model = Transformer(**sizes, layers=LAYERS, heads=HEADS, width=WIDTH).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.6)
    return model


@pytest.fixture(scope="module")
def sequence() -> NDArray[Any]:
    return np.random.default_rng(1).normal(size=(STEPS, 3))


def mixed(run: Trace, heads: slice) -> NDArray[Any]:
    """Rows of attention times norm of some heads, summed and then brought to 1: [T, T]."""
    norms = np.linalg.norm(run["addressing.read.value"][:, heads], axis=-1)
    rows = np.einsum("thn,nh->tn", run["read_weightings"][:, heads, :STEPS], norms)
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("head", range(LAYERS * HEADS))
def test_it_is_a_product_of_matrices(model: Transformer, sequence: NDArray[Any], head: int) -> None:
    run, step = Trace.record(model, sequence), STEPS - 2
    row = mixed(run, slice(head, head + 1))[step]
    for layer in reversed(range(head // HEADS)):
        heads = slice(layer * HEADS, (layer + 1) * HEADS)
        row = row @ (0.5 * np.eye(STEPS) + 0.5 * mixed(run, heads))
    rollout = Rollout(model.signature, run["memory"][step], head, step)
    for start, stop in ((4, step + 1), (1, 4), (0, 1)):  # in stretches
        rollout.back({name: run[name][start:stop] for name in Rollout.needs})
    parts = rollout.finish()
    shares = {part.step: part.share for part in parts if part.kind == "input"}
    np.testing.assert_allclose([shares[s] for s in range(step + 1)], row[: step + 1], rtol=1e-5)
    assert row[step + 1] == 0
    assert sum(part.share for part in parts) == pytest.approx(1)
    ranked = [part.share for part in parts]
    assert ranked == sorted(ranked, reverse=True)


def test_what_goes_to_a_step_that_was_set_goes_no_further(
    model: Transformer, sequence: NDArray[Any]
) -> None:
    width, step, head = model.signature.memory_width, STEPS - 1, LAYERS * HEADS - 1
    change = {"steps": "4:5", "slot": 2, "set": {"memory": [0.5] * width}}
    run = Trace.record(model, sequence, interventions=[change])
    where = np.arange(SLOTS)[:, None] == 2
    rollout = Rollout(
        model.signature,
        run["memory"][step],
        head,
        step,
        lambda t: (where, np.full(width, 0.5)) if t == 4 else None,
    )
    rollout.back({name: run[name] for name in Rollout.needs})
    parts = rollout.finish()
    assert sum(part.share for part in parts) == pytest.approx(1)
    (edited,) = (part for part in parts if part.kind == "intervention")
    weights = run["read_weightings"][step, head] * np.linalg.norm(
        run["memory"][step].reshape(SLOTS, LAYERS, 2, HEADS, -1)[:, -1, 1, -1], axis=-1
    )
    assert edited.step == 4
    assert edited.share > weights[2] / weights.sum()  # that layer's own, and what is below it


@pytest.mark.parametrize("head", [0, 3, 5])
def test_a_read_is_the_sum_of_attention_times_values(
    model: Transformer, sequence: NDArray[Any], head: int
) -> None:
    run, step, told = Trace.record(model, sequence), STEPS - 2, model.signature
    assert told.written is not None
    found = provenance(run.arrays, step, head, written=told.written, reads_see=told.reads_see)
    vectors = {part.step: part.vector for part in found.parts if part.kind == "write"}
    assert sorted(vectors, key=str) == list(range(step + 1))
    for s, vector in vectors.items():
        expected = run["read_weightings"][step, head, s] * run["addressing.read.value"][s, head]
        np.testing.assert_allclose(vector, expected, atol=1e-6)
    assert found.head == head
    np.testing.assert_allclose(found.read, run["reads"][step, head], atol=1e-6)
