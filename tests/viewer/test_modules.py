"""The page's pure modules under node: its sentences against the numbers of all shipped models."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ntm.repository import checkpoint, survey
from ntm.runs.trace import Trace
from tests.viewer.conftest import ROOT

VERSIONS = list(survey.models(ROOT / "models"))


def steps_of(trace: Trace) -> list[dict[str, Any]]:
    """Every head at every step, as the page's functions take it."""
    shifts = [int(shift) for shift in trace.facts["shifts"]]
    found = []
    for kind in ("read", "write"):
        weightings = trace[f"{kind}_weightings"]
        stage = {
            name: trace[f"addressing.{kind}.{name}"]
            for name in (
                *("content_weighting", "gated_weighting", "shifted_weighting"),
                *("key_strength", "gate", "shift", "sharpening"),
            )
        }
        for step, head in np.ndindex(*weightings.shape[:2]):
            start = np.eye(1, weightings.shape[-1])[0]  # all of it on slot 0
            found.append(
                {
                    "head": f"{kind}.{head}",
                    "step": step,
                    "shifts": shifts,
                    "previous": (weightings[step - 1, head] if step else start).tolist(),
                    "content": stage["content_weighting"][step, head].tolist(),
                    "gated": stage["gated_weighting"][step, head].tolist(),
                    "shifted": stage["shifted_weighting"][step, head].tolist(),
                    "weighting": weightings[step, head].tolist(),
                    "strength": float(stage["key_strength"][step, head]),
                    "gate": float(stage["gate"][step, head]),
                    "shift": stage["shift"][step, head].tolist(),
                    "sharpening": float(stage["sharpening"][step, head]),
                }
            )
    return found


def run_node(script: str, folder: Path, **environment: str) -> None:
    """Run a test of the page's modules, copied beside them, under node."""
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    # Beside a package.json every version of node takes the modules for what they are.
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copytree(ROOT / "service" / "viewer", folder / "viewer")
    copy = shutil.copy(Path(__file__).with_name(script), folder)
    done = subprocess.run(
        ["node", "--test", copy],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of every shipped NTM on an example of its task, as JSON files."""
    folder = tmp_path_factory.mktemp("runs")
    for version in VERSIONS:
        description = version.description()
        if not description.architecture.startswith("ntm/"):
            continue
        task = description.make_task()
        sizes = task.complete({})
        episode = task.sample(np.random.default_rng(1), 1, **sizes)
        slots = description.config.fixed_slots or max(64, task.slots_needed(sizes))
        trace = Trace.record(checkpoint.load(version), episode.inputs[:, 0], memory_slots=slots)
        (folder / f"{version.name}.json").write_text(json.dumps(steps_of(trace)))
    return folder


def test_a_sentence_names_what_the_numbers_name(runs: Path, tmp_path: Path) -> None:
    names = {version.name for version in VERSIONS}
    assert {"copy", "copy-feedforward", "priority-sort"} <= names
    assert len(list(runs.iterdir())) >= 6
    run_node("sentences.test.js", tmp_path, NTM_RUNS=str(runs))


def test_rows_follow_from_the_table_of_stages(tmp_path: Path) -> None:
    run_node("stages.test.js", tmp_path)


def test_numbers_are_told_and_drawn_as_what_they_are(tmp_path: Path) -> None:
    run_node("values.test.js", tmp_path)
