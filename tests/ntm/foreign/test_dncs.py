"""Other projects' DNCs become models that compute what those projects' equations say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ntm import DNC, WiredDNC
from ntm.architectures.dnc.wired.config import PRESETS
from ntm.export.check import check
from ntm.export.unrolled import chunk
from ntm.export.write import onnx_runner
from ntm.foreign.converted import Converted
from ntm.foreign.errors import ForeignFile
from ntm.foreign.sources import find
from ntm.foreign.write import checked
from ntm.repository.checkpoint import weights_of
from tests import foreign_dncs as dncs
from tests.ntm.foreign.test_projects import outputs_of, rounded, saved

SLOTS = 6


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def exported(converted: Converted) -> None:
    """Its graph gives what the model does; loud where it does not."""
    model = WiredDNC(converted.config.model_copy(update={"usage_levels": 256})).eval()
    model.load_state_dict({n: torch.from_numpy(v) for n, v in checked(converted).items()})
    data = chunk(model.config, weights_of(model), 1, "inspect").SerializeToString()
    check(model, "inspect", 1, onnx_runner(data))


@pytest.mark.parametrize("save", [dncs.save_version_1, dncs.save_version_2])
def test_dnc_tensorflow(
    tmp_path: Path, rng: np.random.Generator, save: Callable[[Path, dncs.Tensors], Path]
) -> None:
    tensors = {name: rounded(value) for name, value in dncs.dnc_tensorflow(rng).items()}
    extra = {"controller/layer1_W/RMSProp": np.zeros(3)}
    converted = find("dnc-tensorflow").read(save(tmp_path / "model.ckpt", tensors | extra))
    sequence = rng.normal(size=(6, dncs.INPUTS))
    expected = dncs.run_dnc_tensorflow(tensors, sequence, SLOTS)
    np.testing.assert_allclose(outputs_of(converted, sequence, SLOTS), expected, atol=1e-6)
    assert converted.with_slots(SLOTS).config.N == SLOTS
    exported(converted)


@pytest.mark.parametrize("apart", [False, True])
def test_pytorch_dnc(tmp_path: Path, rng: np.random.Generator, apart: bool) -> None:
    tensors = {name: rounded(value) for name, value in dncs.pytorch_dnc(rng, apart).items()}
    converted = find("pytorch-dnc").read(saved(tmp_path / "a.pt", tensors))
    sequence = rng.normal(size=(6, dncs.INPUTS))
    expected = dncs.run_pytorch_dnc(tensors, sequence, SLOTS)
    np.testing.assert_allclose(outputs_of(converted, sequence, SLOTS), expected, atol=1e-4)
    exported(converted)


def test_what_is_wired_yet_otherwise_is_refused_by_name(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    tensors = dncs.pytorch_dnc(rng, False) | {"lstm_layer_0.weight_ih_l1": np.zeros(2)}
    with pytest.raises(ForeignFile, match="num_hidden_layers=1 is read"):
        find("pytorch-dnc").read(saved(tmp_path / "a.pt", tensors))
    file = dncs.save_version_1(tmp_path / "b.ckpt", {"controller/lstm": np.zeros(2)})
    with pytest.raises(ForeignFile, match="two layers of relu"):
        find("dnc-tensorflow").read(file)


def test_damaged_tables_are_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    whole = dncs.save_version_1(tmp_path / "a.ckpt", dncs.dnc_tensorflow(rng)).read_bytes()
    broken = tmp_path / "broken.ckpt"
    for data in (b"", whole[:100], whole[:-1], whole[-48:], b"\xff" * 500 + whole[-48:]):
        broken.write_bytes(data)
        with pytest.raises(ForeignFile, match="no whole TensorFlow checkpoint"):
            find("dnc-tensorflow").read(broken)
    index = dncs.save_version_2(tmp_path / "b", {"controller/layer1_W": np.zeros(9)})
    index.with_name("b.data-00000-of-00001").write_bytes(b"short")
    with pytest.raises(ForeignFile, match="beyond the end of the data file"):
        find("dnc-tensorflow").read(index)


def test_by_default_dnc_2_is_dnc_1_node_for_node() -> None:
    sizes = {"input_size": 3, "output_size": 2, "controller_size": 5, "N": 6, "W": 4}
    torch.manual_seed(0)
    plain, wired = DNC(**sizes), WiredDNC(**sizes)
    assert wired.config.wiring == PRESETS["dnc/1"]
    wired.load_state_dict(plain.state_dict())
    sequence = torch.randn(7, 2, 3)
    assert torch.equal(plain.predict(sequence), wired.predict(sequence))
    graphs = [
        chunk(model.config, weights_of(model), 2, "inspect").graph for model in (plain, wired)
    ]
    assert graphs[0].node == graphs[1].node
    assert graphs[0].initializer == graphs[1].initializer


@pytest.mark.parametrize("wrong", [{"layers_below": (3,)}, {"wiring": {"activation": "relu"}}])
def test_an_lstm_has_no_layers_below_and_no_other_activation(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="an LSTM's activation is tanh"):
        WiredDNC(input_size=1, output_size=1, **wrong)
