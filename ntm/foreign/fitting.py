"""Which variant of a task has the channels that a model has."""

from collections.abc import Iterator
from typing import Any

from ntm.foreign.errors import ForeignFile
from ntm.tasks import TASKS, Task, load

# Beside the fields that follow from the number of channels.
LAYOUTS: dict[str, tuple[dict[str, Any], ...]] = {
    "copy": ({}, {"start_marker": False}, {"start_marker": False, "marker_echo": True}),
    "repeat-copy": ({},),
}
# As a project lays a task out otherwise: vlgiitr's mean of the count is one too low.
THEIRS: dict[tuple[str, str], dict[str, Any]] = {
    ("clemkoa", "repeat-copy"): {"layout": "delimiter"},
    ("vlgiitr", "repeat-copy"): {"count_offset": 1},
}


def fitting(name: str, input_size: int, output_size: int, project: str) -> Task:
    """The task of this name with such channels.

    Raises:
        ForeignFile: there is no such task, or none of its variants has as many channels
    """
    if name not in TASKS:
        raise ForeignFile(f"unknown task {name!r}, expected one of {', '.join(TASKS)}")
    told = []
    for fields in variants(name, output_size, project):
        task = load({"name": name, **fields})
        if (task.input_size, task.output_size) == (input_size, output_size):
            return task
        told.append(f"{task.input_size} and {task.output_size}")
    raise ForeignFile(
        f"the model has {input_size} inputs and {output_size} outputs, the task {name} "
        f"{', or '.join(dict.fromkeys(told))}; without --task it is served without examples"
    )


def variants(name: str, output_size: int, project: str) -> Iterator[dict[str, Any]]:
    """Fields of the task to try, the paper's layout first."""
    sized = "bits" in TASKS[name].model_fields
    for layout in LAYOUTS.get(name, ({},)):
        chosen = dict(layout)
        chosen |= THEIRS.get((project, name), {})
        widths = (output_size, output_size - 1) if sized else (None,)
        for bits in widths:
            if bits is None or bits > 0:
                yield chosen if bits is None else {"bits": bits} | chosen
