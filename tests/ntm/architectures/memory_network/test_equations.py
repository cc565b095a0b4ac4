"""The step of a memory network against the float64 reference, in PyTorch and in exported graphs."""

from typing import Any

import numpy as np
import pytest
import torch

from ntm.architectures.memory_network.config import MemoryNetworkConfig
from ntm.architectures.memory_network.model import MemoryNetwork
from ntm.export import torchscript
from ntm.export.check import check
from ntm.export.unrolled import KINDS, chunk, standalone
from ntm.export.write import onnx_runner
from ntm.repository.checkpoint import weights_of
from ntm.runs.trace import Trace
from tests.ntm.architectures.memory_network import reference
from tests.ntm.architectures.memory_network.reference import Words

V, ANSWERS = 9, 5
SIZES: dict[str, Any] = {"input_size": 2 * V + 1, "output_size": ANSWERS, "N": 7, "d": 5, "ages": 4}
VARIANTS: list[dict[str, Any]] = [
    {},
    {"hops": 1, "encoding": "bag"},
    {"hops": 4, "hop_maps": True, "half_relu": True, "encoding": "learned"},
    {"tying": "layer-wise", "hops": 2, "encoding": "learned"},
    {"tying": "layer-wise", "half_relu": True, "encoding": "bag", "d": 6},
]
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)


def make(variant: dict[str, Any]) -> MemoryNetwork:
    """A model in float64 that makes up its mind: embeddings ten times as large as fresh ones."""
    torch.manual_seed(0)
    model = MemoryNetwork(**SIZES | variant).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.7)
    return model


def draw(sentences: int, seed: int = 1) -> tuple[list[Words], Words]:
    """A story of random words, and a question."""
    rng = np.random.default_rng(seed)
    story = [rng.integers(0, V, rng.integers(1, 7)).tolist() for _ in range(sentences + 1)]
    return story[:-1], story[-1]


def weights(model: MemoryNetwork) -> reference.Weights:
    return {name: value.detach().double().numpy() for name, value in model.state_dict().items()}


@every_variant
@pytest.mark.parametrize("sentences", [0, 1, 6])
def test_a_story_is_answered_as_the_equations_say(variant: dict[str, Any], sentences: int) -> None:
    model = make(variant)
    story, question = draw(sentences)
    hops = model.config.hops
    attention, states, answer = reference.answer(model.config, weights(model), story, question)
    rows = torch.from_numpy(reference.inputs(V, story, question, hops))
    outputs, _, record = model.unroll(rows, record="addressing")
    first = sentences + 1
    for hop in range(hops):
        seen = record["attention"][first + hop, 0, 0].detach().numpy()
        np.testing.assert_allclose(seen[:sentences], attention[hop], atol=1e-12)
        assert not seen[sentences:].any()
        after = record["internal"][first + hop, 0].detach().numpy()
        np.testing.assert_allclose(after, states[hop], atol=1e-12)
    np.testing.assert_allclose(outputs[-1, 0].detach().numpy(), answer, atol=1e-12)
    assert not record["attention"][:first].any()
    written = record["write_weighting"][:, 0, 0].detach().numpy()
    np.testing.assert_array_equal(
        written, np.eye(len(rows), 7) * (np.arange(len(rows)) < sentences)[:, None]
    )


def test_a_story_is_asked_twice_and_told_on() -> None:
    model = make({"hops": 2})
    story, question = draw(5)
    other = draw(0, seed=2)[1]
    state = model.initial_state(1)
    for told, asked in ((story[:3], question), ([], other), (story[3:], question)):
        rows = torch.from_numpy(reference.inputs(V, told, asked, 2))
        outputs, state, _ = model.unroll(rows[:, None], state)
        heard = story[: int(state.heard)]
        _, _, answer = reference.answer(model.config, weights(model), heard, asked)
        np.testing.assert_allclose(outputs[-1, 0].detach().numpy(), answer, atol=1e-12)
    assert int(state.heard) == 5


def test_silence_after_the_last_hop_changes_nothing() -> None:
    model = make({})
    story, question = draw(3)
    rows = torch.from_numpy(reference.inputs(V, story, question, 3 + 4))
    outputs = model.predict(rows)[:, 0].detach()
    assert torch.equal(outputs[-5:], outputs[-5:-4].expand(5, -1))


def test_a_sentence_too_many_takes_the_place_of_the_oldest() -> None:
    model = make({"ages": 50})
    story, question = draw(10)
    rows = torch.from_numpy(reference.inputs(V, story, question, 3))
    _, _, answer = reference.answer(model.config, weights(model), story[3:], question)
    np.testing.assert_allclose(model.predict(rows)[-1, 0].detach(), answer, atol=1e-12)


def test_no_parameter_depends_on_the_number_of_slots() -> None:
    model = make({})
    story, question = draw(4)
    rows = torch.from_numpy(reference.inputs(V, story, question, 3))
    few, many = (model.predict(rows[:, None], slots).detach() for slots in (4, 300))
    np.testing.assert_allclose(few, many, atol=1e-14)


@every_variant
def test_the_signature_names_every_stage_and_the_state(variant: dict[str, Any]) -> None:
    model = make(variant)
    signature, state = model.signature, model.initial_state(2, 6)
    named = model.named_state(state)
    assert list(named) == [tensor.name for tensor in signature.state]
    for name, value in signature.initial_state(2, 6).items():
        np.testing.assert_array_equal(named[name], value)
    _, _, stages = model.step(torch.zeros(2, 2 * V + 1).double(), model.state_from(named))
    for stage in signature.stages:
        shape = [6 if d == "slots" else d for d in stage.shape]
        assert list(stages[stage.name].shape) == [2, *shape], stage.name


@every_variant
def test_exported_graphs_do_what_the_model_does(variant: dict[str, Any]) -> None:
    model = make(variant).float()
    for kind in KINDS:
        graph = chunk(model.config, weights_of(model), 3, kind).SerializeToString()
        assert check(model, kind, 3, onnx_runner(graph)) < 1e-5
        module = torchscript.script(model, kind)
        assert check(model, kind, 4, torchscript.runner(module, model.signature, kind)) < 1e-5


@every_variant
def test_a_whole_story_is_one_graph(variant: dict[str, Any]) -> None:
    import onnxruntime

    model = make(variant).float()
    story, question = draw(5)
    rows = reference.inputs(V, story, question, model.config.hops).astype(np.float32)
    data = standalone(model.config, weights_of(model), len(rows), 9).SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    outputs = session.run(["outputs"], {"sequence": rows[:, None]})[0]
    _, _, answer = reference.answer(model.config, weights(model), story, question)
    np.testing.assert_allclose(outputs[-1, 0], answer, atol=1e-5)


def test_an_attention_can_be_pinned() -> None:
    model = make({"hops": 1}).float()
    story, question = draw(3)
    rows = reference.inputs(V, story, question, 1)
    pin = [{"steps": 4, "head": "read.0", "set": {"attention": np.eye(7)[1].tolist()}}]
    trace = Trace.record(model, rows, interventions=pin)
    np.testing.assert_array_equal(trace["read_weightings"][4, 0], np.eye(7)[1])
    d = model.config.d
    told = trace["memory"][4, 1, d:] + model.age[1, d:].detach().numpy()
    np.testing.assert_allclose(trace["reads"][4, 0], told, atol=1e-6)


def test_a_config_without_a_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="2 V \\+ 1"):
        MemoryNetworkConfig(input_size=8, output_size=2)
