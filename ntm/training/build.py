"""From what somebody asks for to a recipe and a name: a recipe changed, or one of their own."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from ntm.architectures import catalogue
from ntm.architectures.catalogue import Architecture
from ntm.repository.folders import VersionFolder, digest, find
from ntm.tasks import SourceError, Task
from ntm.training.config_file import Wanted, changed
from ntm.training.own import data_of, recipe_for, task_of, told
from ntm.training.recipe import Recipe, Setting, Start, unfit
from ntm.training.recipes import recipes

OF_THE_TASK = ("architecture", "input_size", "output_size")  # fields that are no choice


def build(asked: Wanted) -> tuple[Recipe, str]:
    """The recipe that is asked for, and what its models are called by default.

    Raises:
        SourceError: it is not clear what to train, or a value does not fit
        RepositoryError: there is no model to go on from
        UnknownArchitecture: nobody knows the architecture
    """
    try:
        return _build(asked)
    except ValidationError as error:
        raise SourceError(told(error)) from None


def _build(asked: Wanted) -> tuple[Recipe, str]:
    start = find(asked.start) if asked.start else None
    named = [n for n in ("recipe", "task", "data") if getattr(asked, n) is not None]
    if len(named) > 1:
        raise SourceError(f"name one thing to train on, got both a {named[0]} and {named[1]}")
    if asked.fields and named != ["task"]:
        raise SourceError("fields are those of a task that is named with --task")
    if start is not None:
        return from_saved(asked, start)
    if asked.recipe is not None:
        return from_recipe(asked, asked.recipe)
    task, name = named_task(asked)
    architecture = catalogue.named(asked.architecture or catalogue.DEFAULT)
    model = model_fields(architecture, asked.model, task)
    recipe = recipe_for(task, architecture.name, model, **asked.changes)
    return measured(recipe, asked), name


def named_task(asked: Wanted) -> tuple[Task, str]:
    """The task or data that is named, and what its models are called."""
    loss = asked.changes.get("loss")
    if asked.data is not None:
        return data_of(asked.data, asked.held_out, loss), slug(asked.data.stem)
    if asked.task is not None:
        task = task_of(asked.task, asked.fields)
        return task, slug(task.name)
    raise SourceError("name what to train on: a recipe of ntm train --list, --task or --data")


def from_recipe(asked: Wanted, name: str) -> tuple[Recipe, str]:
    """A recipe with some changes; on another architecture with that one's usual settings."""
    if name not in recipes():
        raise SourceError(f"unknown recipe '{name}', expected one of {', '.join(recipes())}")
    base, changes = recipes()[name], dict(asked.changes)
    architecture = catalogue.named(asked.architecture or base.architecture)
    task = base.make_task()
    model = model_fields(architecture, asked.model, task)
    if architecture.family == catalogue.find(base.architecture).family:
        if "updates" in changes:
            changes["polish"] = None
        return measured(changed(base, changes | {"model": base.model | model}), asked), name
    recipe = recipe_for(task, architecture.name, model, **changes)
    signature = catalogue.signature_of(recipe.make_config())

    def with_slots(row: Setting) -> Setting:
        steps = len(task.sample(np.random.default_rng(0), 1, **row.sizes).inputs)
        needed = max(row.memory_slots or 0, task.slots_needed(task.complete(row.sizes)))
        slots = signature.slots_for(steps, needed) or None
        return row.model_copy(update={"memory_slots": slots})

    rows = {n: tuple(map(with_slots, getattr(base, n))) for n in ("selection", "evaluation")}
    return measured(recipe.model_copy(update=rows), asked), f"{name}-{architecture.family}"


def from_saved(asked: Wanted, version: VersionFolder) -> tuple[Recipe, str]:
    """A recipe that goes on from a saved model, on its task or another of the same sizes.

    Raises:
        SourceError: the sizes differ, or its own task is not here
    """
    description = version.description()
    start = Start(
        model=version.name,
        version=version.version,
        checkpoint_sha256=digest(version.checkpoint),
    )
    if asked.architecture or asked.model:
        raise SourceError(f"{version.path} has its architecture and sizes: --from takes no others")
    name = version.name
    if asked.recipe is not None:
        task = recipes()[asked.recipe].make_task() if asked.recipe in recipes() else None
        if task is None:
            raise SourceError(f"unknown recipe '{asked.recipe}'")
    elif asked.task is not None or asked.data is not None:
        task, name = named_task(asked)
    else:
        task = description.make_task()
        if task is None:
            raise SourceError(f"{version.config}: {description.why_unknown()}")
    config = description.config
    sizes, has = (task.input_size, task.output_size), (config.input_size, config.output_size)
    if sizes != has:
        raise SourceError(
            f"{version.path} takes {has[0]} channels and gives {has[1]}, but {task.name} has "
            f"{sizes[0]} and {sizes[1]}"
        )
    model = {k: v for k, v in config.model_dump().items() if k not in OF_THE_TASK}
    before = description.training.get("settings", {})
    usual = {k: before[k] for k in ("batch_size", "clip_norm", "memory_slots") if before.get(k)}
    changes = usual | asked.changes | {"start": start}
    recipe = recipe_for(task, description.architecture, model, **changes)
    same = name == version.name and description.training.get("evaluation")
    if same:
        recipe = changed(recipe, {"evaluation": description.training["evaluation"]})
    return measured(recipe, asked), name


def measured(recipe: Recipe, asked: Wanted) -> Recipe:
    """The recipe with the evaluation that is asked for, once its model is known to be possible."""
    if (why := unfit(recipe.make_config().output, recipe.loss)) is not None:
        raise SourceError(why)
    if recipe.patience is not None and recipe.validate_every is None:
        raise SourceError("patience counts validations: it needs validate_every too")
    if asked.evaluation is None:
        return recipe
    return recipe.model_copy(update={"evaluation": asked.evaluation})


def model_fields(
    architecture: Architecture, options: Mapping[str, Any], task: Task
) -> dict[str, Any]:
    """Fields of an architecture's configuration from options such as `slots` or `N`.

    Raises:
        SourceError: it has no such option
        ValidationError: a value does not fit
    """
    names = option_names(architecture)
    fields: dict[str, Any] = {}
    for option, value in options.items():
        name = option.replace("-", "_")
        field = names.get(name, name if name in names.values() else None)
        if field is None:
            near = difflib.get_close_matches(name, names, n=1)
            meant = f"; is {flag(near[0])} meant?" if near else ""
            known = ", ".join(map(flag, names))
            raise SourceError(f"{architecture.family} has no {flag(name)}, only {known}{meant}")
        fields[field] = value
    config = architecture.config_class(
        architecture=architecture.name,
        input_size=task.input_size,
        output_size=task.output_size,
        **fields,
    )
    return {name: getattr(config, name) for name in fields}


def option_names(architecture: Architecture) -> dict[str, str]:
    """The fields that somebody may choose, by the names of their options."""
    other = {field: option for option, field in architecture.options.items()}
    fields = architecture.config_class.model_fields
    return {other.get(name, name): name for name in fields if name not in OF_THE_TASK}


def flag(name: str) -> str:
    """`--read-heads` for `read_heads`."""
    return f"--{name.replace('_', '-')}"


def slug(name: str) -> str:
    """A name as a model may have it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64] or "model"
