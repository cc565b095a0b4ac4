"""A recipe: a task, a model and the way to train one on the other, and what is measured of it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ntm import tasks
from ntm.architectures import catalogue
from ntm.tasks import Sizes, Task
from ntm.tasks.base import Output
from ntm.tasks.origin import Origin

Loss = Literal["binary-cross-entropy", "squared-error", "cross-entropy"]
# What an output can be trained with, the usual one first.
FITTING: dict[Output, tuple[Loss, ...]] = {
    "sigmoid": ("binary-cross-entropy", "squared-error"),
    "identity": ("squared-error", "cross-entropy"),
    "softmax": ("cross-entropy",),
}
AFTER_TRAINING = {"save_every", "seeds", "selection", "own_write", "evaluation", "reach"}


def unfit(output: Output, loss: Loss | None) -> str | None:
    """Why a loss does not fit an output, for a sentence; None where it does."""
    if loss is None or loss in FITTING[output]:
        return None
    return f"loss should be {' or '.join(FITTING[output])} for an output of {output}, got {loss}"


class Setting(BaseModel):
    """One row of an evaluation: sequences of these sizes with this many memory slots."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sizes: Sizes
    memory_slots: int | None = None
    sequences: int = 100

    def without_memory(self) -> "Setting":
        """The same sequences for a model that has no memory slots."""
        return self.model_copy(update={"memory_slots": None})


class OwnWrite(BaseModel):
    """Asks of a seed that what it reads for an item be what it wrote for that item."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(description="of every item's read, more than this from its own write")
    settings: tuple[Setting, ...]


class StoryTraining(BaseModel):
    """Training on whole stories of the bAbI tasks, all their questions at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: int = Field(default=10_000, ge=1, description="of each task, drawn once")
    last_moves: bool = Field(
        default=False, description="task 3 asks only where things came from last, which is easier"
    )
    more_questions: dict[int, int] = Field(default={}, description="by task, instead of that")
    stories_a_draw: dict[int, int] = Field(
        default={}, description="by task, how many stories are read where it is drawn, else one"
    )
    questions_a_story: dict[int, int] = Field(
        default={}, description="by task, instead of the published task's"
    )
    paces: dict[int, tuple[int, ...]] = Field(
        default={}, description="by task, sentences before a question can come, in equal parts"
    )
    supervision: float = Field(
        default=0.0, ge=0, description="weight of the attention to supporting facts in the loss"
    )
    untold: tuple[int, ...] = Field(
        default=(), description="tasks whose supporting facts are not told"
    )
    noise: float = Field(default=0.1, ge=0, description="empty sentences inserted, at most")
    always: float = Field(
        default=0.1,
        gt=0,
        description="a task is drawn as often as its questions are answered wrong, and this",
    )
    linear_start: int = Field(default=0, ge=0, description="updates before hops have their softmax")


class Polish(BaseModel):
    """A second, short training of what the first has taught."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    updates: int = Field(ge=1)
    learning_rate: float = Field(gt=0, description="at its start; it falls as a cosine")
    rewriting: float = Field(
        default=0.0,
        ge=0,
        description="added to the loss, times what is written over, for tasks that forget nothing; "
        "ntm.training.rewriting",
    )
    task_fields: dict[str, Any] = Field(
        default={}, description="of the task, beside the recipe's: longer sequences, say"
    )
    memory_slots: tuple[int, int] | None = Field(
        default=None, description="instead of the recipe's"
    )
    stories: StoryTraining | None = Field(default=None, description="instead of the recipe's")


class Start(BaseModel):
    """The saved model that a training goes on from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    version: int
    checkpoint_sha256: str


class Recipe(BaseModel):
    """A task, a model and the way to train one on the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    origin: Origin | None = Field(default=None, description="the file of somebody's task")
    task_fields: dict[str, Any] = {}
    start: Start | None = Field(default=None, description="by default fresh parameters")
    architecture: str = catalogue.DEFAULT
    model: dict[str, Any] = {}
    baseline: Literal["lstm"] | None = Field(
        default=None, description="train this instead of a Neural Turing Machine"
    )
    loss: Loss | None = Field(default=None, description="by default that of the model's output")
    optimizer: Literal["adam", "adamw", "rmsprop"] = "adam"
    weight_decay: float = Field(default=0.01, ge=0, description="of adamw")
    key_strength_bias: float = Field(
        default=0.0, description="added to the initial bias of every key strength"
    )
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    decay: Literal["cosine", "none"] = Field(
        default="cosine", description="cosine starts when the last level is reached"
    )
    warm_up: int = Field(
        default=0, ge=0, description="updates in which the learning rate rises from 0"
    )
    clip_norm: float = 10.0
    batch_size: int = 16
    updates: int = Field(description="in all, before a polish")
    decay_updates: int | None = Field(
        default=None, description="length of the decay once the last level is reached"
    )
    memory_slots: tuple[int, int] | None = Field(
        default=None,
        description="draw N for every batch from this range, both ends included; "
        "by default the model's own",
    )
    polish: Polish | None = None
    stories: StoryTraining | None = Field(
        default=None, description="train on whole stories at once, not step by step"
    )
    validate_every: int | None = Field(
        default=None, ge=1, description="updates; the best weights are kept"
    )
    patience: int | None = Field(
        default=None, ge=1, description="validations without a lower error, then it stops"
    )
    save_every: int | None = Field(
        default=None, ge=1, description="updates between checkpoints that are kept"
    )
    compile: bool = Field(default=False, description="torch.compile the step; needs a C compiler")
    seeds: int = Field(default=1, ge=1, description="how many are trained and compared")
    selection: tuple[Setting, ...] = Field(
        description="seeds are compared on these, longer than training"
    )
    own_write: OwnWrite | None = Field(
        default=None, description="seeds that fulfil it are chosen before those that do not"
    )
    evaluation: tuple[Setting, ...]
    reach: tuple[Setting, ...] = Field(
        default=(), description="so long that they are measured only when asked for"
    )

    def trains_like(self, other: "Recipe") -> bool:
        """True when both give the same training; what comes after it may differ."""
        return not self.differences(other)

    def differences(self, before: "Recipe") -> str:
        """What changes the training: `updates was 40, is 4000`."""
        now, then = (r.model_dump(exclude=AFTER_TRAINING) for r in (self, before))
        return ", ".join(f"{k} was {then[k]}, is {now[k]}" for k in now if now[k] != then[k])

    def make_task(self) -> Task:
        """The task with the recipe's fields.

        Raises:
            UnknownTask: it is not known here, or its file is not here
        """
        return self._task(self.task_fields)

    def _task(self, fields: dict[str, Any]) -> Task:
        origin = {"origin": self.origin.model_dump()} if self.origin else {}
        return tasks.load({"name": self.task, **origin, **fields})

    def make_polish_task(self) -> Task:
        """The task as it is during the polish.

        Raises:
            ValueError: its inputs or outputs are of another size
        """
        task, changed = self.make_task(), self.polish.task_fields if self.polish else {}
        other = self._task({**self.task_fields, **changed})
        if (other.input_size, other.output_size) != (task.input_size, task.output_size):
            raise ValueError(f"a polish cannot change what the model takes and gives: {changed}")
        return other

    def make_config(self) -> Any:
        """The model's config, its input and output sizes taken from the task."""
        task = self.make_task()
        config = catalogue.find(self.architecture).config_class
        return config(
            architecture=self.architecture,
            input_size=task.input_size,
            output_size=task.output_size,
            **self.model,
        )
