"""Reading, erasing and adding: closed forms, and properties that hold for all arguments."""

import numpy as np
import torch
from hypothesis import given
from torch.testing import assert_close

from ntm import NTMMemory
from ntm.architectures.ntm.memory import add, erase, read
from tests import reference
from tests.drawing import tensors, weightings, writes

Write = dict[str, torch.Tensor]
MEMORY = NTMMemory(N=3, M=2)
MATRIX = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
ON_SLOT_1 = torch.tensor([[[0.0, 1.0, 0.0]]])
ALL, NOTHING = torch.ones(1, 1, 2), torch.zeros(1, 1, 2)


def test_a_new_memory_is_constant_and_has_the_asked_shape_and_type() -> None:
    initial = NTMMemory(N=4, M=3).initial(2, torch.float64)
    assert torch.equal(initial, torch.full((2, 4, 3), 1e-6, dtype=torch.float64))


def test_a_focused_head_reads_its_slot() -> None:
    assert torch.equal(read(MATRIX, ON_SLOT_1), torch.tensor([[[3.0, 4.0]]]))


def test_a_diffuse_head_reads_the_mean_of_the_slots() -> None:
    assert_close(read(MATRIX, torch.full((1, 1, 3), 1 / 3)), torch.tensor([[[3.0, 4.0]]]))


@given(tensors(-10, 10, 2, 4, 3), weightings(2, 2, 4))
def test_what_is_read_lies_between_the_least_and_the_greatest_slot(
    memory: torch.Tensor, weighting: torch.Tensor
) -> None:
    r = MEMORY.read(memory, weighting)
    assert r.shape == (2, 2, 3)
    assert bool((r >= memory.amin(1, keepdim=True) - 1e-5).all())
    assert bool((r <= memory.amax(1, keepdim=True) + 1e-5).all())


def test_erasing_everything_at_one_slot_leaves_the_others() -> None:
    expected = torch.tensor([[[1.0, 2.0], [0.0, 0.0], [5.0, 6.0]]])
    assert torch.equal(erase(MATRIX, ON_SLOT_1, ALL), expected)


def test_a_half_erase_by_a_half_focus_leaves_three_quarters() -> None:
    half = torch.tensor([[[0.5, 0.5, 0.0]]])
    expected = MATRIX * torch.tensor([[[0.75], [0.75], [1.0]]])
    assert torch.equal(erase(MATRIX, half, ALL / 2), expected)


def test_erasing_acts_on_each_column_by_itself() -> None:
    expected = torch.tensor([[[1.0, 2.0], [3.0, 0.0], [5.0, 6.0]]])
    assert torch.equal(erase(MATRIX, ON_SLOT_1, torch.tensor([[[0.0, 1.0]]])), expected)


def test_erasing_nothing_and_adding_nothing_changes_nothing() -> None:
    assert torch.equal(MEMORY.write(MATRIX, ON_SLOT_1, NOTHING, NOTHING), MATRIX)


def test_adding_puts_the_vector_where_the_head_looks() -> None:
    expected = torch.tensor([[[1.0, 2.0], [3.5, 3.5], [5.0, 6.0]]])
    assert torch.equal(add(MATRIX, ON_SLOT_1, torch.tensor([[[0.5, -0.5]]])), expected)


def test_a_slot_that_is_erased_and_written_holds_just_what_was_added() -> None:
    vector = torch.tensor([[[0.5, -0.5]]])
    written = MEMORY.write(MATRIX, ON_SLOT_1, ALL, vector)
    assert torch.equal(written[0, 1], vector[0, 0])
    other_order = erase(add(MATRIX, ON_SLOT_1, vector), ON_SLOT_1, ALL)
    assert torch.equal(other_order[0, 1], torch.zeros(2))


@given(writes())
def test_erase_then_add_differs_from_add_then_erase_by_the_erased_part_of_what_was_added(
    arguments: Write,
) -> None:
    memory, weighting, erased, added = arguments.values()
    ours = MEMORY.write(memory, weighting, erased, added)
    other_order = erase(add(memory, weighting, added), weighting, erased)
    what_was_added = add(torch.zeros_like(memory), weighting, added)
    lost = what_was_added - erase(what_was_added, weighting, erased)
    assert_close(ours - other_order, lost, rtol=0, atol=1e-4)


def test_one_head_does_not_erase_what_another_adds_in_the_same_step() -> None:
    both = ON_SLOT_1.expand(1, 2, 3)
    erasing_second = torch.stack((NOTHING[0], ALL[0]), dim=1)
    adding_first = torch.stack((ALL[0], NOTHING[0]), dim=1)
    written = MEMORY.write(MATRIX, both, erasing_second, adding_first)
    assert torch.equal(written[0, 1], torch.ones(2))


@given(writes())
def test_writing_is_that_of_the_reference(arguments: Write) -> None:
    written = MEMORY.write(*(t.double() for t in arguments.values()))
    for row, *of_row in zip(written, *arguments.values(), strict=True):
        expected = reference.write(*(t.double().numpy() for t in of_row))
        np.testing.assert_allclose(row.numpy(), expected, 0, 1e-12)


@given(writes())
def test_the_order_of_the_heads_does_not_matter(arguments: Write) -> None:
    memory, *heads = arguments.values()
    reversed_heads = MEMORY.write(memory, *(t.flip(1) for t in heads))
    assert_close(reversed_heads, MEMORY.write(memory, *heads), rtol=0, atol=1e-5)


@given(writes())
def test_writing_leaves_the_old_memory_as_it_was(arguments: Write) -> None:
    before = arguments["memory"].clone()
    MEMORY.write(*arguments.values())
    assert torch.equal(arguments["memory"], before)
