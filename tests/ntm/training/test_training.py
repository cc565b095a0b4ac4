"""Training in one process: an interrupted one goes on to the same bits, the best seed wins."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ntm import seeds
from ntm.repository import checkpoint
from ntm.repository.folders import RepositoryError
from ntm.training import selection
from ntm.training.loop import Interrupted, Trainer
from ntm.training.loss import answer_loss
from ntm.training.recipes import Polish, Recipe, Setting
from ntm.training.report import COLUMNS, Display, Log
from ntm.training.run import train_seeds
from ntm.training.schedule import Progress
from tests.tiny_training import TINY

SHORT = TINY.model_copy(update={"updates": 60})


class StoppedTrainer(Trainer):
    """Is asked to stop once it has made so many updates, as a signal would ask it."""

    stop_at = 0

    def update(self, episode: Any) -> tuple[float, float, float]:
        done = super().update(episode)
        if self.progress.update == self.stop_at:
            self._stop.set()
        return done


def train(recipe: Recipe, folder: Path, *stops: int) -> Trainer:
    """Train seed 1 to the end, in as many pieces as there are stops and one."""
    for stop in stops:
        trainer = StoppedTrainer(recipe, 1, folder)
        trainer.stop_at = stop
        with pytest.raises(Interrupted):
            trainer.run()
        assert Trainer(recipe, 1, folder).progress.update == stop, "it must not start afresh"
    trainer = Trainer(recipe, 1, folder)
    trainer.run()
    return trainer


def bits(trainer: Trainer) -> dict[str, bytes]:
    """Every number of the model."""
    return {name: t.numpy().tobytes() for name, t in trainer.model.state_dict().items()}


def assert_same_files(one: Path, other: Path) -> None:
    """Two trainings left the same log and the same numbers to resume from."""
    assert (one / "log.csv").read_bytes() == (other / "log.csv").read_bytes()
    state, same = (load_file(folder / "state.safetensors") for folder in (one, other))
    assert {n: t.numpy().tobytes() for n, t in state.items()} == {
        n: t.numpy().tobytes() for n, t in same.items()
    }


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
@pytest.mark.parametrize("controller", ["lstm", "feedforward"])
def test_an_interrupted_training_ends_on_the_bits_of_an_unbroken_one(
    tmp_path: Path, optimizer: str, controller: str
) -> None:
    model = {**TINY.model, "controller": controller}
    recipe = SHORT.model_copy(update={"optimizer": optimizer, "model": model})
    unbroken = train(recipe, tmp_path / "unbroken")
    resumed = train(recipe, tmp_path / "resumed", 1, 23, 40)
    assert bits(unbroken) == bits(resumed)
    assert unbroken.progress == resumed.progress
    assert_same_files(tmp_path / "unbroken", tmp_path / "resumed")


def test_a_polish_that_was_interrupted_goes_on_like_an_unbroken_one(tmp_path: Path) -> None:
    polish = Polish(updates=20, learning_rate=1e-3, rewriting=0.5)
    recipe = SHORT.model_copy(update={"updates": 30, "polish": polish})
    unbroken = train(recipe, tmp_path / "unbroken")
    assert unbroken.progress.update == 50
    resumed = train(recipe, tmp_path / "resumed", 29, 30, 31, 44)
    assert bits(unbroken) == bits(resumed)
    assert_same_files(tmp_path / "unbroken", tmp_path / "resumed")


def test_a_polish_may_draw_other_sequences_and_slots(tmp_path: Path) -> None:
    polish = Polish(
        updates=20, learning_rate=1e-3, task_fields={"max_length": 9}, memory_slots=(30, 30)
    )
    recipe = SHORT.model_copy(update={"updates": 30, "polish": polish})
    unbroken = train(recipe, tmp_path / "unbroken")
    resumed = train(recipe, tmp_path / "resumed", 29, 30, 31, 44)
    assert bits(unbroken) == bits(resumed)
    before = Trainer(recipe, 1, tmp_path / "never run")
    for trainer, longest, slots in ((before, before.task.max_length, None), (resumed, 9, 30)):
        drawn = {len(trainer.draw().inputs) for _ in range(200)}
        assert max(drawn) == 2 * longest + 2
        assert trainer.draw_slots() == slots
    assert resumed.task == before.task
    assert before.task.max_length < 9


def test_training_moves_every_parameter_and_two_seeds_differ(tmp_path: Path) -> None:
    start = bits(Trainer(SHORT, 1, tmp_path / "never run"))
    trained = bits(train(SHORT, tmp_path / "1"))
    assert all(start[name] != trained[name] for name in start)
    assert start != bits(Trainer(SHORT, 2, tmp_path / "other seed"))


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    recipe = TINY.model_copy(update={"learning_rate": 1e-2, "updates": 240})
    train(recipe, tmp_path)
    with (tmp_path / "log.csv").open(newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    finished = train(SHORT, tmp_path)
    log = (tmp_path / "log.csv").read_bytes()
    again = train(SHORT, tmp_path)
    assert bits(finished) == bits(again)
    assert (tmp_path / "log.csv").read_bytes() == log


def test_the_log_has_one_line_for_every_20_updates(tmp_path: Path) -> None:
    train(SHORT, tmp_path, 37)
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["update"] for row in rows] == ["20", "40", "60"]
    assert [row["sequences"] for row in rows] == ["40", "80", "120"]


def test_a_resumed_log_drops_what_comes_after_the_state_and_keeps_the_rest_at_once(
    tmp_path: Path,
) -> None:
    path, progress = tmp_path / "log.csv", Progress()
    log = Log(path, resumed_at=0, every=1)
    for progress.update in (1, 2, 3):
        log.write(progress, 0.5, 1e-3, 1.0)
    kept = path.read_text().splitlines()[:3]
    resumed = Log(path, resumed_at=2, every=1)
    assert path.read_text().splitlines() == kept, "even if this process is killed now"
    resumed.close()


def damage(state: Path, how: str) -> None:
    """Spoil a training's state."""
    whole = state.read_bytes()
    if how == "foreign":
        save_file({"x": torch.zeros(1)}, state)
    else:
        state.write_bytes({"empty": b"", "truncated": whole[:-9], "noise": b"\xff" * 99}[how])


@pytest.mark.parametrize("how", ["empty", "truncated", "noise", "foreign"])
def test_a_damaged_state_is_refused_by_name(tmp_path: Path, how: str) -> None:
    train(SHORT, tmp_path)
    damage(tmp_path / "state.safetensors", how)
    with pytest.raises(RepositoryError, match=r"state\.safetensors is .*--fresh"):
        Trainer(SHORT, 1, tmp_path)


def test_the_state_of_another_recipe_is_refused(tmp_path: Path) -> None:
    train(SHORT, tmp_path)
    with pytest.raises(
        RepositoryError, match=r"state\.safetensors was written with other settings"
    ):
        Trainer(SHORT.model_copy(update={"learning_rate": 1.0}), 1, tmp_path)


def test_the_seed_with_the_fewest_errors_is_saved_with_its_provenance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = iter([3.0, 1.0, 2.0])

    def measure(*args: Any, **kwargs: Any) -> Any:
        return real(*args, **kwargs).model_copy(update={"mean": next(measured)})

    real = selection.measure
    monkeypatch.setattr(selection, "measure", measure)
    recipe = TINY.model_copy(update={"updates": 3})
    saved, scores = train_seeds(recipe, "tiny", [5, 6, 7], tmp_path / "tiny")
    assert {seed: given.errors[0].mean for seed, given in scores.items()} == {
        5: 3.0,
        6: 1.0,
        7: 2.0,
    }
    training = saved.description().training
    assert (training["seed"], training["seeds_compared"]) == (6, [5, 6, 7])
    assert (training["recipe"], training["updates"], training["sequences"]) == ("tiny", 3, 6)
    best = Trainer(recipe, 6, tmp_path / "tiny" / "training" / "seed-6").model.state_dict()
    loaded = checkpoint.load(saved).state_dict()
    assert all(torch.equal(best[name], loaded[name]) for name in best)


def test_every_training_becomes_the_next_version(tmp_path: Path) -> None:
    recipe = TINY.model_copy(update={"updates": 2})
    versions = [train_seeds(recipe, "tiny", [seed], tmp_path)[0].version for seed in (1, 2)]
    assert versions == [1, 2]


def test_a_training_that_is_finished_is_not_saved_again(tmp_path: Path) -> None:
    recipe = TINY.model_copy(update={"updates": 2})
    versions = [train_seeds(recipe, "tiny", [1], tmp_path)[0].version for _ in range(2)]
    assert versions == [1, 1]


def test_a_state_of_other_settings_is_refused_with_what_differs(tmp_path: Path) -> None:
    train_seeds(TINY.model_copy(update={"updates": 2}), "tiny", [1], tmp_path)
    with pytest.raises(RepositoryError, match=r"updates was 2, is 3\)"):
        train_seeds(TINY.model_copy(update={"updates": 3}), "tiny", [1], tmp_path)


def test_selection_errors_are_those_of_sequences_longer_than_training(tmp_path: Path) -> None:
    recipe = TINY.model_copy(update={"updates": 2})
    _, scores = train_seeds(recipe, "tiny", [1, 2], tmp_path)
    assert [(row.sizes, row.sequences) for row in scores[1].errors] == [({"length": 4}, 8)]


def test_the_roles_of_one_seed_draw_unrelated_numbers() -> None:
    roles = ("training", "selection", "evaluation", "example")
    drawn = [tuple(seeds.generator(role, 1).integers(0, 2**60, 4)) for role in roles]
    assert len(set(drawn)) == len(roles)
    assert tuple(seeds.generator("training", 1).integers(0, 2**60, 4)) == drawn[0]


def test_the_loss_is_the_cross_entropy_of_the_bits_that_matter() -> None:
    logits = torch.tensor([[[0.0, 50.0]], [[2.0, -1.0]]])
    targets = torch.tensor([[[1.0, float("nan")]], [[0.0, 1.0]]])
    by_hand = [np.log(2), 2 + np.log1p(np.exp(-2.0)), 1 + np.log1p(np.exp(-1.0))]
    assert answer_loss(logits, targets).item() == pytest.approx(np.mean(by_hand))


def test_off_a_terminal_a_plain_line_comes_every_few_seconds_and_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = [100.0]
    progress = Progress(error=2.5)
    with Display("copy seed 1", "wrong bits", total=40, done=0, clock=lambda: now[0]) as display:
        for progress.update in range(1, 41):
            now[0] += 0.25
            display.show(progress, 0.125, 1e-3, levels=1)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[3].split("/")[0] for line in lines] == ["1", "21", "40"]
    assert "loss 0.12500 2.50 wrong bits a sequence rate 1.00e-03 4.0 updates/s" in lines[-1]


def test_a_setting_without_slots_is_measured_with_the_models_own(tmp_path: Path) -> None:
    recipe = TINY.model_copy(
        update={"updates": 1, "selection": (Setting(sizes={"length": 1}, sequences=1),)}
    )
    _, scores = train_seeds(recipe, "tiny", [1, 2], tmp_path)
    assert scores[1].errors[0].memory_slots == TINY.model["N"]
