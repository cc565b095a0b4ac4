"""A recipe for somebody's own task or data: what is trained on it, and what is measured."""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from ntm import tasks
from ntm.architectures import catalogue
from ntm.tasks import Episode, Pairs, Sizes, SourceError, Task, TokenPairs
from ntm.tasks.origin import files_in, source_of
from ntm.tasks.pairs import kind_of
from ntm.training.recipe import FITTING, Loss, Recipe, Setting

UPDATES = 3000
LEARNING_RATE = 3e-3
SEQUENCES = 100  # of every size that is measured
MOST_HELD_OUT = 1000  # sequences of data that are measured
TEXTS = (".txt", ".tsv")


def task_of(place: str, fields: dict[str, Any]) -> Task:
    """The task that a user names: `copy`, or `my_task.py:Reverse`.

    Raises:
        SourceError: there is none, it lacks something, or a field does not fit
    """
    path, colon, class_name = place.rpartition(":")
    if not colon and place.endswith(".py"):
        raise SourceError(f"{place} should name a class too, such as {place}:Reverse")
    if colon:
        found = tasks.from_file(Path(path), class_name)
    elif place in tasks.known():
        found = tasks.known()[place]
    else:
        raise SourceError(
            f"unknown task '{place}', expected a class in a file, such as my_task.py:Reverse, or "
            f"one of {', '.join(tasks.TASKS)}"
        )
    try:
        task = found(**fields)
    except ValidationError as error:
        raise SourceError(f"{place}: {told(error)}") from None
    check(task, place)
    return task


def told(error: ValidationError) -> str:
    """What pydantic found first, on one line."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def data_of(path: Path, share: float, loss: Loss | None) -> Pairs:
    """The task of somebody's data: an archive, a text file, or a folder of either.

    Args:
        path: of the file or folder
        share: of the sequences, held out from training
        loss: that the model is to be trained with, where one is asked for
    Raises:
        SourceError: it does not fit; the message says what was expected
    """
    source = source_of(path)
    files = files_in(path) if path.is_dir() else [path]
    texts = [file.suffix in TEXTS for file in files]
    if any(texts) and not all(texts):
        raise SourceError(f"{path} should hold .npz files or text files, not both")
    if any(texts):
        return TokenPairs.of(path, source, share)
    if path.is_file() and path.suffix != ".npz":
        raise SourceError(f"{path} should be an .npz file, a text file (.txt, .tsv) or a folder")
    kind = kind_of(Pairs.read(path, source.sha256), loss)
    return kind.of(path, source, share)


def check(task: Task, place: str) -> None:
    """Draw a batch of a task and see that it is one.

    Raises:
        SourceError: it is none, or its code fails
    """
    try:
        episode = task.practise(np.random.default_rng(0), 2, 1)
        wide = task.input_size, task.output_size
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(f"{place} fails: {type(error).__name__}: {error}") from error
    if not isinstance(episode, Episode):
        raise SourceError(f"{place}.sample should give an Episode, got a {type(episode).__name__}")
    shapes = np.shape(episode.inputs), np.shape(episode.targets)
    expected = tuple((len(episode.inputs), 2, size) for size in wide)
    if shapes != expected:
        raise SourceError(
            f"{place}.sample of 2 sequences should give inputs [T, 2, {wide[0]}] and targets "
            f"[T, 2, {wide[1]}], got {list(shapes[0])} and {list(shapes[1])}"
        )
    for name in ("inputs", "targets"):
        if getattr(episode, name).dtype != np.float32:
            kind = getattr(episode, name).dtype
            raise SourceError(f"{place}.sample should give {name} of float32, got {kind}")
    if not np.isfinite(episode.inputs).all():
        raise SourceError(f"{place}.sample gives inputs that are no finite numbers")
    if np.isnan(episode.targets).all(axis=(0, 2)).any():
        raise SourceError(f"{place}.sample gives targets that are NaN everywhere")


def recipe_for(task: Task, architecture: str, model: dict[str, Any], **changes: Any) -> Recipe:
    """A recipe that trains a model of some architecture on a task.

    Args:
        task: of ours or of somebody
        architecture: by its full name
        model: fields of its configuration; the output follows the loss or the task by default
        changes: other fields of the recipe
    Raises:
        ValidationError: a field does not fit
    """
    fields = tasks.dump(task)
    name, origin = fields.pop("name"), fields.pop("origin", None)
    loss = changes.get("loss")
    model = {"output": output_for(task, architecture, loss)} | model
    recipe = Recipe(
        task=name,
        origin=origin,
        task_fields=fields,
        architecture=architecture,
        model=model,
        **{"updates": UPDATES, "learning_rate": LEARNING_RATE, "clip_norm": 1.0} | changes,
        selection=(),
        evaluation=(),
    )
    recipe = with_slots(recipe, task)
    return recipe.model_copy(
        update={
            "selection": settings_for(recipe, task, longer=True)[-1:],
            "evaluation": settings_for(recipe, task, longer=True),
        }
    )


def output_for(task: Task, architecture: str, loss: Loss | None) -> str:
    """The activation of a model's output: of the loss, or what the task's answers want."""
    field = catalogue.find(architecture).config_class.model_fields["output"]
    wanted: str = task.output
    if loss is not None and loss not in FITTING[task.output]:
        wanted = next(output for output, fitting in FITTING.items() if loss == fitting[0])
    only: str = field.default
    return wanted if wanted in getattr(field.annotation, "__args__", (only,)) else only


def with_slots(recipe: Recipe, task: Task) -> Recipe:
    """The recipe with as many slots as its longest sequence takes, where every step takes one."""
    signature = catalogue.signature_of(recipe.make_config())
    if not signature.slot_a_step or "N" in recipe.model:
        return recipe
    steps = max(steps_of(task, sizes) for sizes in measured_sizes(task, longer=False))
    slots = max(signature.memory_slots, 1 << (steps - 1).bit_length())
    return recipe.model_copy(update={"model": recipe.model | {"N": slots}})


def steps_of(task: Task, sizes: Sizes) -> int:
    """How long sequences of these sizes are."""
    if isinstance(task, Pairs):
        return task.longest
    return len(task.sample(np.random.default_rng(0), 1, **sizes).inputs)


def measured_sizes(task: Task, *, longer: bool) -> list[Sizes]:
    """The default sizes, and perhaps the double of each where its bounds allow it."""
    sizes = [task.complete({})]
    for name, size in task.sizes.items() if longer else ():
        double = min(2 * size.default, size.high)
        if double > size.default:
            sizes.append(task.complete({name: double}))
    return sizes


def settings_for(recipe: Recipe, task: Task, *, longer: bool) -> tuple[Setting, ...]:
    """What is measured: sequences as in training, and longer ones where the task has them."""
    signature = catalogue.signature_of(recipe.make_config())
    count = min(task.held_out, MOST_HELD_OUT) if isinstance(task, Pairs) else SEQUENCES
    rows = []
    for sizes in measured_sizes(task, longer=longer):
        slots = signature.slots_for(steps_of(task, sizes), task.slots_needed(sizes))
        rows.append(Setting(sizes=sizes, memory_slots=slots or None, sequences=count))
    return tuple(rows)
