"""Measurements against models whose errors are known."""

from typing import Any

import numpy as np
import pytest
import torch

from ntm import NTM, seeds
from ntm.evaluation import measure as evaluation
from ntm.evaluation import report
from ntm.evaluation.measure import measure
from ntm.tasks import Copy
from ntm.training.recipes import RECIPES, Setting

TASK = Copy(bits=2)
SETTING = Setting(sizes={"length": 3}, memory_slots=5, sequences=7)


def deaf(answer: float) -> NTM:
    """A model that always says the same in every channel."""
    model = NTM(input_size=4, output_size=2, controller_size=3, N=4, M=2)
    with torch.no_grad():
        model.output.weight.zero_()
        model.output.bias.fill_(answer)
    return model.eval()


def ones_to_come(sequences: int, role: str) -> np.ndarray:
    """The ones in the answers of the sequences that a role with seed 2 draws."""
    targets = TASK.sample(seeds.generator(role, 2), sequences, length=3).targets
    return np.nansum(targets, axis=(0, 2))


@pytest.mark.parametrize("role", ["evaluation", "selection"])
def test_a_model_that_always_says_0_is_wrong_on_every_1(role: str) -> None:
    ones = ones_to_come(7, role)
    measured = measure(deaf(-9.0), TASK, SETTING, 2, role=role)
    assert measured.mean == pytest.approx(ones.mean())
    assert measured.median == np.median(ones)
    assert measured.worst == ones.max()
    assert measured.perfect == np.mean(ones == 0)
    assert (measured.sequences, measured.memory_slots, measured.seed) == (7, 5, 2)


def test_zeros_and_ones_share_all_wrong_bits() -> None:
    both = [measure(deaf(answer), TASK, SETTING, 2).mean for answer in (-9.0, 9.0)]
    assert sum(both) == pytest.approx(6.0)


def test_batches_of_any_size_draw_as_many_sequences_as_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluation, "SLOTS_PER_BATCH", 5 * 3)
    done: list[int] = []
    assert measure(deaf(0.0), TASK, SETTING, 2, advance=done.append).sequences == 7
    assert done == [3, 3, 1]


def test_measurements_come_out_as_json_and_as_a_table() -> None:
    measured = measure(deaf(-9.0), TASK, SETTING, 2)
    told: dict[str, Any] = evaluation.as_json(TASK, [measured])
    assert (told["task"], told["unit"]) == ("copy", "wrong bits a sequence")
    assert told["results"] == [measured.model_dump()]
    table = report.one_model("copy/1", told)
    cells = [next(iter(column.cells)) for column in table.columns]
    assert cells[:4] == ["length 3", "5", "7", f"{measured.mean:.2f}"]


def test_the_copy_recipe_is_measured_beyond_its_training_with_slots_to_spare() -> None:
    recipe = RECIPES["copy"]
    slots = {s.sizes["length"]: s.memory_slots for s in recipe.evaluation}
    assert slots == {1: 128, 10: 128, 20: 128, 30: 128, 50: 128, 120: 128, 1000: 1024}
    longest = recipe.make_task().sizes["length"].default
    assert all(s.sizes["length"] > longest for s in recipe.selection)
