"""One example of a model's task to run: what `ntm predict`, `trace` and `plot` share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from ntm import seeds
from ntm.architectures import catalogue
from ntm.interventions.items import InterventionError, load
from ntm.repository.folders import MODELS, ModelDescription, VersionFolder, find
from ntm.runs.trace import Trace
from ntm.tasks import Episode, Size, Sizes, Task
from ntm.tasks.base import check_sizes, random_bits, unanswered

Seed = Annotated[int, typer.Option(min=0, help="Of the example.")]
MemorySlots = Annotated[int | None, typer.Option(min=1, help="N; enough by default.")]
Interventions = Annotated[
    str | None,
    typer.Option(
        help="What to change in the run: JSON as POST /predict takes it, or a file of it."
    ),
]

NOISE = {"length": Size(1, 100_000, 20, "steps of random bits")}


@dataclass(frozen=True)
class Example:
    """What a model is to run on."""

    version: VersionFolder
    description: ModelDescription
    sizes: Sizes
    episode: Episode
    slots: int
    interventions: list[Any]

    def summary(self, outputs: NDArray[np.float32]) -> str:
        """A line about outputs [T, output_size] of it."""
        task = self.description.make_task()
        sizes = " ".join(f"{size} {value}" for size, value in self.sizes.items())
        model = f"{self.version.name}/{self.version.version}"
        about = f"{' '.join(filter(None, (model, sizes)))}, {self.slots} slots: "
        if task is None:
            name = self.description.task_name
            return f"{about}random bits, as the task '{name}' is not known here"
        wrong = task.error(outputs[:, None], self.episode.targets)[0]
        said = task.answer(self.episode.inputs[:, 0], outputs)
        return f"{about}{wrong:g} {task.unit}" + (f"; answered: {said}" if said else "")

    def record(self) -> Trace:
        """Run it and keep every stage.

        Raises:
            BadParameter: an intervention does not fit
        """
        from ntm.repository import checkpoint

        task = self.description.make_task()
        try:
            return Trace.record(
                checkpoint.load(self.version),
                self.episode.inputs[:, 0],
                task=task,
                target=self.episode.targets[:, 0] if task else None,
                memory_slots=self.slots,
                interventions=self.interventions,
                name=self.version.name,
                version=self.version.version,
            )
        except InterventionError as error:
            raise typer.BadParameter(str(error)) from None


def draw_example(
    path: Path,
    arguments: list[str],
    seed: int,
    memory_slots: int | None,
    interventions: str | None,
    among: Path = MODELS,
) -> Example:
    """Draw an example of a model's task; nothing is run yet, and torch is not needed.

    Args:
        path: of the model, or its name
        arguments: sizes, as `sizes_of` takes them
        seed: of the example
        memory_slots: N, by default enough
        interventions: JSON, or a file of it
        among: where models are looked for by name
    Raises:
        BadParameter: sizes, slots or interventions do not fit
    """
    version = find(path, among)
    description = version.description()
    task = description.make_task()
    try:
        sizes = complete(task, sizes_of(arguments))
        episode = sample(task, description.config, seed, sizes)
        needed = task.slots_needed(sizes) if task else 0
        slots = slots_for(description, len(episode.inputs), needed, memory_slots)
        changes = load(interventions) if interventions else []
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return Example(version, description, sizes, episode, slots, changes)


def slots_for(description: ModelDescription, steps: int, needed: int, chosen: int | None) -> int:
    """N: the number chosen, else the model's own or what the example needs.

    Raises:
        ValueError: the model runs with another number only, or the example is longer
    """
    told = catalogue.signature_of(description.config)
    if told.fixed_slots is not None and chosen not in (None, told.fixed_slots):
        raise ValueError(f"this model runs only with {told.fixed_slots} slots, got {chosen}")
    slots = told.slots_for(steps, needed) if chosen is None else chosen
    told.refuse_longer(steps, slots)
    return slots


def complete(task: Task | None, sizes: Sizes) -> Sizes:
    """Sizes checked, with their defaults; of a sequence of random bits where there is no task.

    Raises:
        ValueError: a size is unknown, no whole number or out of its bounds
    """
    return task.complete(sizes) if task else check_sizes("a model of an unknown task", NOISE, sizes)


def sample(task: Task | None, config: Any, seed: int, sizes: Sizes) -> Episode:
    """One example of the task; random bits without a target where there is none.

    Args:
        task: of the model
        config: the model's, for the width of its inputs and outputs
        seed: of the example
        sizes: all of them
    """
    generator = seeds.generator("example", seed)
    if task is not None:
        return task.sample(generator, 1, **sizes)
    steps = sizes["length"]
    inputs = random_bits(generator, steps, 1, config.input_size)
    return Episode(inputs, unanswered(steps, 1, config.output_size), ())


def sizes_of(arguments: list[str]) -> dict[str, int]:
    """`--length 12` and `--length=12` as {"length": 12}.

    Raises:
        ValueError: an argument is no option, or its value no integer
    """
    words = [word for argument in arguments for word in argument.split("=", 1)]
    sizes: dict[str, int] = {}
    for option, value in zip(words[::2], [*words[1::2], ""], strict=False):
        if not option.startswith("--") or not value.lstrip("-").isdecimal():
            raise ValueError(f"expected sizes such as --length 12, got {option} {value}".rstrip())
        sizes[option.removeprefix("--").replace("-", "_")] = int(value)
    return sizes
