"""A whole sequence in one file is checked on what its model is made for, over hundreds of steps."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from typer.testing import CliRunner

from ntm import seeds
from ntm.cli import application
from ntm.export import whole_sequence, write
from ntm.export.check import ExportError
from ntm.export.unrolled import standalone
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder, find
from ntm.tasks import TASKS, Copy, PrioritySort, Task
from tests import small_models, small_unknown_task
from tests.command_line import ROOT, ntm

MODELS = ROOT / "models"


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("copy-feedforward", {"length": 63}), ("repeat-copy", {}), ("associative-recall", {})],
)
def test_a_sound_graph_is_written(name: str, sizes: dict[str, int], tmp_path: Path) -> None:
    version, out = find(MODELS / name), tmp_path / "whole.onnx"
    task = version.description().make_task()
    assert task is not None
    episode = task.sample(seeds.generator("example", 1), 1, **sizes)
    steps = len(episode.inputs)
    done = write.export_standalone(version, steps, None, out)
    assert done.steps == steps
    assert done.difference < 1e-3
    (outputs,) = onnxruntime.InferenceSession(out).run(["outputs"], {"sequence": episode.inputs})
    assert task.error(outputs, episode.targets)[0] == 0


def spoiled(tensor: str) -> Any:
    """A `standalone` that gets the numbers of one tensor slightly wrong."""

    def wrong(config: Any, weights: Any, steps: int, slots: int) -> onnx.ModelProto:
        graph = standalone(config, weights, steps, slots)
        found = next(t for t in graph.graph.initializer if t.name == tensor)
        value = numpy_helper.to_array(found).copy()
        value += np.float32(1e-3)
        found.CopyFrom(numpy_helper.from_array(value, tensor))
        return graph

    return wrong


@pytest.mark.parametrize("tensor", ["controller_weight", "heads_bias", "output_weight"])
def test_a_graph_with_wrong_numbers_is_refused(
    tensor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "standalone", spoiled(tensor))
    out = tmp_path / "whole.onnx"
    with pytest.raises(ExportError, match=r"differs from the model in \w+ by .* at step \d+"):
        write.export_standalone(find(MODELS / "copy-feedforward"), 128, None, out)
    assert not out.exists()


@pytest.mark.parametrize("lie", [1e-3, 0.6, np.nan])
@pytest.mark.parametrize("step", [0, 90])
@pytest.mark.parametrize("tensor", ["outputs", "read_weightings", "write_weightings"])
def test_one_wrong_step_is_found(tensor: str, step: int, lie: float) -> None:
    model, rows = checkpoint.load(find(MODELS / "copy")), whole_sequence.sequences(Copy(), 10, 100)
    actual = whole_sequence.eager(model, rows, 64)
    assert whole_sequence.compare(model, rows, 64, actual) == (0.0, 100)
    actual[tensor][step, 1, 0] += lie
    with pytest.raises(ExportError, match=rf"in {tensor} by .* at step {step}$"):
        whole_sequence.compare(model, rows, 64, actual)


def test_only_steps_are_compared_at_which_float32_is_itself() -> None:
    """Sorting 277 numbers with 64 slots, far beyond what it learnt, any two runs part."""
    model = checkpoint.load(find(MODELS / "priority-sort"))
    rows = whole_sequence.sequences(PrioritySort(), 10, 500)
    actual = whole_sequence.eager(model, rows, 64)
    steps = whole_sequence.compare(model, rows, 64, actual).steps
    assert 100 < steps < 500
    actual["outputs"][steps:] = np.nan
    assert whole_sequence.compare(model, rows, 64, actual).steps == steps


def test_the_command_says_how_many_steps_could_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_sequence, "TRUSTED", 1e-3)
    command = ["export", str(MODELS / "priority-sort"), "--steps", "40", "--out"]
    done = CliRunner().invoke(application(), [*command, str(tmp_path / "whole.onnx")])
    assert done.exit_code == 0, done.output
    assert "of 40 steps, after which float32 is too coarse" in done.stderr


# but for stories, whose lengths are random
@pytest.mark.parametrize("task", [TASKS[n]() for n in sorted({*TASKS} - {"babi"})], ids=str)
@pytest.mark.parametrize("steps", [1, 42, 300])
def test_examples_are_as_short_as_can_be(task: Task, steps: int) -> None:
    rows = whole_sequence.sequences(task, task.input_size, steps)
    assert rows.shape == (steps, whole_sequence.BATCH, task.input_size)
    sizes = whole_sequence.sizes_for(task, steps)
    length = len(task.sample(np.random.default_rng(1), 1, **sizes).inputs)
    assert steps <= length <= max(2 * steps, 60)


def test_a_task_whose_examples_are_short_gives_several() -> None:
    task, most = PrioritySort(), 0
    sizes = {name: size.high for name, size in task.sizes.items()}
    most = len(task.sample(np.random.default_rng(1), 1, **sizes).inputs)
    rows = whole_sequence.sequences(task, task.input_size, most + 9)
    assert rows.shape[0] == most + 9
    assert rows[most:].any()


def test_a_model_of_an_unknown_task_is_checked_on_noise(tmp_path: Path) -> None:
    version = small_unknown_task.build(tmp_path)
    done = write.export_standalone(version, 50, None, tmp_path / "whole.onnx")
    assert done.difference < 1e-4


def test_a_learned_memory_has_its_own_slots_only(tmp_path: Path) -> None:
    version: VersionFolder = small_models.save(tmp_path, "learned")
    out = tmp_path / "whole.onnx"
    refused = ntm("export", version.path, "--steps", "4", "--out", out, "--memory-slots", "9")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "runs only with 7 memory slots, got 9" in refused.stderr
