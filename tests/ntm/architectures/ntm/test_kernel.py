"""The compiled step against the float64 reference of the paper, for sizes of every kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm import NTM
from ntm.architectures import kernels
from ntm.architectures.ntm.kernel import buffers
from ntm.architectures.ntm.kernel.weights import form_of, pack
from ntm.architectures.ntm.signature import signature
from tests import random_models, reference


def native(model: NTM, x: np.ndarray, slots: int, compiled: Path) -> Any:
    """The record of a run of [T, B, I] from the initial state."""
    named = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    form, weights = form_of(model.config), pack(model.config, named)
    learned = {"learned_memory": named["learned_memory"]} if "learned_memory" in named else None
    start = model.initial_state(x.shape[1], slots)
    told = dict(zip(("hidden", "cell"), start.controller, strict=False))
    state = {
        "memory": start.memory,
        "read_weightings": start.read_weightings,
        "write_weightings": start.write_weightings,
        "reads": start.reads,
        **told,
    }
    assert set(state) == {tensor.name for tensor in signature(model.config).state}
    assert learned is None or model.config.initial_memory == "learned"
    carried = buffers.carried(
        {name: value.detach().numpy().astype(np.float32) for name, value in state.items()}, form
    )
    shape = (len(x), x.shape[1], slots)
    record = buffers.empty_record(form, weights, shape, weightings=True, inside=True)
    walk = kernels.load(compiled).walk
    room = buffers.scratch(form, weights, slots)
    lengths, order = np.full(x.shape[1], len(x)), np.arange(x.shape[1])
    walk(x, lengths, order, form, weights, carried, record, buffers.no_pins(), room)
    return record


def agrees(model: NTM, x: np.ndarray, slots: int, compiled: Path, atol: float = 2e-5) -> None:
    """Every row of outputs and every stage of addressing are those of the reference."""
    record = native(model, x, slots, compiled)
    for row in range(x.shape[1]):
        steps = reference.run(
            model.config, random_models.weights_of(model), x[:, row].astype(float), slots
        )
        for t, step in enumerate(steps):
            np.testing.assert_allclose(record.outputs[t, row], step.output, atol=atol)
            np.testing.assert_allclose(
                record.weighting[t, row], step.state.weightings, atol=atol, err_msg=f"step {t}"
            )
            np.testing.assert_allclose(
                record.content[t, row], step.stages["content_weighting"], atol=atol
            )
            np.testing.assert_allclose(
                record.gated[t, row], step.stages["gated_weighting"], atol=atol
            )
            np.testing.assert_allclose(
                record.shifted[t, row], step.stages["shifted_weighting"], atol=atol
            )
            np.testing.assert_allclose(record.reads[t, row], step.state.reads.ravel(), atol=atol)


@random_models.every_variant
def test_every_wiring(variant: dict[str, Any], compiled: Path) -> None:
    model = random_models.make(dtype=torch.float32, **variant)
    x = random_models.draw(model).numpy()
    agrees(model, x, model.config.N, compiled)


@settings(max_examples=30)
@given(
    sizes=st.fixed_dictionaries(
        {
            "input_size": st.integers(1, 9),
            "output_size": st.integers(1, 9),
            "controller": st.sampled_from(["lstm", "feedforward"]),
            "controller_size": st.integers(1, 33),
            "N": st.integers(1, 70),
            "M": st.integers(1, 21),
            "num_reads": st.integers(1, 5),
            "num_writes": st.integers(1, 4),
            "shift_range": st.sampled_from([3, 5, 7]),
        }
    ),
    seed=st.integers(0, 2**31),
)
def test_random_sizes(sizes: dict[str, Any], seed: int, compiled: Path) -> None:
    model = random_models.make(seed=seed, scale=1.5, dtype=torch.float32, **sizes)
    x = random_models.draw(model, steps=4, batch=2, seed=seed).numpy()
    agrees(model, x, sizes["N"], compiled, atol=1e-4)


@pytest.mark.parametrize("sharpening", [1.0, 20.0, 100.0])
def test_sharp_and_diffuse_weightings_over_zero_memory_stay_finite(
    sharpening: float, compiled: Path
) -> None:
    model = random_models.make(dtype=torch.float32, N=64)
    with torch.no_grad():
        model.heads.linear.bias.view(-1)[: 2 * 9].view(2, 9)[:, 5] += sharpening - 1
    x = np.zeros((200, 1, 3), np.float32)
    record = native(model, x, 64, compiled)
    for values in record:
        assert np.isfinite(values).all()
    np.testing.assert_allclose(record.weighting.sum(axis=-1, dtype=float), 1, atol=1e-5)


def test_ten_thousand_steps_do_not_drift(compiled: Path) -> None:
    model = random_models.make(dtype=torch.float32, scale=1.0, N=32, M=8)
    x = random_models.draw(model, steps=10_000, batch=1).numpy()
    record = native(model, x, 32, compiled)
    with torch.inference_mode():
        expected = model.unroll(torch.from_numpy(x), record="addressing")
    assert expected.record is not None
    np.testing.assert_allclose(record.outputs, expected.outputs.numpy(), atol=1e-4)
    np.testing.assert_allclose(record.weighting, expected.record.weighting.numpy(), atol=1e-4)


def test_what_was_loaded_takes_no_other_types(compiled: Path) -> None:
    kernel = kernels.load(compiled)
    for function in kernel.functions:
        with pytest.raises(TypeError, match="No matching definition"):
            function(*[np.zeros(1)] * len(function.signatures[0]))
        assert len(function.signatures) == 1


def test_what_an_image_has_compiled_is_taken(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not kernels.is_ready(tmp_path)
    monkeypatch.setattr(kernels, "BROUGHT", compiled)
    assert kernels.is_ready(tmp_path)
    kernels.take_brought(kernels.folder_for(tmp_path))
    monkeypatch.undo()
    assert kernels.is_ready(tmp_path)
    assert kernels.seconds_taken(tmp_path) == kernels.seconds_taken(compiled) is not None


def test_a_processor_can_be_named(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = kernels.folder_for(compiled)
    monkeypatch.setenv("NUMBA_CPU_NAME", "x86-64-v3")
    assert kernels.processor() == ("x86-64-v3", "")
    assert kernels.folder_for(compiled) != own
