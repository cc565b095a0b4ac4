"""`ntm trace`: a run in a file, the same with interventions, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import reference
from tests.command_line import ROOT, ntm

COPY = ROOT / "models" / "copy"


def trace(out: Path, *options: str) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """The facts and arrays of a file that the command wrote."""
    done = ntm("trace", COPY, "--length", "5", "--out", out, *options)
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout
    with np.load(out, allow_pickle=False) as archive:
        tensors = {name: archive[name] for name in archive.files}
    return json.loads(str(tensors.pop("facts"))), tensors


def test_every_stage_is_in_the_file(tmp_path: Path) -> None:
    facts, tensors = trace(tmp_path / "trace.npz")
    assert facts["steps"] == 12
    assert facts["interventions"] == []
    read = {n.rpartition(".")[2]: v for n, v in tensors.items() if n.startswith("addressing.read.")}
    previous = np.eye(128)[0]
    for t in range(12):
        expected = reference.address(
            tensors["memory"][t],
            read["key"][t, 0],
            read["key_strength"][t, 0],
            read["gate"][t, 0],
            read["shift"][t, 0],
            read["sharpening"][t, 0],
            previous,
        )
        previous = tensors["read_weightings"][t, 0]
        np.testing.assert_allclose(previous, expected[3], atol=1e-4)
    answered = ~np.isnan(tensors["target"])
    bits = tensors["outputs"] > 0.5
    assert (bits[answered] == tensors["target"][answered]).all()


def test_interventions_come_as_text_or_as_a_file(tmp_path: Path) -> None:
    items = [
        {"steps": "6:", "head": "read.0", "set": {"weighting": "zero"}},
        {"steps": 2, "set": {"input": [1] * 10}},
    ]
    (tmp_path / "pins.json").write_text(json.dumps(items))
    facts, tensors = trace(tmp_path / "a.npz", "--interventions", str(tmp_path / "pins.json"))
    assert facts["interventions"] == items
    assert (tensors["reads"][6:] == 0).all()
    assert (tensors["inputs"][2] == 1).all()
    given = ntm("predict", COPY.name, "--models", COPY.parent, "--length", "5",
                "--interventions", json.dumps(items[:1]))  # fmt: skip
    assert given.returncode == 0
    assert " 0 wrong bits" not in given.stdout
    assert "wrong bits" in given.stdout


@pytest.mark.parametrize("command", [("trace", COPY), ("predict", "copy")])
def test_one_that_does_not_fit_is_named(command: tuple[str | Path, ...]) -> None:
    done = ntm(*command, "--interventions", '[{"steps": 3, "set": {}}]')
    assert done.returncode == 2
    assert "interventions[0].set should have one of" in " ".join(done.stderr.split())
