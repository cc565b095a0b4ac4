"""Somebody's data as a task: what it gives, what is held out, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ntm import tasks
from ntm.tasks import BitPairs, NumberPairs, Pairs, SourceError, TokenPairs, UnknownTask, origin
from ntm.training.own import data_of
from tests import own_task


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of somebody, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(origin, "_named", [])
    return tmp_path


def data(name: str = "pairs.npz", share: float = 0.2) -> Pairs:
    """The task of a file that lies there."""
    return data_of(Path(name), share, None)


def numbers_of(inputs: np.ndarray[Any, Any]) -> set[int]:
    """Which sequences of `own_task.write_pairs` there are."""
    return set(np.rint(inputs[0, :, 1] * 16).astype(int).tolist())


def test_what_is_held_out_is_never_practised_and_measured_once_each(here: Path) -> None:
    own_task.write_pairs(here / "pairs.npz")
    task, rng = data(), np.random.default_rng(3)
    assert isinstance(task, BitPairs)
    assert (task.input_size, task.output_size, task.held_out) == (2, 1, 2)
    held = numbers_of(task.sample(rng, 2).inputs)
    assert len(held) == 2
    assert numbers_of(task.sample(rng, 100).inputs) == held
    assert numbers_of(task.practise(rng, 500, 1).inputs) == set(range(10)) - held


def test_its_description_has_no_path_and_needs_the_same_content(here: Path) -> None:
    own_task.write_pairs(here / "pairs.npz")
    task = data()
    told = tasks.dump(task)
    assert told["source"]["file"] == "pairs.npz"
    assert str(here) not in str(told)
    assert tasks.load(told) == task
    own_task.write_pairs(here / "pairs.npz", sequences=11)
    with pytest.raises(UnknownTask, match=r"pairs\.npz is another than the one"):
        tasks.load(told)


def test_an_answer_that_is_right_has_no_error(here: Path) -> None:
    own_task.write_pairs(here / "pairs.npz", targets=np.full((10, 3, 1), 2.5))
    task = data()
    assert isinstance(task, NumberPairs)
    episode = task.sample(np.random.default_rng(0), 2)
    assert not task.error(episode.targets, episode.targets).any()
    np.testing.assert_allclose(task.error(episode.targets + 2, episode.targets), 4)
    silent = np.full_like(episode.targets, np.nan)
    assert not task.error(episode.targets, silent).any()


def test_sequences_of_several_lengths_are_filled_up_in_a_batch(here: Path) -> None:
    folder = here / "pairs"
    folder.mkdir()
    own_task.write_pairs(folder / "short.npz")
    long = np.ones((4, 7, 2)), np.ones((4, 7, 1))
    np.savez(folder / "long.npz", inputs=long[0], targets=long[1], lengths=[7, 7, 5, 6])
    task = data("pairs")
    assert (task.sequences, task.longest) == (14, 7)
    episode = task.episode(np.arange(14))
    assert episode.inputs.shape == (7, 14, 2)
    answered = np.isfinite(episode.targets).any(axis=2)
    ends = 1 + np.array([np.flatnonzero(column).max() for column in answered.T])
    assert sorted(ends) == sorted([3] * 10 + [7, 7, 5, 6])
    for row, end in enumerate(ends):
        assert not episode.inputs[end:, row].any()
        assert np.isnan(episode.targets[end:, row]).all()


def test_tokens_are_heard_and_answered_one_a_step(here: Path) -> None:
    (here / "words.txt").write_text("a b\tb a\nb\tb\n\nc a b\tx\n", encoding="utf-8")
    task = data("words.txt")
    assert isinstance(task, TokenPairs)
    assert task.heard_tokens == ("a", "b", "c")
    assert task.answer_tokens == ("a", "b", "x", "</s>")
    episode = task.episode(np.array([0]))
    asked = task.encode(["a", "b"], answers=3)
    np.testing.assert_array_equal(episode.inputs[:, 0], asked)
    np.testing.assert_array_equal(asked, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], *[[0] * 4] * 3])
    assert task.decode(episode.targets[3:, 0]) == ["b", "a"]
    assert task.answer(asked, episode.targets[:, 0]) == "b a"
    assert task.answer(asked[:2], episode.targets[:2, 0]) is None
    assert np.isnan(episode.targets[:3]).all()
    assert not task.error(np.nan_to_num(episode.targets), episode.targets).any()
    told = task.phases(asked)
    assert [(phase.name, phase.start, phase.stop) for phase in told] == [
        ("input", 0, 3),
        ("answer", 3, 6),
    ]
    with pytest.raises(ValueError, match="unknown token 'z'"):
        task.encode(["z"], answers=1)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "NaN": ({"inputs": np.full((10, 3, 2), np.nan)}, "inputs should be finite numbers, got nan in"),
    "infinite": ({"targets": np.full((10, 3, 1), np.inf)}, "targets should be numbers or NaN"),
    "steps": ({"targets": np.zeros((10, 4, 1))}, r"as many sequences and steps, got \[10, 3\]"),
    "axes": ({"inputs": np.zeros((10, 3))}, r"inputs should have three axes, .* shape \[10, 3\]"),
    "text": ({"inputs": np.full((10, 3, 2), "a")}, "inputs should hold numbers, got <U1"),
    "complex": ({"inputs": np.ones((10, 3, 2), complex)}, "real numbers, got complex128"),
    "silent": ({"targets": np.full((10, 3, 1), np.nan)}, "targets of sequence 0 are NaN everyw"),
    "pickle": ({"inputs": np.array([[[object()]]])}, "cannot be read: Object arrays cannot be"),
    "lengths": ({"lengths": np.full(10, 4)}, "lengths should be 10 whole numbers from 1 to 3"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_arrays_that_do_not_fit_are_named(here: Path, what: str) -> None:
    arrays, told = REFUSED[what]
    own_task.write_pairs(here / "pairs.npz", **arrays)
    with pytest.raises(SourceError, match=rf"pairs\.npz:? .*{told}"):
        data()


def test_files_that_hold_no_pairs_are_named(here: Path) -> None:
    (here / "empty.npz").touch()
    with pytest.raises(SourceError, match=r"empty\.npz is no NumPy archive"):
        data("empty.npz")
    np.savez(here / "other.npz", x=np.zeros(3))
    with pytest.raises(SourceError, match=r"other\.npz has no array inputs: expected .*, got x"):
        data("other.npz")
    with pytest.raises(SourceError, match="gone does not exist"):
        data("gone")
    (here / "folder").mkdir()
    with pytest.raises(SourceError, match="folder holds no files"):
        data("folder")
    (here / "one.txt").write_text("a\tb\n")
    with pytest.raises(SourceError, match=r"one\.txt should have at least 2 sequences"):
        data("one.txt")
    (here / "spaces.txt").write_text("a b\tb a\na b  b a\n")
    with pytest.raises(SourceError, match=r"spaces\.txt, line 2: expected the tokens of an input"):
        data("spaces.txt")
    (here / "latin.txt").write_bytes("é\té\n".encode("latin-1") * 2)
    with pytest.raises(SourceError, match=r"latin\.txt is no text in UTF-8"):
        data("latin.txt")
    (here / "pairs.csv").touch()
    with pytest.raises(SourceError, match=r"pairs\.csv should be an \.npz file, a text file"):
        data("pairs.csv")
