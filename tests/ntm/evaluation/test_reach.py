"""What is claimed of the shipped models: with which slots, and what lies beyond their training."""

from pathlib import Path

import pytest

from ntm.evaluation.published import published
from ntm.evaluation.reach import beyond_training, slots_warning, verified_slots
from ntm.evaluation.report import shown
from ntm.repository.folders import VersionFolder, find, read_json
from ntm.repository.survey import models
from tests.command_line import ROOT

MODELS = ROOT / "models"


def folder(name: str) -> VersionFolder:
    return find(Path(name), MODELS)


@pytest.mark.parametrize("slots", [32, 96, 128, 256])
def test_sorting_is_verified_with_its_own_slots_only(slots: int) -> None:
    version = folder("priority-sort")
    verified = verified_slots(version.description(), read_json(version.evaluation))
    assert verified == (64,)
    assert slots_warning(64, verified) is None
    assert f"memory_slots {slots} was not verified" in str(slots_warning(slots, verified))
    card = version.card.read_text(encoding="utf-8")
    assert "verified with 64 slots" in card
    assert "any N" not in card


def test_copy_is_verified_from_its_training_to_its_longest_measurement() -> None:
    version = folder("copy")
    verified = verified_slots(version.description(), read_json(version.evaluation))
    assert (verified[0], verified[-1]) == (20, 16384)
    assert slots_warning(256, verified) is None
    assert "20 to 16384 slots" in str(slots_warning(8, verified))


def test_what_nobody_measured_is_neither_claimed_nor_doubted() -> None:
    assert verified_slots(folder("copy").description(), None) == ()
    assert slots_warning(7, ()) is None


def test_the_polish_of_repeat_copy_counts_as_training() -> None:
    description = folder("repeat-copy").description()
    assert not beyond_training(description, {"length": 20, "repeats": 10})
    assert beyond_training(description, {"length": 21, "repeats": 10})
    assert beyond_training(description, {"length": 10, "repeats": 20})
    assert "| length 20, repeats 10 (in training) |" in folder("repeat-copy").card.read_text(
        encoding="utf-8"
    )


def test_every_shipped_row_says_whether_it_is_beyond_training() -> None:
    for version in models(MODELS):
        description = version.description()
        for row in read_json(version.evaluation)["results"]:
            assert row["beyond_training"] is beyond_training(description, row["sizes"])
            assert shown(row).endswith("(in training)") is not row["beyond_training"]


def test_the_best_of_all_peers_stands_beside_counting_to_twenty() -> None:
    assert published("repeat-copy", {"length": 10, "repeats": 20}).peer == "43 (1 of 4 seeds)"
