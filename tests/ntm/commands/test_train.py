"""Training on somebody's task and data, from the command line to files that all commands take."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ntm.cli import application
from ntm.evaluation.card import training_told
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder, digest, find
from ntm.tasks import origin
from tests import own_task

TINY = ("--controller-size", "5", "--slots", "6", "--width", "3", "--batch", "2")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of somebody, which is the current one, with a task and data in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(origin, "_named", [])
    own_task.write(tmp_path)
    own_task.write_pairs(tmp_path / "pairs.npz")
    (tmp_path / "words.txt").write_text("a b\tb a\nb\tb\na a\ta a\n")
    return tmp_path


def ntm(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(application(), list(map(str, arguments)))


def trained(*arguments: str | Path) -> VersionFolder:
    """What a training saved."""
    done = ntm("train", *arguments)
    assert done.exit_code == 0, done.output
    (model,) = Path("runs").iterdir()
    return find(model)


def refused(*arguments: str | Path) -> str:
    """The sentence with which a training is refused; nothing is left of it."""
    done = ntm("train", *arguments)
    assert done.exit_code == 2, done.output
    assert not Path("runs").exists()
    return " ".join(done.output.replace("│", "").split())


def test_an_own_task_is_trained_evaluated_exported_and_shown(here: Path) -> None:
    version = trained("--task", "my_task.py:Reverse", "--field", "bits=3", "--updates", "2", *TINY)
    assert (version.name, version.version) == ("reverse", 1)
    told = json.loads(version.config.read_text())
    assert told["task"]["origin"]["file"] == "my_task.py"
    assert told["task"]["bits"] == 3
    assert {k: told["sizes"][k] for k in ("controller_size", "N", "M", "input_size")} == {
        "controller_size": 5, "N": 6, "M": 3, "input_size": 4,
    }  # fmt: skip
    assert str(here) not in version.config.read_text()
    for command in ("eval", "export", "card"):
        done = ntm(command, version.path)
        assert done.exit_code == 0, done.output
    rows = json.loads(version.evaluation.read_text())["results"]
    assert [(row["sizes"], row["beyond_training"]) for row in rows] == [
        ({"length": 3}, False),
        ({"length": 6}, True),
    ]
    card = version.card.read_text()
    assert "`ntm train --task my_task.py:Reverse`, seed 1" in card
    assert "![" in card
    shown = ntm("predict", version.path, "--length", "4", "--show")
    assert "reverse/1 length 4, 6 slots: " in shown.output
    assert "wrong bits" in shown.output
    for command, out in (("plot", "run.png"), ("trace", "run.npz")):
        done = ntm(command, version.path, "--out", out)
        assert done.exit_code == 0, done.output
        assert Path(out).stat().st_size


def test_without_its_code_a_model_runs_on_noise_and_is_not_measured(here: Path) -> None:
    version = trained("--task", "my_task.py:Reverse", "--updates", "1", *TINY)
    (here / "my_task.py").unlink()
    shown = ntm("predict", version.path)
    assert "random bits, as the task 'reverse' is not known here" in " ".join(shown.output.split())
    done = ntm("eval", version.path)
    assert done.exit_code == 1
    assert "my_task.py is not here" in str(done.exception)


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("ntm", ("--slots", "5", "--width", "3", "--controller-size", "4", "--read-heads", "2")),
        ("dnc", ("--slots", "5", "--width", "3", "--controller-size", "4", "--no-links")),
        ("transformer", ("--layers", "1", "--heads", "2", "--width", "4")),
        ("lstm", ("--controller-size", "4", "--layers", "1")),
        ("memory-network", ("--slots", "5", "--width", "4", "--hops", "2")),
    ],
)
def test_every_architecture_learns_tokens_as_classes(
    architecture: str, options: tuple[str, ...]
) -> None:
    version = trained(
        "--data", "words.txt", "--architecture", architecture, "--updates", "2", *options
    )
    description = version.description()
    assert description.architecture.startswith(f"{architecture}/")
    assert description.sizes["output"] == "softmax"
    assert description.training["recipe"] == "--data words.txt"
    exported = ntm("export", version.path)
    assert exported.exit_code == 0, exported.output
    measured = ntm("eval", version.path)
    assert measured.exit_code == 0, measured.output
    evaluation = json.loads(version.evaluation.read_text())
    assert evaluation["unit"] == "wrong tokens a sequence"
    (row,) = evaluation["results"]
    assert (row["sizes"], row["sequences"]) == ({}, 1)


def test_a_file_of_options_is_overridden_by_options(here: Path) -> None:
    (here / "recipe.yaml").write_text(
        "data: pairs.npz\nheld_out: 0.3\narchitecture: lstm\nmodel: {controller-size: 4, "
        "layers: 1}\nupdates: 2\nlearning_rate: 0.01\nbatch_size: 3\n"
        "evaluation: [{sequences: 2, sizes: {}}]\n"
    )
    version = trained("--config", "recipe.yaml", "--updates", "1", "--layers", "2", "--name", "m")
    told = version.description()
    assert (version.name, told.architecture, told.sizes["layers"]) == ("m", "lstm/1", 2)
    assert told.task["held_out"] == 3
    settings = told.training["settings"]
    assert [settings[k] for k in ("updates", "learning_rate", "batch_size")] == [1, 0.01, 3]
    assert told.training["evaluation"] == [{"sizes": {}, "memory_slots": None, "sequences": 2}]


def test_a_recipe_on_another_architecture_keeps_what_it_measures() -> None:
    version = trained(
        "copy",
        "--architecture",
        "lstm",
        "--layers",
        "1",
        "--controller-size",
        "3",
        "--updates",
        "1",
    )
    assert version.name == "copy-lstm"
    rows = version.description().training["evaluation"]
    assert [row["sizes"]["length"] for row in rows] == [1, 10, 20, 30, 50, 120, 1000]
    assert {row["memory_slots"] for row in rows} == {None}


REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "nothing": ((), "name what to train on: a recipe of ntm train --list, --task or --data"),
    "two": (("copy", "--data", "pairs.npz"), "one thing to train on, got both a recipe and data"),
    "option": (("copy", "--slotz", "3"), "ntm has no --slotz, only --controller,"),
    "of another": (("copy", "--architecture", "lstm", "--slots", "3"), "lstm has no --slots"),
    "size": (("copy", "--slots", "none"), "N: Input should be a valid integer"),
    "architecture": (("copy", "--architecture", "gru"), "unknown architecture 'gru', expected"),
    "loss": (
        ("--data", "pairs.npz", "--output", "sigmoid", "--loss", "cross-entropy"),
        "loss should be binary-cross-entropy or squared-error for an output of sigmoid",
    ),
    "share": (("--data", "pairs.npz", "--held-out", "1.5"), "held_out: Input should be less than"),
    "field": (("copy", "--field", "bits=3"), "fields are those of a task that is named with"),
    "odd": (("copy", "--architecture", "memory-network"), "2 V + 1 for V words"),
    "patience": (("copy", "--patience", "3"), "patience counts validations: it needs validate"),
    "name": (("--data", "pairs.npz", "--name", "My Model"), "--name should be like my-model"),
    "file": (("--config", "gone.yaml"), "gone.yaml: No such file"),
    "yaml": (("--config", "words.txt"), "words.txt is no YAML"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(what: str) -> None:
    arguments, told = REFUSED[what]
    assert told in refused(*arguments)


def test_a_key_that_a_file_may_not_have_is_named(here: Path) -> None:
    (here / "recipe.yaml").write_text("data: pairs.npz\nlerning_rate: 0.1\n")
    assert "unknown key 'lerning_rate', expected" in refused("--config", "recipe.yaml")


def test_help_tells_every_size_of_every_architecture() -> None:
    told = ntm("train", "--help").output
    for option in ("--read-heads", "--write-heads", "--slots", "--hops", "--task", "--data"):
        assert option in told


def test_a_training_goes_on_from_a_saved_model_on_another_task_of_the_same_sizes(
    here: Path,
) -> None:
    first = trained("--task", "my_task.py:Reverse", "--updates", "2", *TINY)
    before = checkpoint.read_tensors(first.checkpoint)
    (here / "other.py").write_text(own_task.SOURCE.replace("vectors[::-1]", "1 - vectors"))
    asked = ("--from", "runs/reverse", "--task", "other.py:Reverse", "--learning-rate", "1e-9")
    done = ntm("train", *asked, "--updates", "1", "--name", "negated")
    assert done.exit_code == 0, done.output
    second = find(Path("runs/negated"))
    after = checkpoint.read_tensors(second.checkpoint)
    assert all((after[name] - value).abs().max() < 1e-6 for name, value in before.items())
    told = second.description()
    assert told.sizes == first.description().sizes
    assert told.task["origin"]["file"] == "other.py"
    assert told.training["settings"]["start"] == {
        "model": "reverse",
        "version": 1,
        "checkpoint_sha256": digest(first.checkpoint),
    }
    assert "It went on from reverse, version 1." in training_told(told)
    again = ntm("train", "--from", "runs/reverse", "--updates", "1")
    assert again.exit_code == 0, again.output
    assert find(Path("runs/reverse")).version == 2
    for options, why in (
        (("--data", "pairs.npz"), "takes 3 channels and gives 2, but bit-pairs has 2 and 1"),
        (("--slots", "9"), "--from takes no others"),
    ):
        refused = ntm("train", "--from", "runs/reverse", *options)
        assert refused.exit_code == 2
        assert why in " ".join(refused.output.replace("│", "").split())
