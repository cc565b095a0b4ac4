"""Checkpoints that others have published, on the lengths at which their errors were measured.

They are no part of this repository; `test_projects.py` covers the same code everywhere.
"""

from pathlib import Path

import pytest

from ntm.architectures import catalogue
from ntm.evaluation.measure import measure
from ntm.foreign.fitting import fitting
from ntm.foreign.sources import find
from ntm.foreign.write import checked
from ntm.tasks import Sizes
from ntm.training.recipes import Setting

GIVEN = Path(__file__).parents[4] / "shared" / "checkpoints"
COPY_OF_11 = "pytorch-ntm/copy-task-11-batch-40000.model"


@pytest.mark.parametrize(
    ("project", "file", "task", "sizes", "slots", "wrong_bits"),
    [
        ("pytorch-ntm-2017", COPY_OF_11, "copy", {"length": 20}, None, 0),
        ("pytorch-ntm-2017", COPY_OF_11, "copy", {"length": 120}, None, 0),
        ("lasagne", "ntm-lasagne/copy.npy", "copy", {"length": 10}, None, 0),
        ("lasagne", "ntm-lasagne/copy.npy", "copy", {"length": 120}, None, 0),
        ("lasagne", "ntm-lasagne/copy.npy", "copy", {"length": 200}, 256, 0),
        ("dnc-tensorflow", "mostafa-samir-dnc/model.ckpt", "copy", {"length": 12}, 15, 0),
        ("dnc-tensorflow", "mostafa-samir-dnc/model.ckpt", "copy", {"length": 20}, 30, 0),
        ("clemkoa", "clemkoa/repeat.pt", "repeat-copy", {"length": 5, "repeats": 5}, None, 0),
    ],
)
def test_its_errors_are_those_measured(
    project: str, file: str, task: str, sizes: Sizes, slots: int | None, wrong_bits: float
) -> None:
    import torch

    if not (GIVEN / file).exists():
        pytest.skip(f"{GIVEN / file} is not there")
    converted = find(project).read(GIVEN / file)
    model = catalogue.of(converted.config).model_class(converted.config).eval()
    model.load_state_dict({n: torch.from_numpy(v) for n, v in checked(converted).items()})
    known = fitting(task, converted.config.input_size, converted.config.output_size, project)
    setting = Setting(sizes=sizes, memory_slots=slots, sequences=4)
    assert measure(model, known, setting, 1).mean == pytest.approx(wrong_bits, abs=0.1)
