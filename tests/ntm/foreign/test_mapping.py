"""A map in YAML: any project's tensors by name, joined, cut, turned and reordered."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ntm.cli import application
from ntm.foreign.errors import ForeignFile
from ntm.foreign.mapping import mapped
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder
from tests import foreign_projects as projects
from tests.ntm.foreign.test_projects import outputs_of, rounded, saved

MAP = """
format: torch
preset: pytorch-ntm
sizes: {input_size: 4, output_size: 3, controller_size: 6, N: 7, M: 5, initial_memory: learned}
licence: MIT
url: https://example.org/weights
tensors:
  controller.gates.weight:
    join: [ntm.controller.lstm.weight_ih_l0, ntm.controller.lstm.weight_hh_l0]
    axis: 1
    gates: ifgo
  controller.gates.bias:
    sum: [ntm.controller.lstm.bias_ih_l0, ntm.controller.lstm.bias_hh_l0]
    gates: ifgo
  heads.linear.weight: {join: [
    {from: READ.weight, rows: [0, 6]}, {from: READ.weight, rows: [10, 11]},
    {from: READ.weight, rows: [6, 7]}, {from: READ.weight, rows: [7, 10], reverse: true},
    {from: WRITE.weight, rows: [0, 6]}, {from: WRITE.weight, rows: [10, 11]},
    {from: WRITE.weight, rows: [6, 7]}, {from: WRITE.weight, rows: [7, 10], reverse: true},
    {from: WRITE.weight, rows: [11, 21]}]}
  heads.linear.bias: {join: [
    {from: READ.bias, rows: [0, 6]}, {from: READ.bias, rows: [10, 11]},
    {from: READ.bias, rows: [6, 7]}, {from: READ.bias, rows: [7, 10], reverse: true},
    {from: WRITE.bias, rows: [0, 6]}, {from: WRITE.bias, rows: [10, 11]},
    {from: WRITE.bias, rows: [6, 7]}, {from: WRITE.bias, rows: [7, 10], reverse: true},
    {from: WRITE.bias, rows: [11, 21]}]}
  output.weight: ntm.fc.weight
  output.bias: ntm.fc.bias
  starts.memory: {from: memory.mem_bias}
  starts.reads: ntm.read0_bias
  starts.hidden: {from: ntm.controller.lstm_h_bias, reshape: [6]}
  starts.cell: {from: ntm.controller.lstm_c_bias, reshape: [6]}
""".replace("READ", "ntm.heads.0.fc_read").replace("WRITE", "ntm.heads.1.fc_write")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tensors = projects.pytorch_ntm(np.random.default_rng(4))
    return saved(tmp_path_factory.mktemp("mapped") / "a.model", tensors)


def told(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    return path


def test_a_map_says_what_a_projects_reader_does(file: Path, tmp_path: Path) -> None:
    converted, origin = mapped(file, told(tmp_path, MAP))
    assert origin["licence"] == "MIT"
    rng = np.random.default_rng(4)
    tensors = {name: rounded(value) for name, value in projects.pytorch_ntm(rng).items()}
    sequence = rng.normal(size=(7, projects.INPUTS))
    expected = projects.run_pytorch_ntm(tensors, sequence, False)
    np.testing.assert_allclose(outputs_of(converted, sequence), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("ntm.fc.bias", "ntm.fc.bios", "the file has no tensor ntm.fc.bios"),
        ("gates: ifgo", "gates: ifxo", "the letters i, f, g and o"),
        ("preset: pytorch-ntm", "preset: pytorch", "unknown preset 'pytorch'"),
        ("format: torch", "format: exe", "unknown format 'exe'"),
        ("licence: MIT", "license: MIT", "unknown field license"),
        ("M: 5,", "M: 0,", "M: Input should be greater than or equal to 1"),
        ("tensors:", "tensor:", "should have `tensors`"),
        ("{from: memory.mem_bias}", "{form: memory.mem_bias}", "expected a name, or some of"),
        ("reshape: [6]", "reshape: [5]", "reshape"),
        ("format: torch", "format: !!python/object/apply:os.getcwd []", "is not a YAML file"),
    ],
)
def test_a_map_that_does_not_fit_is_told_where(
    file: Path, tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    path = told(tmp_path, MAP.replace(old, new, 1))
    with pytest.raises(ForeignFile, match=sentence):
        mapped(file, path)


def test_the_command_writes_a_version_and_tells_of_the_licence(file: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    arguments = ["import", str(file), "--task", "copy", "--out", str(tmp_path / "models")]
    done = run(application(), [*arguments, "--from", "pytorch-ntm"])
    assert done.exit_code == 0, done.output
    assert "BSD-3-Clause" in done.output
    checkpoint.load(VersionFolder(tmp_path / "models" / "copy" / "1"))
    done = run(application(), [*arguments, "--map", str(told(tmp_path, MAP)), "--name", "mine"])
    assert done.exit_code == 0, done.output
    checkpoint.load(VersionFolder(tmp_path / "models" / "mine" / "1"))
    both = run(application(), [*arguments, "--from", "clemkoa", "--map", "map.yaml"])
    assert both.exit_code == 2
    assert "either --from PROJECT or --map FILE" in both.output
