"""A model that is told a story on the command line."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from ntm.architectures.memory_network.model import MemoryNetwork
from ntm.cli import application
from ntm.commands.ask import Reader, sentences_of, typed
from ntm.export.write import export_onnx
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder
from ntm.tasks import Babi

TASK = Babi()
STORY = "Mary went to the kitchen. John went to the garden.\nWhere is Mary? Where is John?\n"


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> VersionFolder:
    torch.manual_seed(1)
    sizes = {"input_size": TASK.input_size, "output_size": TASK.output_size}
    model = MemoryNetwork(**sizes, d=6, hops=2, N=4).eval()
    with torch.no_grad():
        model.embedding.mul_(5)
    folder = tmp_path_factory.mktemp("models") / "random" / "1"
    saved = checkpoint.save(folder, model, TASK, {"seed": 1})
    export_onnx(saved)
    return saved


def test_every_question_of_a_file_is_answered(version: VersionFolder, tmp_path: Path) -> None:
    story = tmp_path / "story.txt"
    story.write_text(STORY)
    done = CliRunner().invoke(application(), ["ask", str(version.path), str(story)])
    assert done.exit_code == 0, done.output
    rows = TASK.vocabulary.encode(list(sentences_of(STORY))).inputs
    model = checkpoint.load(version)
    outputs = model.predict(torch.from_numpy(rows))[:, 0].detach().numpy()
    lines = done.output.splitlines()
    for question, step in (("Where is Mary?", 6), ("Where is John?", 11)):
        answer = TASK.vocabulary.answer(outputs[step])
        assert any(line.startswith(f"{question}  {answer} (") for line in lines)
    assert sum(line.startswith("  hop 1: ") for line in lines) == 2


def test_what_is_typed_is_heard_but_for_unknown_words(version: VersionFolder) -> None:
    reader, shown = Reader(version), io.StringIO()
    typed(reader, Console(file=shown, width=200), io.StringIO("Mary wnet home.\n" + STORY))
    text = shown.getvalue()
    assert text.startswith("unknown words: 'wnet' (nearest: west, went, not)")
    assert reader.text[:2] == ["Mary went to the kitchen.", "John went to the garden."]
    assert text.count("Where is") == 2


def test_a_story_longer_than_the_slots_is_heard_whole(version: VersionFolder) -> None:
    reader = Reader(version)
    for _ in range(9):
        assert reader.hear("Mary went to the kitchen.") is None
    answer = reader.hear("Where is Mary?")
    assert answer is not None
    assert {one.number for one in answer.hops[0]} == set(range(9))
    assert np.sum([one.weight for one in answer.hops[0]]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("story", "says"),
    [("Mary went to the moon. Where is Mary?", "unknown words: 'moon'"),
     ("Mary went to the kitchen.", "has no question")],
)  # fmt: skip
def test_a_file_that_cannot_be_asked_is_one_sentence(
    version: VersionFolder, tmp_path: Path, story: str, says: str
) -> None:
    (tmp_path / "story.txt").write_text(story)
    command = ["ask", str(version.path), str(tmp_path / "story.txt")]
    done = CliRunner().invoke(application(), command)
    assert done.exit_code == 2
    assert says in " ".join(done.output.replace("│", " ").split())


def test_a_model_without_words_is_refused() -> None:
    done = CliRunner().invoke(application(), ["ask", "copy", "story.txt"])
    assert done.exit_code != 0
    assert "has no vocabulary" in str(done.exception)
