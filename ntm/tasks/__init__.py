"""The tasks of the papers as generators of sequences, and those of others. NumPy only, no torch."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ntm.tasks.associative_recall import AssociativeRecall
from ntm.tasks.babi.task import Babi
from ntm.tasks.base import Episode, Phase, Size, Sizes, Task, wrong_bits
from ntm.tasks.copy import Copy
from ntm.tasks.dynamic_ngrams import DynamicNgrams
from ntm.tasks.graph.task import GraphTraversal
from ntm.tasks.origin import Origin, SourceError, load_class, source_of
from ntm.tasks.pairs import BitPairs, ClassPairs, NumberPairs, Pairs
from ntm.tasks.priority_sort import PrioritySort
from ntm.tasks.repeat_copy import RepeatCopy
from ntm.tasks.reuse_copy import ReuseCopy
from ntm.tasks.tokens import TokenPairs

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        *(Copy, RepeatCopy, AssociativeRecall, DynamicNgrams, PrioritySort),
        *(Babi, ReuseCopy, GraphTraversal),
    )
}
PAIRS: dict[str, type[Pairs]] = {
    task.name: task for task in (BitPairs, NumberPairs, ClassPairs, TokenPairs)
}
GROUP = "ntm.tasks"  # of entry points

__all__ = [
    "TASKS",
    "AssociativeRecall",
    "Babi",
    "BitPairs",
    "ClassPairs",
    "Copy",
    "DynamicNgrams",
    "Episode",
    "GraphTraversal",
    "NumberPairs",
    "Pairs",
    "Phase",
    "PrioritySort",
    "RepeatCopy",
    "ReuseCopy",
    "Size",
    "Sizes",
    "SourceError",
    "Task",
    "TokenPairs",
    "UnknownTask",
    "dump",
    "from_file",
    "known",
    "load",
    "wrong_bits",
]


class UnknownTask(ValueError):
    """No task of this name is known here, or what it comes from is not here."""


def known() -> Mapping[str, type[Task]]:
    """The tasks of this library, and those that packages have named as entry points."""
    return {**TASKS, **PAIRS, **_installed()}


@cache
def _installed() -> dict[str, type[Task]]:
    """The tasks of other packages; one that is none of them or cannot be imported is an error.

    Raises:
        SourceError: it is
    """
    found: dict[str, type[Task]] = {}
    for entry in entry_points(group=GROUP):
        task = checked_class(entry.load(), entry.value)
        found[task.name] = task
    return found


def from_file(path: Path, class_name: str) -> type[Task]:
    """The task of a class in somebody's file, which is run.

    Raises:
        SourceError: there is no such file, it cannot be run, or the class is no task
    """
    source = source_of(path)
    task = checked_class(load_class(path, class_name), f"{path}:{class_name}")
    task.origin = Origin(file=source.file, sha256=source.sha256, class_name=class_name)
    return task


def checked_class(found: Any, place: str) -> type[Task]:
    """A class that is a task.

    Raises:
        SourceError: it is none, or lacks something
    """
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise SourceError(f"{place} is no task: its class should extend ntm.tasks.Task")
    if lacking := sorted(found.__abstractmethods__):
        raise SourceError(f"{place} lacks {', '.join(lacking)}, which every task has")
    return found


def load(description: Mapping[str, Any]) -> Task:
    """The task of a config.json: `{"name": "copy", ...its fields}`.

    With an `origin` its class is that of a file, which is run where it has the same content.

    Raises:
        UnknownTask: nobody here knows the name, or its file is not here
        SourceError: its file cannot be run, or has no such class
        ValueError: there is no name, or a field does not fit
    """
    fields = dict(description)
    name, origin = fields.pop("name", None), fields.pop("origin", None)
    if not isinstance(name, str):
        raise ValueError(f"a task should have a name, got {name!r}")
    if origin is not None:
        return _found(name, Origin.model_validate(origin))(**fields)
    if name not in TASKS and name not in known():
        raise UnknownTask(f"unknown task '{name}', expected one of {', '.join(TASKS)}")
    task = known()[name](**fields)
    if isinstance(task, Pairs) and task.source.find() is None:
        raise UnknownTask(f"unknown task '{name}': {task.source.missing()}")
    return task


def _found(name: str, origin: Origin) -> type[Task]:
    """The class of an origin.

    Raises:
        UnknownTask: its file is not here
    """
    path = origin.find()
    if path is None:
        raise UnknownTask(f"unknown task '{name}': {origin.missing()}")
    task = checked_class(load_class(path, origin.class_name), f"{path}:{origin.class_name}")
    task.origin = origin
    return task


def dump(task: Task) -> dict[str, Any]:
    """The description that `load` takes."""
    fields = type(task).model_fields
    usual = {name for name in task.layouts if getattr(task, name) == fields[name].default}
    origin = {"origin": task.origin.model_dump()} if task.origin else {}
    return {"name": task.name, **origin, **task.model_dump(mode="json", exclude=usual)}
