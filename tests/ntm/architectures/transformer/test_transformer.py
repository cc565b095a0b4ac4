"""A Transformer against the float64 reference, PyTorch's own attention, and its cut into pieces."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ntm.architectures.transformer.attention import rotate
from ntm.architectures.transformer.config import TransformerConfig
from ntm.architectures.transformer.model import FLIPPED, Transformer, fed_back
from ntm.export.write import export_onnx, export_torchscript
from ntm.repository import checkpoint
from ntm.runs.trace import Trace
from ntm.tasks import Copy
from ntm.training.loss import answer_loss
from tests.ntm.architectures.transformer import reference

SIZES: dict[str, Any] = {
    "input_size": 3, "output_size": 2, "layers": 2, "heads": 4, "width": 8, "N": 12,
}  # fmt: skip
VARIANTS: list[dict[str, Any]] = [
    {"position": "none", "output": "identity"},
    {"position": "rotary"},
    {"position": "rotary", "feedback": True, "layers": 3, "heads": 2},
    {"position": "alibi", "feedback": True, "output": "identity", "expansion": 2},
    {"position": "hard_alibi"},
    {"position": "hard_alibi", "feedback": True},
]
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)


def make(variant: dict[str, Any]) -> Transformer:
    """A model in float64 whose heads are opinionated."""
    torch.manual_seed(0)
    model = Transformer(**SIZES | variant).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.6)
    return model


@every_variant
def test_every_stage_is_the_references(variant: dict[str, Any]) -> None:
    model = make(variant)
    weights = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    sequence = np.random.default_rng(1).normal(size=(9, 3))
    unrolled = model.unroll(torch.from_numpy(sequence), record="addressing")
    for t, stages in enumerate(reference.run(model.config, weights, sequence)):
        given = {name: value[t, 0].detach().numpy() for name, value in unrolled.record.items()}
        given["outputs"] = unrolled.outputs[t, 0].detach().numpy()
        assert not given["attention"][:, t + 1 :].any()
        given["attention"] = given["attention"][:, : t + 1]
        for name, value in stages.items():
            np.testing.assert_allclose(given[name], value, rtol=1e-9, atol=1e-12, err_msg=name)
        np.testing.assert_array_equal(given["write_weighting"][0], np.eye(12)[t])
        np.testing.assert_array_equal(given["used"], np.arange(12) <= t)


def test_a_step_is_pytorchs_attention_over_the_cache() -> None:
    model = make({"position": "rotary", "layers": 1})
    sequence = torch.randn(7, 2, 3).double()
    record = model.unroll(sequence, record="addressing").record
    for t in range(7):
        cached = record["memory"][t, :, : t + 1]
        keys, values = (p.unflatten(-1, (4, 2)).transpose(1, 2) for p in cached.chunk(2, -1))
        read = F.scaled_dot_product_attention(record["query"][t].unsqueeze(2), keys, values)
        torch.testing.assert_close(record["reads"][t], read.squeeze(2))


def test_rotary_scores_depend_on_the_distance_alone() -> None:
    query, key = torch.randn(2, 1, 6).double()

    def score(now: int, then: int) -> Tensor:
        turned = (rotate(v, torch.tensor([t])) for v, t in ((query, now), (key, then)))
        return (next(turned) * next(turned)).sum()

    torch.testing.assert_close(score(1005, 1000), score(5, 0))
    assert not torch.isclose(score(1005, 1000), score(6, 0))


@every_variant
def test_a_sequence_at_once_is_its_steps(variant: dict[str, Any]) -> None:
    model = make(variant)
    sequence = torch.randn(10, 3, 3).double()
    steps = model.unroll(sequence)
    pieces = model.unroll(sequence[4:], model.unroll(sequence[:4]).state)
    torch.testing.assert_close(pieces.outputs, steps.outputs[4:])
    torch.testing.assert_close(model.predict(sequence), steps.outputs)
    heard = sequence
    if model.config.feedback:
        answers = torch.cat((torch.zeros(1, 3, 2).double(), steps.outputs[:-1]))
        heard = torch.cat((sequence, answers), dim=-1)
    torch.testing.assert_close(model.activate(model.at_once(heard)), steps.outputs)


def test_answers_are_fed_back_one_step_late_with_slips_and_noise() -> None:
    targets = torch.full((40, 50, 4), torch.nan)
    targets[20:] = 1.0
    fed = fed_back(targets, np.random.default_rng(0))
    assert not fed[0].any()
    assert set(fed.unique().tolist()) == {0.0, 1.0}
    assert fed[1:21].mean().item() == pytest.approx(0.5, abs=0.03)
    assert fed[21:].mean().item() == pytest.approx(1 - FLIPPED, abs=0.003)


def test_a_small_one_learns_to_copy_with_its_answers_fed_back() -> None:
    torch.manual_seed(0)
    task, rng = Copy(bits=2, max_length=2), np.random.default_rng(0)
    model = Transformer(
        input_size=4, output_size=2, width=32, heads=4, position="hard_alibi", feedback=True
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        episode = task.sample(rng, 32, **task.training_sizes(rng, 1))
        targets = torch.from_numpy(episode.targets)
        logits = model.taught_logits(torch.from_numpy(episode.inputs), targets, rng)
        loss = answer_loss(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    episode = task.sample(rng, 32, length=2)
    with torch.inference_mode():
        outputs = model.eval().predict(torch.from_numpy(episode.inputs)).numpy()
    assert task.error(outputs, episode.targets).mean() < 0.2


@every_variant
def test_a_sequence_longer_than_its_slots_is_refused(variant: dict[str, Any]) -> None:
    model = make(variant)
    for run in (model.predict, model.unroll):
        with pytest.raises(ValueError, match="at most memory_slots=12 steps"):
            run(torch.zeros(13, 1, 3).double())
    state = model.unroll(torch.zeros(10, 1, 3).double()).state
    with pytest.raises(ValueError, match="got 13"):
        model.unroll(torch.zeros(3, 1, 3).double(), state)


def test_no_parameter_depends_on_the_number_of_slots() -> None:
    model = make({"position": "rotary"})
    sequence = torch.randn(9, 1, 3).double()
    torch.testing.assert_close(
        model.unroll(sequence, memory_slots=9).outputs,
        model.unroll(sequence, memory_slots=300).outputs,
    )


def test_a_head_is_ablated_an_attention_forced_and_a_slot_edited() -> None:
    model = make({"position": "none"}).float()
    sequence = np.random.default_rng(4).normal(size=(8, 3))
    row = np.zeros(12)
    row[2] = 1
    width = model.signature.memory_width
    edits: dict[str, dict[str, Any]] = {
        "ablated": {"steps": "5:", "head": "read.6", "set": {"attention": "zero"}},
        "forced": {"steps": "5:", "head": "read.6", "set": {"attention": row.tolist()}},
        "edited": {"steps": 5, "slot": 2, "set": {"memory": [0.5] * width}},
        "not written": {"steps": 2, "head": "write.0", "set": {"write_weighting": "zero"}},
    }
    plain = Trace.record(model, sequence)
    runs = {n: Trace.record(model, sequence, interventions=[e]) for n, e in edits.items()}
    for name, run in runs.items():
        step = 2 if name == "not written" else 5
        np.testing.assert_array_equal(run["outputs"][:step], plain["outputs"][:step])
        assert (run["outputs"][step] != plain["outputs"][step]).any(), name
    assert not runs["ablated"]["reads"][5:, 6].any()
    assert runs["ablated"]["reads"][5:, 7].any()
    second = plain["memory"][7, 2].reshape(2, 2, 4, 2)  # layer, keys or values, head
    np.testing.assert_allclose(runs["forced"]["reads"][5:, 6], np.tile(second[1, 1, 2], (3, 1)))
    np.testing.assert_array_equal(runs["edited"]["memory"][7, 2], np.full(width, 0.5, np.float32))
    assert not runs["not written"]["read_weightings"][:, :, 2].any()


@pytest.mark.parametrize("variant", VARIANTS[1:6:2], ids=str)
def test_it_is_exported_as_it_computes(variant: dict[str, Any], tmp_path: Any) -> None:
    task = Copy(bits=2)
    config = TransformerConfig(**SIZES | variant | {"input_size": 4, "output": "sigmoid"})
    torch.manual_seed(1)
    version = checkpoint.save(
        tmp_path / "small" / "1", Transformer(config).eval(), task, {"seed": 1}
    )
    assert {graph.kind for graph in export_onnx(version).graphs} == {"predict", "inspect"}
    assert len(export_torchscript(version).graphs) == 2
    again = checkpoint.load(version)
    assert again.config == config


@every_variant
def test_gradients_are_finite(variant: dict[str, Any]) -> None:
    model = copy.deepcopy(make(variant)).float().train()
    targets = torch.full((7, 2, 2), torch.nan)
    targets[4:] = 1.0
    rng = np.random.default_rng(0)
    sequence = torch.zeros(7, 2, 3)
    logits = (
        model.taught_logits(sequence, targets, rng) if model.is_taught else model.logits(sequence)
    )
    answer_loss(logits, targets, model.config.output).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
