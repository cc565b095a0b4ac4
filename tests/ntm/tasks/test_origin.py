"""Tasks in somebody's files: found by name and content, refused in one sentence."""

from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from ntm import tasks
from ntm.tasks import SourceError, Task, UnknownTask, origin
from ntm.tasks.attempt import attempt
from ntm.training.own import task_of
from tests import own_task


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of somebody, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(origin, "_named", [])
    return tmp_path


def test_a_task_of_a_file_is_described_by_its_name_and_content(here: Path) -> None:
    own_task.write(here)
    task = task_of("my_task.py:Reverse", {"bits": "3"})
    told = tasks.dump(task)
    assert told["name"] == "reverse"
    assert told["bits"] == 3
    assert told["origin"]["file"] == "my_task.py"
    assert str(here) not in str(told)
    assert tasks.load(told) == task


def test_what_has_changed_or_is_gone_is_not_run(here: Path) -> None:
    path = own_task.write(here)
    told = tasks.dump(task_of("my_task.py:Reverse", {}))
    path.write_text(own_task.SOURCE + "\nraise SystemExit('it was run')\n")
    with pytest.raises(UnknownTask, match=r"my_task\.py is another than the one it was trained"):
        tasks.load(told)
    path.unlink()
    with pytest.raises(UnknownTask, match=r"my_task\.py is not here; NTM_TASKS names folders"):
        tasks.load(told)


def test_a_file_elsewhere_is_found_where_ntm_tasks_says(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    own_task.write(elsewhere)
    inside = here / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    told = tasks.dump(task_of(f"{elsewhere}/my_task.py:Reverse", {}))
    assert told["origin"]["file"] == "my_task.py"
    assert tasks.load(told).name == "reverse", "its folder was named by this command"
    monkeypatch.setattr(origin, "_named", [])
    with pytest.raises(UnknownTask):
        tasks.load(told)
    monkeypatch.setenv("NTM_TASKS", f"/nowhere:{elsewhere}")
    assert tasks.load(told).name == "reverse"


@pytest.mark.parametrize("file", ["/etc/passwd", "../my_task.py", ""])
def test_a_config_cannot_name_files_elsewhere(file: str) -> None:
    named = {"file": file, "sha256": "0" * 64, "class_name": "Reverse"}
    with pytest.raises(ValueError, match=r"below the current folder|at least 1 character"):
        tasks.load({"name": "reverse", "origin": named})


BROKEN = {
    "def broken(:": r"my_task\.py, line 1: ",
    "class Reverse(int): pass": r"my_task\.py:Reverse is no task: its class should extend",
    "class Other(int): pass": r"my_task\.py has no class Reverse, only Other",
    "import nothing_of_this_name\nclass Reverse(int): pass": "cannot be run: ModuleNotFoundError",
    "from ntm.tasks import Task\nclass Reverse(Task): pass": "lacks input_size, output_size, samp",
    own_task.SOURCE.replace("+ 1), np.float32", "+ 1)"): "give inputs of float32, got float64",
    own_task.SOURCE.replace("np.nan", "1 / 0"): "fails: ZeroDivisionError",
    own_task.SOURCE.replace("return self.bits\n", "return 7\n"): r"targets \[T, 2, 7\], got .* 2\]",
    own_task.SOURCE.replace("return Episode", "return "): "should give an Episode, got a tuple",
    own_task.SOURCE.replace("targets[length + 1 :]", "ignored"): "targets that are NaN everywhere",
}


@pytest.mark.parametrize("source", BROKEN)
def test_a_file_that_is_no_task_is_refused_in_one_sentence(here: Path, source: str) -> None:
    own_task.write(here, source)
    with pytest.raises(SourceError, match=BROKEN[source]) as refused:
        task_of("my_task.py:Reverse", {})
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("my_task.py", r"should name a class too, such as my_task\.py:Reverse"),
        ("gone.py:Reverse", r"gone\.py does not exist"),
        ("nonsense", "unknown task 'nonsense', expected a class in a file"),
        ("copy:Copy", "copy does not exist"),
    ],
)
def test_what_names_no_task_is_refused(here: Path, place: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        task_of(place, {})


def test_a_field_that_it_does_not_have_is_named(here: Path) -> None:
    own_task.write(here)
    with pytest.raises(SourceError, match=r"my_task\.py:Reverse: length: Extra inputs"):
        task_of("my_task.py:Reverse", {"length": 3})


class Silent(Task):
    """Somebody's task, with nothing but what every task needs."""

    @property
    def input_size(self) -> int:
        return 1

    @property
    def output_size(self) -> int:
        return 1

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> tasks.Episode:
        self.complete(sizes)
        return tasks.Episode(*np.zeros((2, 3, batch_size, 1), np.float32))


def test_a_task_of_a_package_is_known_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("silent", "tests.ntm.tasks.test_origin:Silent", tasks.GROUP)
    monkeypatch.setattr(tasks, "entry_points", lambda group: [entry] if group else [])
    tasks._installed.cache_clear()
    try:
        assert tasks.load({"name": "silent"}) == Silent()
        assert task_of("silent", {}).training_sizes(np.random.default_rng(0), 1) == {}
    finally:
        tasks._installed.cache_clear()


def test_own_code_that_fails_ends_nothing_and_ours_is_raised(here: Path) -> None:
    own_task.write(here)
    task = task_of("my_task.py:Reverse", {})
    assert attempt(task, lambda: 1 // 1, 7) == 1
    assert attempt(task, lambda: 1 // 0, 7) == 7
    with pytest.raises(ZeroDivisionError):
        attempt(tasks.Copy(), lambda: 1 // 0, 7)
