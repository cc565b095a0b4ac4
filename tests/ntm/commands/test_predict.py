"""`ntm predict`: the same with and without torch, in memory that does not grow with the square."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ntm import seeds
from ntm.repository.folders import RepositoryError, VersionFolder
from ntm.runs.eager import EagerModel
from ntm.runs.exported import ExportedModel
from ntm.signature import Signature
from ntm.terminal import Focus
from tests import small_models
from tests.command_line import ENVIRONMENT, ROOT, ntm
from tests.service.test_without_torch import ABSENT

MODELS = ROOT / "models"
MAIN = "from ntm.cli import main\nmain()"
PEAK = (
    "import atexit, pathlib\n"
    "status = pathlib.Path('/proc/self/status')\n"
    "atexit.register(lambda: print(status.read_text()))\n"
)
NO_TORCH = "import atexit, sys\natexit.register(lambda: print('torch' in sys.modules))\n"
GATE = '[{"steps": 20, "head": "read.0", "set": {"gate": 1}}]'


def start(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, after some code."""
    return subprocess.run(
        [sys.executable, "-c", code + MAIN, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("options", [(), ("--show",), ("--interventions", GATE)])
def test_torch_is_not_needed_where_it_is_missing(options: tuple[str, ...]) -> None:
    command = ("predict", "copy", "--models", MODELS, "--length", "12", *options)
    done = start(ABSENT + NO_TORCH, *command)
    assert done.returncode == 0, done.stderr
    *lines, imported = done.stdout.splitlines()
    assert imported == "False"
    assert lines == ntm(*command).stdout.splitlines()
    assert lines[-1].startswith("copy/1 length 12, 128 slots: ")


def test_what_is_not_exported_needs_torch_or_an_export(tmp_path: Path) -> None:
    version = small_models.save(tmp_path, "copy")
    refused = start(ABSENT, "predict", version.path)
    assert refused.returncode == 1
    assert "the model is not exported yet (ntm export)" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert ntm("predict", version.path).returncode == 0


def edits(signature: Signature) -> list[dict[str, Any]]:
    """Interventions of every kind: stages, a weighting that goes on from zero, input, memory."""
    shift = [0.0] * (len(signature.shifts) - 1) + [1.0]
    return [
        {"steps": "4:9", "head": "read.0", "set": {"gate": 0.5, "shift": shift}},
        {"steps": "2:5", "head": "write.0", "set": {"weighting": "zero"}},
        {"steps": 3, "set": {"input": [1, 0, 1, 0, 0, 1]}},
        {"steps": 7, "slot": 2, "set": {"memory": [0.25] * signature.memory_width}},
    ]


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("name", sorted(small_models.MODELS))
def test_graphs_give_what_the_model_gives(repository: Path, name: str, edited: bool) -> None:
    version = VersionFolder(repository / name / "1")
    eager, exported = EagerModel(version), ExportedModel(version)
    signature = exported.signature
    items = edits(signature) if edited else []
    sequence = np.random.default_rng(3).random((39, signature.input_size), np.float32)
    slots = signature.memory_slots
    for model in (eager, exported):
        assert np.array_equal(*(model.predict(sequence, slots, items, o) for o in (None, len)))
    expected, actual = (observed(model, sequence, slots, items) for model in (eager, exported))
    for name, value in expected.items():
        assert value.shape == actual[name].shape
        assert np.abs(value - actual[name]).max() < 1e-4


def observed(model: Any, sequence: Any, slots: int, items: list[Any]) -> dict[str, Any]:
    """The outputs and the weightings of all chunks."""
    chunks: list[dict[str, Any]] = []
    outputs = model.predict(sequence, slots, items, chunks.append)
    sides = {side: np.concatenate([chunk[side] for chunk in chunks]) for side in chunks[0]}
    assert len(sides["read_weightings"]) == len(outputs)
    return {"outputs": outputs, **sides}


def peak(*arguments: str | Path) -> float:
    """Megabytes that a command took at most."""
    done = start(PEAK, *arguments)
    assert done.returncode == 0, done.stderr
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert found
    return int(found[1]) / 1e3


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("exported", [True, False])
def test_memory_grows_with_the_outputs_only(exported: bool, tmp_path: Path) -> None:
    folder, options = MODELS / "copy", ("--show",)
    if not exported:
        (tmp_path / "copy" / "1").mkdir(parents=True)
        for name in ("config.json", "model.safetensors"):
            (tmp_path / "copy" / "1" / name).write_bytes((folder / "1" / name).read_bytes())
        folder = tmp_path / "copy"
    short = peak("predict", folder, "--length", "100", *options)
    long = peak("predict", folder, "--length", "400", *options)
    assert long < short + 15  # a record of every stage takes some 150


def test_a_damaged_graph_is_told_by_its_name(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository / "copy" / "1", tmp_path / "copy" / "1")
    version = VersionFolder(tmp_path / "copy" / "1")
    graph = version.onnx / "predict_1.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    with pytest.raises(RepositoryError, match=r"predict_1\.onnx differs from its SHA-256"):
        ExportedModel(version)
    assert ntm("predict", version.path).returncode == 0, "torch runs it all the same"


def test_a_learned_memory_keeps_its_slots(repository: Path) -> None:
    learned = repository / "learned"
    for command in (("predict", learned), ("trace", learned, "--out", "/dev/null")):
        done = ntm(*command, "--length", "30")
        assert done.returncode == 0, done.stderr
        assert "length 30, 7 slots" in done.stdout
        refused = ntm(*command, "--memory-slots", "9")
        assert refused.returncode == 2
        assert "runs only with 7 slots, got 9" in " ".join(refused.stderr.split())


def test_nothing_is_kept_of_slots_that_nobody_looks_at() -> None:
    focus, rng = Focus(), seeds.generator("example", 1)
    for _ in range(50):
        focus.add(rng.dirichlet(np.ones(1000), size=16).astype(np.float32))
    assert focus.shown().shape == (800, 0)
