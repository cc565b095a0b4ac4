"""Questions from files, and the table of tasks beside the published numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ntm.evaluation import babi_table
from ntm.evaluation.babi_files import measure_files
from ntm.repository.folders import RepositoryError
from ntm.tasks.babi.vocabulary import VOCABULARY

FILE = """1 Mary went to the kitchen.
2 Where is Mary?\tkitchen\t1
3 Mary went to the garden.
4 John went back to the office.
5 Where is Mary?\tgarden\t3
1 John went to the office.
2 Where is John?\toffice\t1
"""


class Latest:
    """Answers with the place of the latest sentence, of whomever it tells."""

    memory_slots = 4

    def predict(self, sequence: Any, memory_slots: int | None = None) -> Any:
        outputs = np.zeros((*sequence.shape[:2], VOCABULARY.output_size), np.float32)
        for b in range(sequence.shape[1]):
            rows = sequence[:, b].numpy()
            sentences = rows[(rows.any(axis=1)) & (rows[:, -1] == 0)]
            place = next(
                a for a in ("kitchen", "garden", "office")
                if sentences[-1, VOCABULARY.words.index(a)]
            )  # fmt: skip
            outputs[-1, b, VOCABULARY.answers.index(place)] = 1
        return torch.from_numpy(outputs)


def test_every_question_of_every_file_is_asked(tmp_path: Path) -> None:
    (tmp_path / "qa1_single_train.txt").write_text(FILE)
    (tmp_path / "qa12_more_train.txt").write_text(FILE.split("3 ")[0])
    (tmp_path / "notes.txt").write_text("other")
    assert measure_files(Latest(), VOCABULARY, tmp_path)["results"] == [
        {"task": 1, "file": "qa1_single_train.txt", "questions": 3, "wrong": 1},
        {"task": 12, "file": "qa12_more_train.txt", "questions": 1, "wrong": 0},
    ]
    (tmp_path / "qa2_two_test.txt").write_text(FILE)
    (only,) = measure_files(Latest(), VOCABULARY, tmp_path)["results"]
    assert only["file"] == "qa2_two_test.txt"


def test_a_folder_that_cannot_be_asked_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="has no files such as qa1"):
        measure_files(Latest(), VOCABULARY, tmp_path)
    (tmp_path / "qa1_x.txt").write_text("1 Mary went to the moon.\n2 Where is Mary?\tmoon\t1\n")
    with pytest.raises(RepositoryError, match=r"qa1_x.txt: unknown words: 'moon'"):
        measure_files(Latest(), VOCABULARY, tmp_path)


def test_a_table_has_means_and_failed_tasks() -> None:
    results = [{"sizes": {"task": t}, "mean": 0.06 if t == 3 else 0.01} for t in range(1, 21)]
    files = [{"task": t, "questions": 200, "wrong": 20 * (t < 3)} for t in range(1, 21)]
    rows = babi_table.table({"results": results, "files": {"results": files}})
    assert rows[0][:3] == ["task", "own stories", "published stories"]
    assert rows[3][:3] == ["3 three supporting facts", "6.0", "0.0"]
    assert rows[21][:3] == ["mean", "1.2", "1.0"]
    assert rows[22][:3] == ["tasks over 5 %", "1", "2"]
    joint = rows[0].index("MemN2N, 1k joint")
    assert (rows[21][joint], rows[22][joint]) == ("12.4", "10")
    text = babi_table.as_markdown(rows).splitlines()
    assert text[1].startswith("| --- | ---: |")
    assert len(text) == 24


def test_the_published_means_are_those_of_their_tables() -> None:
    means = {name: round(float(np.mean(row)), 1) for name, row in babi_table.PUBLISHED.items()}
    assert means == {
        "MemN2N, 1k joint": 12.4,
        "EntNet, 10k": 0.5,
        "DNC, 10k joint": 16.7,
        "DNC-MD, 10k joint": 9.5,
    }
