"""How each shipped model was made: `ntm train TASK` with its defaults is this recipe."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ntm.config import NTMConfig
from ntm.tasks import TASKS, Sizes, Task


class Setting(BaseModel):
    """One row of an evaluation: sequences of these sizes with this many memory slots."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sizes: Sizes
    memory_slots: int | None = None
    sequences: int = 100


class Recipe(BaseModel):
    """A task, a model and the way to train one on the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    task_fields: dict[str, Any] = {}
    model: dict[str, Any] = {}
    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: float = 1e-3
    decay: Literal["cosine", "none"] = Field(
        default="cosine", description="cosine starts when the last level is reached"
    )
    clip_norm: float = 10.0
    batch_size: int = 16
    updates: int = Field(description="in all")
    decay_updates: int | None = Field(
        default=None, description="length of the decay once the last level is reached"
    )
    memory_slots: tuple[int, int] | None = Field(
        default=None,
        description="draw N for every batch from this range, both ends included; "
        "by default the model's own",
    )
    compile: bool = Field(default=False, description="torch.compile the step; needs a C compiler")
    seeds: int = Field(default=1, ge=1, description="how many are trained and compared")
    selection: tuple[Setting, ...] = Field(
        description="seeds are compared on these, longer than training"
    )
    evaluation: tuple[Setting, ...]

    def trains_like(self, other: "Recipe") -> bool:
        """True when both give the same training; what comes after it may differ."""
        after = {"seeds", "selection", "evaluation"}
        return self.model_dump(exclude=after) == other.model_dump(exclude=after)

    def make_task(self) -> Task:
        """The task with the recipe's fields."""
        return TASKS[self.task](**self.task_fields)

    def make_config(self) -> NTMConfig:
        """The model's config, its input and output sizes taken from the task."""
        task = self.make_task()
        return NTMConfig(input_size=task.input_size, output_size=task.output_size, **self.model)


def _copy_lengths(*lengths: int, sequences: int = 100) -> tuple[Setting, ...]:
    return tuple(
        Setting(
            sizes={"length": n},
            memory_slots=128 if n <= 120 else 1 << (n + 23).bit_length(),
            sequences=sequences,
        )
        for n in lengths
    )


RECIPES: dict[str, Recipe] = {
    "copy": Recipe(
        task="copy",
        learning_rate=3e-3,
        updates=4000,
        seeds=4,
        memory_slots=(20, 40),  # so few that writing while answering hurts, and is unlearnt
        selection=_copy_lengths(60, 120, 1000, sequences=48),
        evaluation=_copy_lengths(1, 10, 20, 30, 50, 120, 1000),
    ),
}
