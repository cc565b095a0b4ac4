"""The NTM wired otherwise: by default it is ntm/1, and what is exported is what it computes."""

from typing import Any

import numpy as np
import pytest
import torch

from ntm import NTM, WiredNTM, WiredNTMConfig
from ntm.architectures import catalogue
from ntm.export import torchscript
from ntm.export.check import check
from ntm.export.unrolled import chunk
from ntm.export.write import onnx_runner
from ntm.repository.checkpoint import weights_of
from tests import wired_models

every_wiring = pytest.mark.parametrize("name", wired_models.VARIANTS)


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"controller": "feedforward", "num_reads": 2, "num_writes": 2, "shift_range": 5},
        {"output": "identity", "num_reads": 2},
    ],
)
def test_by_default_it_is_ntm_1_node_for_node(sizes: dict[str, Any]) -> None:
    torch.manual_seed(0)
    plain = NTM(**wired_models.SIZES, **sizes)
    wired = WiredNTM(**wired_models.SIZES, **sizes)
    wired.load_state_dict(plain.state_dict())
    sequence = torch.randn(9, 2, 3)
    assert torch.equal(plain.predict(sequence), wired.predict(sequence))
    for kind in ("predict", "inspect"):
        graphs = [chunk(model.config, weights_of(model), 4, kind).graph for model in (plain, wired)]
        assert graphs[0].node == graphs[1].node
        assert graphs[0].initializer == graphs[1].initializer
    ours, theirs = plain.signature.model_dump(), wired.signature.model_dump()
    assert ours.pop("architecture") != theirs.pop("architecture")
    assert ours == theirs


@every_wiring
def test_its_graph_is_checked_against_it(name: str) -> None:
    model = wired_models.make(name)
    data = chunk(model.config, weights_of(model), 2, "inspect").SerializeToString()
    assert check(model, "inspect", 2, onnx_runner(data)) < 1e-5


def test_it_is_exported_to_torchscript() -> None:
    model = wired_models.make("pairs")
    module = torchscript.script(model, "inspect")
    assert check(model, "inspect", 4, torchscript.runner(module, model.signature, "inspect")) < 1e-5


@every_wiring
def test_it_starts_where_its_signature_says(name: str) -> None:
    model = wired_models.make(name)
    learned = catalogue.learned_values_of(model.config, weights_of(model))
    told = model.signature.initial_state(2, 5, learned)
    state = model.named_state(model.initial_state(2))
    assert told.keys() == state.keys()
    for tensor, value in state.items():
        np.testing.assert_allclose(told[tensor], value.detach(), atol=1e-7, err_msg=tensor)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"controller": "feedforward", "wiring": {"heads_hear": "cell"}}, "controller='lstm'"),
        ({"wiring": {"activation": "relu"}}, "an LSTM's activation is tanh"),
        ({"layers_below": (3,)}, "layers_below want"),
        ({"shift_range": 5, "wiring": {"shift": "scalar"}}, "shift_range=3"),
        ({"num_reads": 2, "wiring": {"order": "pairs"}}, "as many read heads"),
        ({"num_writes": 2, "wiring": {"previous": "read"}}, "as many read heads"),
        ({"wiring": {"first_weightings": "zero"}}, "normalisation"),
        ({"wiring": {"convolution": "zero-padded"}}, "normalisation"),
        ({"wiring": {"key": "softsign"}}, "wiring.key"),
    ],
)
def test_a_wiring_that_cannot_be_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        WiredNTMConfig(**wired_models.SIZES, **wrong)


def test_learned_starts_fix_the_number_of_slots() -> None:
    assert wired_models.make("clemkoa").config.fixed_slots == 5
    assert wired_models.make("lasagne").config.fixed_slots is None
    with pytest.raises(ValueError, match="runs only with memory_slots=5"):
        wired_models.make("clemkoa").initial_state(1, 6)
    assert wired_models.make("lasagne").predict(torch.zeros(4, 1, 3), 9).shape == (4, 1, 2)


def test_gradients_reach_every_parameter() -> None:
    model = wired_models.make("clemkoa")
    model.logits(torch.randn(4, 2, 3)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
