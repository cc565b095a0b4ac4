"""What a measurement may claim: sizes beyond training, and the numbers of slots it was made with.

Reads config.json and evaluation.json; no torch.
"""

from collections.abc import Mapping
from typing import Any

from ntm import tasks
from ntm.repository.folders import ModelDescription
from ntm.tasks import Sizes


def largest_trained(description: ModelDescription) -> Sizes:
    """The largest sizes a model was trained on, its polish included; {} where that is unknown."""
    if description.make_task() is None:
        return {}
    polish = description.training.get("settings", {}).get("polish") or {}
    polished = description.task | polish.get("task_fields", {})
    trained = [tasks.load(fields) for fields in (description.task, polished)]
    return {name: max(task.trained[name] for task in trained) for name in trained[0].trained}


def beyond_training(description: ModelDescription, sizes: Sizes) -> bool | None:
    """True where a sequence of these sizes is larger than any in the training; None: unknown."""
    if not sizes or "imported" in description.training:
        return None  # of no sizes, or trained elsewhere on sizes that nobody told
    trained = largest_trained(description)
    return any(value > trained.get(name, 0) for name, value in sizes.items())


def verified_slots(
    description: ModelDescription, evaluation: Mapping[str, Any] | None
) -> tuple[int, ...]:
    """The numbers of memory slots a model was trained or measured with, ascending.

    Empty where nothing was measured: then nothing is known either way.
    """
    rows = (evaluation or {}).get("results", ())
    if not rows:
        return ()
    settings = description.training.get("settings", {})
    polish = settings.get("polish") or {}
    trained = {*(settings.get("memory_slots") or ()), *(polish.get("memory_slots") or ())}
    return tuple(sorted(trained | {int(row["memory_slots"]) for row in rows}))


def slots_warning(slots: int, verified: tuple[int, ...]) -> str | None:
    """A sentence where a number of slots lies outside of those verified; None where it does not."""
    if not verified or verified[0] <= slots <= verified[-1]:
        return None
    return (
        f"memory_slots {slots} was not verified: this model was trained and measured with "
        f"{range_of(verified)}"
    )


def range_of(verified: tuple[int, ...]) -> str:
    """`64 slots`, or `20 to 2048 slots`."""
    few, many = verified[0], verified[-1]
    return f"{few} slots" if few == many else f"{few} to {many} slots"
