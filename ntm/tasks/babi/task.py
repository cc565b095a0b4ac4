"""The twenty bAbI tasks as one task: a story, a question at its end, the answer as one class."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from ntm.tasks.babi import NAMES, generate
from ntm.tasks.babi.draw import pick
from ntm.tasks.babi.examples import STORIES
from ntm.tasks.babi.vocabulary import VOCABULARY
from ntm.tasks.base import Episode, Float, Phase, Size, Sizes, Task, begun, unanswered
from ntm.vocabulary import Vocabulary


class Babi(Task):
    """A step hears a sentence or the question; then come silent steps, the last of which answers.

    The channels are those of the vocabulary. Stories of a batch end together: the shorter ones
    begin with silence.
    """

    name: ClassVar[str] = "babi"
    unit: ClassVar[str] = "wrong answers"

    tasks: tuple[int, ...] = Field(default=tuple(NAMES), min_length=1)
    vocabulary: Vocabulary = VOCABULARY

    @field_validator("tasks")
    @classmethod
    def _known(cls, tasks: tuple[int, ...]) -> tuple[int, ...]:
        for task in tasks:
            if task not in NAMES:
                raise ValueError(f"no bAbI task {task}, expected 1 to {len(NAMES)}")
        return tasks

    @property
    def input_size(self) -> int:
        return self.vocabulary.input_size

    @property
    def output_size(self) -> int:
        return self.vocabulary.output_size

    @property
    def sizes(self) -> dict[str, Size]:
        return {"task": Size(1, len(NAMES), self.tasks[0], "number of the bAbI task")}

    @property
    def stories(self) -> Mapping[str, tuple[str, ...]]:
        return STORIES

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        return {"task": pick(rng, self.tasks)}

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        task, rows = self.complete(sizes)["task"], list[Float]()
        answers = np.zeros(batch_size, np.int64)
        for b, story in enumerate(generate(task, rng, batch_size)):
            question = pick(rng, story.questions)
            rows.append(self.vocabulary.encode([*story.before(question), question.text]).inputs)
            answers[b] = self.vocabulary.answers.index(question.answer)
        steps = max(map(len, rows))
        inputs = np.zeros((steps, batch_size, self.input_size), np.float32)
        for b, row in enumerate(rows):
            inputs[steps - len(row) :, b] = row
        targets = unanswered(steps, batch_size, self.output_size)
        targets[-1] = np.eye(self.output_size, dtype=np.float32)[answers]
        return Episode(inputs, targets, self.phases(inputs[:, 0]))

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        asked = np.flatnonzero(inputs[:, -1] > 0.5)
        if len(asked) != 1:
            return ()
        return begun(inputs, ("story", 0), ("question", asked[0]), ("answer", asked[0] + 1))

    def error(self, outputs: Float, targets: Float) -> NDArray[np.float64]:
        """How many questions of each sequence were answered wrong, [B]."""
        answered = ~np.isnan(targets).any(axis=-1)
        wrong = outputs.argmax(axis=-1) != targets.argmax(axis=-1)
        return np.asarray((wrong & answered).sum(axis=0), np.float64)
