"""A model's card: numbers beside those of others, and the pictures of its task."""

from pathlib import Path
from typing import Any

import torch

from ntm import DNC, NTM
from ntm.evaluation.card import write_card
from ntm.evaluation.measure import as_json, measure
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder, write_json
from ntm.tasks import ReuseCopy, Task
from ntm.training.recipes import Setting

TASK = ReuseCopy(bits=1, max_length=2, max_sub_sequences=2)


def carded(folder: Path, model: Any, task: Task, *rows: dict[str, int]) -> VersionFolder:
    """A saved model with what a few sequences gave, and its card."""
    version = checkpoint.save(folder / "model" / "1", model.eval(), task, {})
    settings = [Setting(sizes=sizes, sequences=2) for sizes in rows]
    write_json(version.evaluation, as_json(task, [measure(model, task, s, 1) for s in settings]))
    write_card(version)
    return version


def sized(kind: Any, **sizes: int) -> Any:
    """A random model of the task."""
    torch.manual_seed(1)
    return kind(
        input_size=TASK.input_size,
        output_size=TASK.output_size,
        controller="feedforward",
        controller_size=3,
        N=5,
        **sizes,
    )


def test_a_card_sets_others_beside_where_they_are_known_and_draws_what_the_task_is_about(
    tmp_path: Path,
) -> None:
    known = {"sub_sequences": 8, "length": 14}
    version = carded(tmp_path, sized(DNC, W=2), TASK, {"sub_sequences": 1, "length": 2}, known)
    card = version.card.read_text()
    table = [line.split("|")[1:-1] for line in card.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in table[0]][-2:] == ["paper", "best peer"]
    assert {len(cells) for cells in table} == {9}
    assert [cell.strip() for cell in table[3]][-1] == "a curve near 0"
    assert "](figure.png)" in card
    assert "](allocation.png)" in card
    assert (version.path / "allocation.png").read_bytes().startswith(b"\x89PNG")


def test_a_card_has_no_columns_and_no_picture_of_what_is_not_there(tmp_path: Path) -> None:
    version = carded(tmp_path, sized(NTM, M=2), TASK, {"sub_sequences": 1, "length": 2})
    card = version.card.read_text()
    assert "best peer" not in card
    assert "allocation" not in card
    assert [path.name for path in version.path.glob("*.png")] == ["figure.png"]
