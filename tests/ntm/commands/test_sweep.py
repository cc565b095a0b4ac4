"""A sweep with Optuna itself: what it tries, what it goes on from, and what it refuses."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ntm.cli import application
from ntm.tasks import SourceError, origin
from ntm.training.sweep import parse, suggest
from tests import own_task

optuna = pytest.importorskip("optuna")
TINY = ("--data", "pairs.npz", "--architecture", "lstm", "--layers", "1", "--updates", "1")
SPACES = ("--vary", "learning-rate=1e-4..1e-2", "--vary", "controller-size=3,4")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of somebody, which is the current one, with data in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(origin, "_named", [])
    own_task.write_pairs(tmp_path / "pairs.npz")
    return tmp_path


def ntm(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(application(), list(arguments))


def test_a_sweep_tries_settings_and_goes_on_where_it_was(here: Path) -> None:
    first = ntm("sweep", *TINY, *SPACES, "--trials", "2")
    assert first.exit_code == 0, first.output
    assert "2 trials in sweeps/pairs" in first.output
    done = ntm("sweep", *TINY, *SPACES, "--trials", "3")
    assert done.exit_code == 0, done.output
    storage = f"sqlite:///{here}/sweeps/pairs/sweep.sqlite"
    trials = optuna.load_study(study_name="sweep", storage=storage).trials
    assert len(trials) == 3
    for trial in trials:
        assert 1e-4 <= trial.params["learning_rate"] <= 1e-2
        assert trial.params["controller_size"] in ("3", "4")
        assert (here / "sweeps" / "pairs" / f"trial-{trial.number}" / "log.csv").exists()
    best = min(trials, key=lambda trial: trial.value)
    told = f"--learning-rate {best.params['learning_rate']} --controller-size"
    assert told in done.output


@pytest.mark.parametrize(
    ("vary", "told"),
    [
        ("learning-rate", "a space should be like learning-rate=1e-4..1e-2 or slots=16,32"),
        ("learning-rate=2..1", "should go from a positive number to a larger one, got 2..1"),
        ("slotz=1,2", "lstm has no --slotz"),
    ],
)
def test_a_space_that_does_not_fit_is_refused(vary: str, told: str) -> None:
    done = ntm("sweep", *TINY, "--vary", vary, "--trials", "1")
    assert done.exit_code == 2, done.output
    assert told in " ".join(done.output.replace("│", "").split())


def test_spaces_become_suggestions() -> None:
    spaces = parse(["--batch-size=2..64", "decay=none,cosine"])
    fixed = optuna.trial.FixedTrial({"batch_size": 8, "decay": "none"})
    assert suggest(fixed, "batch_size", spaces["batch_size"]) == 8
    assert suggest(fixed, "decay", spaces["decay"]) == "none"
    with pytest.raises(SourceError, match="name what to vary"):
        parse([])


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    done = ntm("sweep", *TINY, *SPACES)
    assert done.exit_code == 1
    assert "pip install 'neural-turing-machine[sweep]'" in done.output
