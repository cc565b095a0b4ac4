"""The tasks of the papers as generators of sequences. NumPy only, no torch."""

from typing import Any

from ntm.tasks.associative_recall import AssociativeRecall
from ntm.tasks.babi.task import Babi
from ntm.tasks.base import Episode, Phase, Size, Sizes, Task, wrong_bits
from ntm.tasks.copy import Copy
from ntm.tasks.dynamic_ngrams import DynamicNgrams
from ntm.tasks.graph.task import GraphTraversal
from ntm.tasks.priority_sort import PrioritySort
from ntm.tasks.repeat_copy import RepeatCopy
from ntm.tasks.reuse_copy import ReuseCopy

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        *(Copy, RepeatCopy, AssociativeRecall, DynamicNgrams, PrioritySort),
        *(Babi, ReuseCopy, GraphTraversal),
    )
}

__all__ = [
    "TASKS",
    "AssociativeRecall",
    "Babi",
    "Copy",
    "DynamicNgrams",
    "Episode",
    "GraphTraversal",
    "Phase",
    "PrioritySort",
    "RepeatCopy",
    "ReuseCopy",
    "Size",
    "Sizes",
    "Task",
    "UnknownTask",
    "dump",
    "load",
    "wrong_bits",
]


class UnknownTask(ValueError):
    """No task of this name is known here."""


def load(description: dict[str, Any]) -> Task:
    """The task of a config.json: `{"name": "copy", ...its fields}`.

    Raises:
        UnknownTask: nobody here knows the name
        ValueError: there is no name, or a field does not fit
    """
    fields = dict(description)
    name = fields.pop("name", None)
    if not isinstance(name, str):
        raise ValueError(f"a task should have a name, got {name!r}")
    if name not in TASKS:
        raise UnknownTask(f"unknown task '{name}', expected one of {', '.join(TASKS)}")
    return TASKS[name](**fields)


def dump(task: Task) -> dict[str, Any]:
    """The description that `load` takes."""
    fields = type(task).model_fields
    usual = {name for name in task.layouts if getattr(task, name) == fields[name].default}
    return {"name": task.name, **task.model_dump(mode="json", exclude=usual)}
