"""Every stage of a DNC against the float64 reference, its gradients, and that it stays finite."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ntm.architectures.dnc import addressing
from ntm.architectures.dnc.config import DNCConfig
from ntm.architectures.dnc.model import DNC, DNCState
from ntm.insight import provenance
from ntm.interventions.edits import resolve
from ntm.runs.trace import Trace
from tests.ntm.architectures.dnc import reference

Array = NDArray[np.floating[Any]]
VARIANTS: list[dict[str, Any]] = [
    {},
    {"controller": "feedforward", "num_reads": 2, "usage_levels": 256},
    {"masking": True, "deallocation": True, "sharp_links": True, "num_reads": 2},
    {"layer_norm": True, "links": False, "bypass_dropout": 0.1, "output": "identity"},
    {"layer_norm": True, "masking": True, "deallocation": True, "links": False, "num_reads": 3},
]
SIZES = {"input_size": 3, "output_size": 2, "controller_size": 7, "N": 5, "W": 4}
SLOTS = 6


def make(variant: dict[str, Any]) -> DNC:
    """A model in float64 whose interface is far from its middle, so that every stage moves."""
    torch.manual_seed(0)
    model = DNC(**SIZES, **variant).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.8)
    return model


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_stage_is_the_references(variant: dict[str, Any]) -> None:
    model = make(variant)
    weights = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    sequence = np.random.default_rng(1).normal(size=(9, 3))
    expected = reference.run(model.config, weights, sequence, SLOTS)
    state: DNCState = model.initial_state(1, SLOTS)
    for x, stages in zip(torch.from_numpy(sequence), expected, strict=True):
        logits, state, recorded = model.step(x[None], state)
        recorded["output"] = model.activate(logits)
        assert len(recorded) >= 20
        for name, value in recorded.items():
            np.testing.assert_allclose(
                value[0].detach().numpy(), stages[name], rtol=1e-9, atol=1e-12, err_msg=name
            )


def test_equally_free_slots_are_taken_in_their_order() -> None:
    allocation = addressing.allocation_weighting(torch.zeros(1, 2000))
    assert allocation.argmax().item() == 0
    used = torch.ones(1, 2000)
    used[0, [700, 900]] = 0.0
    assert addressing.allocation_weighting(used).argmax().item() == 700


def test_slots_that_are_equally_free_to_a_level_are_taken_in_their_order() -> None:
    usage = torch.tensor([[0.9, 0.003, 0.001, 0.0]])
    exact, rounded = (addressing.allocation_weighting(usage, n) for n in (None, 256))
    assert (exact.argmax().item(), rounded.argmax().item()) == (3, 1)
    np.testing.assert_allclose(rounded[0, 1:3], [0.997, 0.999 * 0.003], rtol=1e-3)


def test_a_freed_slot_is_allocated_next() -> None:
    usage = torch.tensor([[1.0, 1.0, 1.0]])
    read = torch.tensor([[[0.0, 1.0, 0.0]]])
    retained = addressing.retention(torch.ones(1, 1, 1), read)
    freed = addressing.next_usage(usage, torch.zeros(1, 3), retained)
    np.testing.assert_allclose(freed, [[1, 0, 1]])
    np.testing.assert_allclose(addressing.allocation_weighting(freed), [[0, 1, 0]], atol=1e-5)


def test_links_follow_the_order_of_writing() -> None:
    link, precedence = torch.zeros(1, 4, 4), torch.zeros(1, 4)
    for slot in (2, 0, 3):
        written = torch.eye(4)[slot][None]
        link = addressing.next_link(link, precedence, written)
        precedence = addressing.next_precedence(precedence, written)
    forward, backward = addressing.follow(link, torch.eye(4)[0][None, None])
    np.testing.assert_allclose(forward[0, 0], [0, 0, 0, 1])
    np.testing.assert_allclose(backward[0, 0], [0, 0, 1, 0])


@pytest.mark.parametrize(
    "variant", [{"links": False}, {"masking": True, "sharp_links": True}], ids=str
)
def test_gradients_are_those_of_finite_differences(variant: dict[str, Any]) -> None:
    # the first step's usage is 0 and its write weighting reaches later usages undifferentiated,
    # so that one step from a state that is given has the whole gradient
    model = make(variant)
    torch.manual_seed(2)
    before = model.initial_state(1, 4)
    state = DNCState(
        *(torch.rand_like(v) / (v.shape[-1] or 1) for v in before[:-1]),  # type: ignore[arg-type]
        controller=tuple(torch.randn_like(v) for v in before.controller),
    )

    def output(x: Tensor, memory: Tensor, usage: Tensor, reads: Tensor) -> Tensor:
        logits, after, _ = model.step(x, state._replace(memory=memory, usage=usage, reads=reads))
        return torch.cat((logits.flatten(), after.memory.flatten(), after.usage.flatten()))

    inputs = (torch.randn(1, 3).double(), state.memory, state.usage, state.reads)
    assert torch.autograd.gradcheck(output, [v.clone().requires_grad_() for v in inputs])


@pytest.mark.parametrize("variant", VARIANTS[2:3], ids=str)
def test_ten_thousand_steps_at_extreme_interfaces_stay_finite(variant: dict[str, Any]) -> None:
    torch.manual_seed(3)
    model = DNC(DNCConfig(**SIZES, **variant)).eval()
    with torch.no_grad():
        model.interface.linear.weight.mul_(60)
        state = model.initial_state(1)
        for x in torch.randn(10_000, 1, 3) * 5:
            output, state = model(x, state)
            assert torch.isfinite(output).all()
    assert all(torch.isfinite(v).all() for v in (*state[:-1], *state.controller))
    assert state.usage.min() >= 0
    assert state.usage.max() <= 1 + 1e-5


def test_gradients_through_a_zero_memory_are_finite() -> None:
    model = DNC(**SIZES, masking=True, deallocation=True, sharp_links=True)
    model.logits(torch.zeros(12, 2, 3)).square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_no_parameter_depends_on_the_number_of_slots() -> None:
    model = DNC(**SIZES)
    assert (
        model.logits(torch.randn(4, 1, 3), 3).shape == model.logits(torch.randn(4, 1, 3), 40).shape
    )


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_signature_names_every_stage_and_the_state(variant: dict[str, Any]) -> None:
    model = make(variant)
    signature, state = model.signature, model.initial_state(2, SLOTS)
    named = model.named_state(state)
    assert list(named) == [tensor.name for tensor in signature.state]
    for name, value in signature.initial_state(2, SLOTS).items():
        np.testing.assert_array_equal(named[name], value)
    _, _, stages = model.step(torch.zeros(2, 3).double(), model.state_from(named))
    for stage in signature.stages:
        shape = [SLOTS if d == "slots" else d for d in stage.shape]
        assert list(stages[stage.name].shape) == [2, *shape], stage.name


def test_a_run_is_recorded_and_a_gate_can_be_pinned() -> None:
    model = make({}).float()
    sequence = np.random.default_rng(4).normal(size=(7, 3))
    shut = [{"steps": "3:", "head": "write.0", "set": {"write_gate": 0}}]
    free, pinned = (
        Trace.record(model, sequence, memory_slots=SLOTS, interventions=items)
        for items in ([], shut)
    )
    np.testing.assert_array_equal(free["outputs"][:3], pinned["outputs"][:3])
    assert not pinned["write_weightings"][3:].any()
    assert free["write_weightings"][3:].any()
    np.testing.assert_array_equal(pinned["memory"][3], pinned["memory"][2])


def brute_force(
    trace: Trace, step: int, head: int, source: int, edited: int | None = None
) -> Array:
    """What a read gets of one step's write, walked forward slot by slot from that write on."""
    memory = np.zeros_like(trace["memory"][0], np.float64)
    wipes = "writes.retention" in trace and trace.facts["wipes"]
    for t in range(source, step + 1):
        written, erase = trace["write_weightings"][t, 0], trace["writes.erase"][t, 0]
        if t == edited:
            memory[1] = 0
        for slot, weight in enumerate(written):
            if wipes:
                memory[slot] *= trace["writes.retention"][t, slot]
            memory[slot] *= 1 - weight * erase
            if t == source:
                memory[slot] += weight * trace["writes.add"][t, 0]
    read: Array = trace["read_weightings"][step, head] @ memory
    return read


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("edited", [None, 0, 3])
@pytest.mark.parametrize("step", [0, 7])
def test_the_parts_of_a_read_are_those_of_brute_force(
    variant: dict[str, Any], edited: int | None, step: int
) -> None:
    model = make(variant).float()
    items = [] if edited is None else [{"steps": edited, "slot": 1, "set": {"memory": 2}}]
    edits = resolve(items, model.signature, 8, SIZES["N"])
    sequence = np.random.default_rng(5).normal(size=(8, 3))
    recorded = Trace.record(model, sequence, interventions=items)
    trace = Trace({**recorded.facts, "wipes": model.config.deallocation}, recorded.arrays)
    written = model.signature.written
    assert written is not None
    for head in range(model.config.num_reads):
        told = provenance(
            trace.arrays, step, head, written=written, reads_see="after",
            edits=lambda t: edits.state(t).get("memory") if edits.changes_state[t] else None,
        )  # fmt: skip
        np.testing.assert_allclose(told.read, trace["reads"][step, head], atol=1e-5)
        writes = [part for part in told.parts if part.kind == "write"]
        assert sorted(part.step for part in writes if part.step is not None) == [*range(step + 1)]
        for part in writes:
            assert part.step is not None
            expected = brute_force(trace, step, head, part.step, edited)
            if edited is not None and part.step < edited <= step:
                assert not np.allclose(expected, brute_force(trace, step, head, part.step))
            np.testing.assert_allclose(part.vector, expected, atol=1e-6)
        kinds = [part.kind for part in told.parts if part.kind != "write"]
        set_by_then = edited is not None and edited <= step
        assert sorted(kinds) == ["initial", "intervention"][: 1 + set_by_then]
        initial = next(part for part in told.parts if part.kind == "initial")
        np.testing.assert_allclose(initial.vector, 0, atol=1e-6)


def test_its_reads_are_not_split_as_those_of_the_memory_before_the_write() -> None:
    trace = Trace.record(make({}).float(), np.random.default_rng(5).normal(size=(6, 3)))
    with pytest.raises(ValueError, match="do not add up to the read"):
        provenance(trace.arrays, 5)
