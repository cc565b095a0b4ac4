"""One example of a model's task, run by the model: what `ntm predict`, `trace` and `plot` share."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ntm import seeds
from ntm.interventions.items import InterventionError, load
from ntm.repository.folders import MODELS, VersionFolder, find
from ntm.runs.trace import Trace
from ntm.tasks import Episode, Size, Sizes, Task
from ntm.tasks.base import check_sizes, random_bits, unanswered

if TYPE_CHECKING:
    from ntm.architectures.model import Model, Unrolled

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
    """What was run, and what came of it."""

    version: VersionFolder
    model: "Model"
    task: Task | None
    sizes: Sizes
    episode: Episode
    interventions: list[Any]
    unrolled: "Unrolled"

    @property
    def trace(self) -> Trace:
        """All that happened."""
        return Trace.from_record(
            self.model,
            self.episode.inputs[:, 0],
            self.unrolled,
            task=self.task,
            target=self.episode.targets[:, 0] if self.task else None,
            interventions=self.interventions,
            name=self.version.name,
            version=self.version.version,
        )

    @property
    def told(self) -> str:
        """A line about it."""
        sizes = " ".join(f"{size} {value}" for size, value in self.sizes.items())
        slots = self.model.slots_of(self.unrolled.state)
        told = f"{self.version.name}/{self.version.version} {sizes}, {slots} slots: "
        if self.task is None:
            name = self.version.description().task_name
            return f"{told}random bits, as the task '{name}' is not known here"
        wrong = self.task.error(self.unrolled.outputs.numpy(), self.episode.targets)[0]
        return f"{told}{wrong:g} {self.task.unit}"


def run(
    path: Path,
    arguments: list[str],
    seed: int,
    memory_slots: int | None,
    interventions: str | None,
    among: Path = MODELS,
) -> Example:
    """Run a model on an example, every stage recorded.

    Args:
        path: of the model, or its name
        arguments: sizes, as `sizes_of` takes them
        seed: of the example
        memory_slots: N, by default enough
        interventions: JSON, or a file of it
        among: where models are looked for by name
    Raises:
        BadParameter: sizes or interventions do not fit
    """
    import torch

    from ntm.repository import checkpoint

    version = find(path, among)
    description = version.description()
    task = description.make_task()
    try:
        sizes = complete(task, sizes_of(arguments))
        changes = load(interventions) if interventions else []
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    model = checkpoint.load(version)
    slots = memory_slots or max(model.memory_slots, task.slots_needed(sizes) if task else 0)
    episode = sample(task, description.config, seed, sizes)
    try:
        with torch.inference_mode():
            unrolled = model.unroll(
                torch.from_numpy(episode.inputs),
                memory_slots=slots,
                record="addressing",
                interventions=changes,
            )
    except InterventionError as error:
        raise typer.BadParameter(str(error)) from None
    return Example(version, model, task, sizes, episode, changes, unrolled)


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
