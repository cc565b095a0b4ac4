import json

import pytest

from ntm.training.recipes import RECIPES, Setting
from ntm.training.run import train_baseline, train_seeds


@pytest.fixture
def recipe():
    tiny = Setting(sizes={"length": 2}, memory_slots=16, sequences=3)
    return RECIPES["copy"].model_copy(
        update={
            "baseline": "lstm",
            "polish": None,
            "updates": 2,
            "batch_size": 2,
            "selection": (tiny,),
            "evaluation": (tiny, tiny.model_copy(update={"sizes": {"length": 3}})),
        }
    )


def test_a_baseline_is_trained_and_measured_on_the_recipes_settings(recipe, tmp_path):
    path = train_baseline(recipe, "copy", seed=4, folder=tmp_path / "copy")
    told = json.loads(path.read_text())
    assert path == tmp_path / "copy" / "baseline.json"
    assert [row["sizes"] for row in told["results"]] == [{"length": 2}, {"length": 3}]
    assert {row["memory_slots"] for row in told["results"]} == {0}
    assert told["training"]["settings"]["baseline"] == "lstm"
    assert (told["training"]["seed"], told["training"]["updates"]) == (4, 2)
    assert (tmp_path / "copy" / "training" / "lstm-seed-4" / "log.csv").exists()


def test_a_baseline_is_not_saved_as_a_model(recipe, tmp_path):
    with pytest.raises(ValueError, match="a baseline is measured, not saved"):
        train_seeds(recipe, "copy", [1], tmp_path / "copy")
    assert not (tmp_path / "copy" / "1").exists()
