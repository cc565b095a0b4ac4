"""`ntm train` is stopped by real signals, and the same command goes on to the same model."""

import csv
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from safetensors import safe_open

from tests.command_line import NTM_WITH_TINY_RECIPE, finish, ntm, start


def training(folder: Path) -> tuple[str, ...]:
    """The arguments of one training."""
    return ("train", "tiny", "--seed", "4", "--out", str(folder))


def logged(folder: Path) -> list[str]:
    """The updates that log.csv holds so far."""
    path = folder / "tiny" / "training" / "seed-4" / "log.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row["update"] for row in csv.DictReader(file)]


def saved(folder: Path) -> int:
    """The update that the state on disk goes on from."""
    state = folder / "tiny" / "training" / "seed-4" / "state.safetensors"
    with safe_open(state, framework="np") as file:
        return int(json.loads(file.metadata()["progress"])["update"])


def send_in_the_middle(
    number: signal.Signals, folder: Path, lines: int = 1
) -> subprocess.CompletedProcess[str]:
    """Start a training and send it a signal once its log holds so many lines."""
    hold_at = str(20 * lines + 10)
    process = start(hold_at, *training(folder), command=NTM_WITH_TINY_RECIPE)
    deadline = time.monotonic() + 300
    while len(logged(folder)) < lines and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    return finish(process)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nobody stopped."""
    folder = tmp_path_factory.mktemp("unbroken")
    done = ntm(*training(folder), command=NTM_WITH_TINY_RECIPE)
    assert done.returncode == 0, done.stderr
    return folder


def assert_goes_on_like(unbroken: Path, stopped: Path) -> None:
    """The same command again ends with the same model and log as the unbroken training."""
    assert 19 <= saved(stopped) < 100, "there must be something to go on from"
    done = ntm(*training(stopped), command=NTM_WITH_TINY_RECIPE)
    assert done.returncode == 0, done.stderr
    assert f"Saved {stopped}/tiny/1." in done.stderr
    for file in ("1/model.safetensors", "1/config.json", "training/seed-4/log.csv"):
        assert (stopped / "tiny" / file).read_bytes() == (unbroken / "tiny" / file).read_bytes()


def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    unbroken: Path, tmp_path: Path
) -> None:
    assert send_in_the_middle(signal.SIGKILL, tmp_path, 2).returncode == -signal.SIGKILL
    assert logged(tmp_path) == ["20", "40"]
    assert_goes_on_like(unbroken, tmp_path)


def test_ctrl_c_ends_the_training_with_130_and_its_state_saved(tmp_path: Path) -> None:
    assert_stopped(send_in_the_middle(signal.SIGINT, tmp_path), tmp_path)


def test_sigterm_stops_a_training_as_ctrl_c_does_and_it_goes_on(
    unbroken: Path, tmp_path: Path
) -> None:
    assert_stopped(send_in_the_middle(signal.SIGTERM, tmp_path), tmp_path)
    assert_goes_on_like(unbroken, tmp_path)


def assert_stopped(stopped: subprocess.CompletedProcess[str], folder: Path) -> None:
    """It left in good order: a sentence, the code of an interrupt, a state, no model yet."""
    assert stopped.returncode == 130
    assert "Stopped; the same command goes on from here." in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert 20 <= saved(folder) < 100
    assert not (folder / "tiny" / "1").exists()
