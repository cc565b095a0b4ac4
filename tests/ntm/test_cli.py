"""The `ntm` command: what it prints, its exit codes, and errors of one sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from ntm.cli import main
from ntm.training.recipes import RECIPES
from tests.command_line import ntm
from tests.tiny_training import TINY


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line within this process, with a recipe `tiny`."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setitem(RECIPES, "tiny", TINY.model_copy(update={"updates": 3}))

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr("sys.argv", ["ntm", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return Result(left.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with `tiny/1`, the better of two seeds."""
    from ntm.training.run import train_seeds

    folder = tmp_path_factory.mktemp("models")
    train_seeds(TINY.model_copy(update={"updates": 3}), "tiny", [1, 2], folder / "tiny")
    return folder


@pytest.fixture
def models(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained models for one test to spoil."""
    return Path(shutil.copytree(trained, tmp_path / "models"))


def assert_one_sentence(result: Result, *parts: str) -> None:
    """Exit code 1 and one line on stderr that holds all parts."""
    assert result.code == 1
    lines = result.err.splitlines()
    assert len(lines) == 1, result.err
    assert lines[0].startswith("error: ")
    for part in parts:
        assert part in lines[0]


def test_help_names_the_commands_in_a_process_of_its_own() -> None:
    done = ntm("--help")
    assert done.returncode == 0
    assert "train" in done.stdout
    assert "eval" in done.stdout


def test_a_missing_folder_exits_with_1_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = ntm("eval", tmp_path / "nothing")
    result = Result(done.returncode, done.stdout, done.stderr)
    assert_one_sentence(result, f"{tmp_path}/nothing holds no model")


def test_train_lists_its_recipes(run: Run) -> None:
    result = run("train", "--list")
    assert result.code == 0
    assert "ntm/1: lstm controller" in result.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "nonsense"], "unknown recipe 'nonsense', expected one of copy"),
        (["train"], "name what to train on: a recipe of ntm train --list, --task or --data"),
        (["train", "copy", "--seeds", "0"], "--seeds"),
        (["train", "copy", "--seed", "-1"], "--seed"),
        (["nonsense"], "No such command 'nonsense'"),
    ],
)
def test_a_wrong_argument_exits_with_2_and_says_which(
    run: Run, arguments: list[str], told: str
) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert told in " ".join(result.err.replace("│", " ").split())


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf"])
def test_a_learning_rate_that_teaches_nothing_is_refused(run: Run, rate: str) -> None:
    result = run("train", "copy", "--learning-rate", rate)
    assert result.code == 2
    assert "expected a positive number" in " ".join(result.err.replace("│", " ").split())


def test_a_file_that_is_no_trace_is_told_as_that(run: Run, tmp_path: Path) -> None:
    (tmp_path / "trace.npz").write_text("{}")
    result = run("plot", tmp_path / "trace.npz")
    assert result.code == 2
    assert "another kind of file" in " ".join(result.err.replace("│", " ").split())


def test_an_error_is_one_line_however_long_the_path_and_shows_brackets(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / ("a-long-name-" * 8) / "[red]"
    assert_one_sentence(run("eval", folder), f"{folder} holds no model", f"{folder}/1 with config")


def test_training_says_what_each_seed_gave_and_where_the_model_lies(
    run: Run, tmp_path: Path
) -> None:
    result = run("train", "tiny", "--out", tmp_path, "--seeds", "2")
    assert result.code == 0
    assert "seed 1: errors a sequence at length 4:" in result.err
    assert "seed 2: errors a sequence at length 4:" in result.err
    assert f"Saved {tmp_path}/tiny/1. Next: ntm eval {tmp_path}/tiny/1" in result.err
    assert (tmp_path / "tiny" / "1" / "model.safetensors").exists()


def test_evaluation_prints_a_table_and_writes_it_down(run: Run, models: Path) -> None:
    result = run("eval", models / "tiny", "--seed", "3")
    assert result.code == 0
    assert "tiny/1: wrong bits a sequence" in result.out
    rows = json.loads((models / "tiny" / "1" / "evaluation.json").read_text())["results"]
    assert [(row["sizes"], row["memory_slots"]) for row in rows] == [
        ({"length": 2}, 6),
        ({"length": 5}, 9),
    ]
    assert {(row["sequences"], row["seed"]) for row in rows} == {(4, 3)}


def test_evaluation_writes_nothing_when_told_so(run: Run, models: Path) -> None:
    assert run("eval", models / "tiny", "--no-write", "--sequences", "2").code == 0
    assert not (models / "tiny" / "1" / "evaluation.json").exists()


def test_a_model_of_an_unknown_recipe_is_not_evaluated(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(RECIPES, "tiny")
    config = models / "tiny" / "1" / "config.json"
    told = json.loads(config.read_text())
    assert run("eval", models / "tiny", "--sequences", "1").code == 0, "its settings are recorded"
    del told["training"]["evaluation"]
    config.write_text(json.dumps(told))
    assert_one_sentence(run("eval", models / "tiny"), "config.json: unknown recipe 'tiny'")


def test_a_damaged_checkpoint_is_named(run: Run, models: Path) -> None:
    checkpoint = models / "tiny" / "1" / "model.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    assert_one_sentence(run("eval", models / "tiny"), f"{checkpoint} is not a whole safetensors")


def test_other_settings_neither_go_on_from_a_state_nor_destroy_it_unless_told_to(
    run: Run, models: Path
) -> None:
    command = ("train", "tiny", "--out", models, "--updates", "4")
    assert_one_sentence(run(*command), "state.safetensors was written with other settings")
    assert run("train", "tiny", "--out", models).code == 0, "the state is still there"
    assert run(*command, "--fresh").code == 0
    assert (models / "tiny" / "2" / "model.safetensors").exists()
