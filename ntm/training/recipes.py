"""How each shipped model was made: `ntm train TASK` with its defaults is this recipe."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ntm.architectures import catalogue
from ntm.tasks import TASKS, Sizes, Task

AFTER_TRAINING = {"seeds", "selection", "own_write", "evaluation", "reach"}


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


class Recipe(BaseModel):
    """A task, a model and the way to train one on the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    task_fields: dict[str, Any] = {}
    architecture: str = catalogue.DEFAULT
    model: dict[str, Any] = {}
    baseline: Literal["lstm"] | None = Field(
        default=None, description="train this instead of a Neural Turing Machine"
    )
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
        """The task with the recipe's fields."""
        return TASKS[self.task](**self.task_fields)

    def make_polish_task(self) -> Task:
        """The task as it is during the polish.

        Raises:
            ValueError: its inputs or outputs are of another size
        """
        task, changed = self.make_task(), self.polish.task_fields if self.polish else {}
        other = TASKS[self.task](**{**self.task_fields, **changed})
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


def _copy_lengths(*lengths: int, sequences: int = 100) -> tuple[Setting, ...]:
    return tuple(
        Setting(
            sizes={"length": n},
            memory_slots=128 if n <= 120 else 1 << (n + 23).bit_length(),
            sequences=sequences,
        )
        for n in lengths
    )


def _recall_items(*settings: tuple[int, int], sequences: int = 100) -> tuple[Setting, ...]:
    """Rows of (items, memory slots)."""
    return tuple(
        Setting(sizes={"items": items}, memory_slots=slots, sequences=sequences)
        for items, slots in settings
    )


def _sort_items(*items: int, sequences: int = 100) -> tuple[Setting, ...]:
    return tuple(Setting(sizes={"items": n}, sequences=sequences) for n in items)


def _repeats(*settings: tuple[int, int], sequences: int = 100) -> tuple[Setting, ...]:
    """Rows of (length, repeats)."""
    return tuple(
        Setting(sizes={"length": length, "repeats": repeats}, sequences=sequences)
        for length, repeats in settings
    )


def _rounds(*settings: tuple[int, int], sequences: int = 100) -> tuple[Setting, ...]:
    """Rows of (sub-sequences, length)."""
    return tuple(
        Setting(sizes={"sub_sequences": rounds, "length": length}, sequences=sequences)
        for rounds, length in settings
    )


def _walks(*settings: tuple[int, int, int], sequences: int = 200) -> tuple[Setting, ...]:
    """Rows of (edges, edges of the walk, whether through a real map)."""
    return tuple(
        Setting(sizes={"edges": edges, "path": path, "underground": real}, sequences=sequences)
        for edges, path, real in settings
    )


LONG_STORIES = (2, 3, 5, 7, 8)  # of the bAbI tasks


def _babi_tasks(sequences: int) -> tuple[Setting, ...]:
    """Every task, with slots for the longest of its stories."""
    return tuple(
        Setting(
            sizes={"task": task},
            memory_slots=512 if task in LONG_STORIES else 64,
            sequences=sequences,
        )
        for task in range(1, 21)
    )


def _copy_steps(*lengths: int, sequences: int = 100) -> tuple[Setting, ...]:
    """Rows with a slot for every step, as a Transformer needs it."""
    return tuple(
        Setting(sizes={"length": n}, memory_slots=max(128, 2 * n + 2), sequences=sequences)
        for n in lengths
    )


_DECODER: dict[str, Any] = {  # how a decoder is trained
    "optimizer": "adamw",
    "warm_up": 100,
    "clip_norm": 1.0,
    "batch_size": 64,
    "updates": 3000,
}

RECIPES: dict[str, Recipe] = {
    "copy": Recipe(
        task="copy",
        learning_rate=3e-3,
        updates=4000,
        seeds=4,
        memory_slots=(20, 40),  # so few that writing while answering hurts, and is unlearnt
        # else some seeds write the last item twice
        polish=Polish(updates=800, learning_rate=1e-3, rewriting=0.3),
        selection=(
            *_copy_lengths(60, 120, 1000, sequences=48),
            *_copy_lengths(4000, sequences=8),
        ),
        own_write=OwnWrite(share=0.95, settings=_copy_lengths(20, 60, sequences=8)),
        evaluation=_copy_lengths(1, 10, 20, 30, 50, 120, 1000),
        reach=_copy_lengths(10_000, sequences=8),
    ),
    "copy-feedforward": Recipe(
        task="copy",
        model={"controller": "feedforward"},
        learning_rate=3e-3,
        updates=4000,
        seeds=4,
        memory_slots=(20, 40),
        selection=_copy_lengths(60, 120, sequences=64),
        evaluation=_copy_lengths(1, 10, 20, 30, 50, 120, 1000),
    ),
    "lstm-copy": Recipe(
        task="copy",
        architecture="lstm/1",
        clip_norm=1.0,
        batch_size=32,
        updates=6000,
        selection=tuple(row.without_memory() for row in _copy_lengths(30, 50, sequences=64)),
        evaluation=tuple(
            row.without_memory() for row in _copy_lengths(1, 10, 20, 30, 50, 120, 1000)
        ),
    ),
    "transformer-copy": Recipe(
        task="copy",
        architecture="transformer/1",
        model={"position": "rotary"},
        **_DECODER,
        seeds=3,
        selection=_copy_steps(30, 50, sequences=64),
        evaluation=_copy_steps(1, 10, 20, 30, 50, 120, 1000),
    ),
    "transformer-copy-feedback": Recipe(
        task="copy",
        architecture="transformer/1",
        # heads as wide as two vectors have bits, of which half see the last 1, 2 and 3 steps
        model={"position": "hard_alibi", "feedback": True, "width": 96, "heads": 6},
        **_DECODER | {"batch_size": 32, "updates": 4000},
        seeds=3,
        selection=_copy_steps(30, 50, sequences=64),
        evaluation=_copy_steps(1, 10, 20, 30, 50, 120),
        reach=_copy_steps(1000, sequences=20),  # step by step over a cache of 2002
    ),
    "dnc-copy": Recipe(
        task="copy",
        architecture="dnc/1",
        model={
            "controller_size": 64,
            "W": 16,
            # by exact usage a slot's place in the free list hangs on how an engine rounds
            "usage_levels": 256,
            "sharp_links": True,  # as in the paper, a read fades from 0.9 of a slot to 0.1 in 100
        },
        learning_rate=3e-3,
        batch_size=32,
        updates=2000,
        memory_slots=(21, 32),
        selection=_copy_lengths(60, 120, sequences=48),
        evaluation=_copy_lengths(1, 10, 20, 30, 50, 120),
        reach=_copy_lengths(1000, sequences=16),  # 4 MB of links a sequence
    ),
    "dnc-reuse-copy": Recipe(
        task="reuse-copy",
        task_fields={"max_length": 10},
        architecture="dnc/1",
        model={
            "controller_size": 64,
            "N": 16,
            "W": 16,
            "usage_levels": 256,
            "deallocation": True,
            "sharp_links": True,
        },
        learning_rate=3e-3,
        batch_size=32,
        updates=4000,
        decay_updates=1500,
        memory_slots=(11, 16),  # so few that two sub-sequences do not fit
        selection=_rounds((8, 14), (40, 8), sequences=48),
        evaluation=_rounds((1, 14), (4, 8), (4, 14), (8, 14), (16, 14), (40, 8)),
    ),
    "dnc-graph": Recipe(
        task="graph",
        architecture="dnc/1",
        model={
            "controller_size": 128,
            "N": 40,
            "W": 48,
            "usage_levels": 256,
            "masking": True,
            "links": False,
        },
        learning_rate=2e-3,
        batch_size=32,
        updates=20_000,
        decay_updates=6000,
        selection=_walks((32, 4, 1), sequences=128),
        evaluation=_walks((8, 1, 0), (32, 1, 0), (32, 4, 0), (16, 4, 1), (32, 4, 1), (32, 8, 1)),
    ),
    "associative-recall": Recipe(
        task="associative-recall",
        learning_rate=3e-3,
        updates=4000,
        compile=True,
        selection=_recall_items((20, 128), (50, 256), (100, 512), sequences=64),
        evaluation=_recall_items(
            (6, 128), (10, 128), (12, 128), (15, 128), (20, 128), (30, 128), (50, 256), (100, 512)
        ),
    ),
    "priority-sort": Recipe(
        task="priority-sort",
        model={
            "controller_size": 128,
            "num_reads": 2,
            "num_writes": 2,
            "N": 64,
            "initial_memory": "positional",  # a learned one left 16 wrong bits, a constant one more
        },
        key_strength_bias=5.0,
        learning_rate=3e-3,
        batch_size=32,
        updates=60_000,
        decay_updates=20_000,
        compile=True,
        selection=_sort_items(20, 25, sequences=64),
        evaluation=_sort_items(5, 10, 20, 25, 30),
    ),
    "repeat-copy": Recipe(
        task="repeat-copy",
        model={"N": 32},  # a longer circle than it was trained on blurs the jump back
        key_strength_bias=5.0,  # the read head jumps back to the first vector by its content
        learning_rate=2e-3,
        clip_norm=5.0,
        batch_size=32,
        updates=20_000,
        decay_updates=12_000,  # counting to 10 over longer vectors: 28 wrong bits with 6,000
        memory_slots=(12, 24),
        # counted to 10 over longer vectors it said the end one round early, 19 times of 20
        polish=Polish(
            updates=2000,
            learning_rate=1e-3,
            task_fields={"max_length": 20},
            memory_slots=(32, 32),
        ),
        compile=True,
        selection=_repeats((10, 10), (20, 10), (10, 20), sequences=64),
        evaluation=_repeats((5, 5), (10, 10), (20, 10), (10, 15), (10, 20)),
    ),
    "dynamic-ngrams": Recipe(
        task="dynamic-ngrams",
        model={"initial_memory": "learned", "N": 64},  # a slot for each of 32 contexts, and room
        key_strength_bias=5.0,
        learning_rate=3e-3,
        clip_norm=0.2,  # one gradient of norm 9, clipped at 1, undid 1,800 updates
        batch_size=16,
        updates=10_000,
        compile=True,
        selection=(Setting(sizes={"length": 200}, sequences=500),),
        evaluation=tuple(
            Setting(sizes={"length": length}, sequences=1000) for length in (100, 200, 400)
        ),
    ),
    "babi": Recipe(
        task="babi",
        architecture="memory-network/1",
        model={
            "d": 96,
            "hops": 4,
            "ages": 256,
            "encoding": "learned",  # 22 % wrong after 360 updates, 33 % with the paper's
            "hop_maps": True,
            "half_relu": True,
        },
        learning_rate=2e-3,
        clip_norm=5.0,
        batch_size=48,
        updates=9000,
        stories=StoryTraining(
            more_questions={4: 40_000, 17: 40_000, 19: 40_000, 16: 20_000},
            questions_a_story={4: 6, 19: 8},
            stories_a_draw={4: 4, 16: 3, 17: 3, 19: 3},  # short ones, and hard to learn
            supervision=0.3,
            untold=(7, 8),  # lists and counts rest on any number of facts
        ),
        selection=_babi_tasks(200),
        evaluation=_babi_tasks(1000),
    ),
}
