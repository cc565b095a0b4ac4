"""Training a memory network on whole stories of the bAbI tasks, beside the loop over steps.

Stories are drawn once and read many times. A task is practised the more often the more of its
questions were answered wrong lately.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ntm import seeds
from ntm.architectures.memory_network.model import MemoryNetwork
from ntm.architectures.memory_network.stories import Read, Stories, read
from ntm.tasks import babi
from ntm.tasks.babi.stories import Story
from ntm.tasks.babi.task import Babi
from ntm.training.loop import Terms, Trainer
from ntm.training.recipe import Recipe, StoryTraining
from ntm.training.schedule import learning_rate
from ntm.vocabulary import Vocabulary

LATELY = 0.02  # of a running average, the part of one batch
LENGTHS = (12, 36)  # stories up to so many sentences are read together: the padding is short
NONE = -1

Integers = NDArray[np.int64]


class Tokens(NamedTuple):
    """A story in numbers: rows of the pool's table, classes, places of sentences."""

    task: int
    sentences: Integers  # [S]
    questions: Integers  # [Q]
    answers: Integers  # [Q]
    positions: Integers  # sentences before each question [Q]
    facts: Sequence[tuple[int, ...]]  # the supporting sentences of each question


class Pool:
    """Stories of all tasks, and a table of their different sentences and questions."""

    def __init__(self, task: Babi, training: StoryTraining, seed: int) -> None:
        self.vocabulary: Vocabulary = task.vocabulary
        self.numbers: dict[str, int] = {}  # of the rows of the table, by their text
        rng = seeds.generator("stories", seed)
        self.stories = {number: self._draw(number, rng, training) for number in task.tasks}
        rows = [self.vocabulary.row(text)[:-1] for text in self.numbers]
        self.table = torch.from_numpy(np.array(rows))

    def _draw(self, task: int, rng: np.random.Generator, training: StoryTraining) -> list[Tokens]:
        """Stories of one task with the number of questions that is asked for."""
        asked = training.questions_a_story.get(task)
        paces = training.paces.get(task, (2,))
        wanted = training.more_questions.get(task, training.questions) / len(paces)
        stories: list[Tokens] = []
        for pace in paces:
            questions = 0
            while questions < wanted:
                story = next(
                    babi.generate(
                        task, rng, 1, questions=asked, pace=pace, last_moves=training.last_moves
                    )
                )
                stories.append(self.numbered(task, story))
                questions += len(story.questions)
        return stories

    def numbered(self, task: int, story: Story) -> Tokens:
        """A story in numbers; its new sentences become rows of the table."""
        index = self.vocabulary.answers.index
        return Tokens(
            task,
            np.array([self._row(sentence) for sentence in story.sentences]),
            np.array([self._row(question.text) for question in story.questions]),
            np.array([index(question.answer) for question in story.questions]),
            np.array([question.position for question in story.questions]),
            [question.support for question in story.questions],
        )

    def _row(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))


class Batch(NamedTuple):
    """Stories to read, and what should come of it."""

    stories: Stories
    answers: Tensor  # classes [B, Q]; -1 where there is no question
    facts: Tensor  # the sentence that each hop should attend to [B, Q, K]; -1 for any


def batch_of(
    stories: Sequence[Tokens],
    table: Tensor,
    hops: int,
    training: StoryTraining,
    rng: np.random.Generator | None = None,
) -> Batch:
    """A batch, padded to its longest story.

    Args:
        stories: to read
        table: of the pool [rows, 2 V]
        hops: K
        training: which tasks have their supporting facts told
        rng: draws random noise, gaps between sentences as if there were empty ones; None: none
    """
    shape = len(stories), max(len(s.questions) for s in stories)
    length = max(len(story.sentences) for story in stories)
    sentences, questions = np.zeros((shape[0], length), np.int64), np.zeros(shape, np.int64)
    ages, answers = np.full((*shape, length), NONE), np.full(shape, NONE)
    facts = np.full((*shape, hops), NONE)
    for b, story in enumerate(stories):
        count, asked = len(story.sentences), len(story.questions)
        sentences[b, :count], questions[b, :asked] = story.sentences, story.questions
        answers[b, :asked] = story.answers
        times = np.arange(count + 1)
        if rng is not None:
            times += np.cumsum(rng.random(count + 1) < training.noise * rng.random())
        since = times[story.positions, None] - times[None, :count] - 1
        heard = np.arange(count) < story.positions[:, None]
        ages[b, :asked, :count] = np.where(heard, since, NONE)
        if story.task not in training.untold:
            for q, support in enumerate(story.facts):
                if len(support) <= hops:
                    facts[b, q, hops - len(support) :] = support
    used, places = np.unique(np.concatenate((sentences, questions), axis=1), return_inverse=True)
    places = places.reshape(shape[0], -1)
    return Batch(
        Stories(
            table[torch.from_numpy(used)],
            torch.from_numpy(places[:, :length]),
            torch.from_numpy(places[:, length:]),
            torch.from_numpy(ages),
        ),
        torch.from_numpy(answers),
        torch.from_numpy(facts),
    )


def loss_of(found: Read, batch: Batch, supervision: float) -> Tensor:
    """The sum over questions of − log â, and of − log p^k at the supporting facts, weighted."""
    loss = F.cross_entropy(
        found.logits.flatten(0, 1), batch.answers.flatten(), ignore_index=NONE, reduction="sum"
    )
    for hop, attention in enumerate(found.attention):
        fact = batch.facts[:, :, hop]
        told = fact != NONE
        if supervision and told.any():
            missed = torch.gather(attention, 2, fact.clamp(min=0).unsqueeze(-1)).squeeze(-1)
            loss = loss - supervision * missed[told].sum()
    return loss


class StoryTrainer(Trainer):
    """One seed of a recipe that trains on whole stories."""

    def __init__(self, recipe: Recipe, seed: int, folder: Path, terms: Terms | None = None) -> None:
        super().__init__(recipe, seed, folder, terms)
        self.draw_pool()

    def draw_pool(self) -> None:
        """Draw the stories to practise from now on."""
        recipe, polish = self.recipe, self.recipe.polish
        if recipe.stories is None or not isinstance(self.task, Babi):
            raise ValueError(f"{recipe.task} is not trained on whole stories")
        self.training = recipe.stories
        if polish is not None and polish.stories and self.progress.polish_since is not None:
            self.training = polish.stories
        self.pool = Pool(self.task, self.training, self.seed)

    def begin_polish(self) -> None:
        """From now on the recipe's polish holds, with stories of its own."""
        super().begin_polish()
        self.draw_pool()

    def step(self) -> tuple[float, float, float]:
        """One gradient step on stories of many tasks; the loss, the rate, the gradient's norm."""
        rate = learning_rate(self.progress, self.recipe)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        model, chosen = cast(MemoryNetwork, self.model), self.draw_stories()
        linear = self.progress.update < self.training.linear_start
        self.optimizer.zero_grad()
        word_map = model.word_map()
        shared = word_map.detach().requires_grad_()
        asked = sum(len(story.questions) for story in chosen)
        loss, wrong = 0.0, 0
        for stories in by_length(chosen):
            batch = batch_of(stories, self.pool.table, model.config.hops, self.training, self.rng)
            found = read(model, batch.stories, shared, linear=linear)
            part = loss_of(found, batch, self.training.supervision) / asked
            part.backward()
            loss += part.item()
            wrong += self._observe(stories, found, batch)
        word_map.backward(shared.grad)
        norm = nn.utils.clip_grad_norm_(model.parameters(), self.recipe.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.progress.observe(wrong / asked)
        self.progress.update += 1
        self.progress.sequences += len(chosen)
        return loss, rate, norm.item()

    def draw_stories(self) -> list[Tokens]:
        """The stories of the next batch, the shortest first."""
        tasks, errors = list(self.pool.stories), self.progress.task_errors
        weights = np.array([self.training.always + errors.get(str(task), 1.0) for task in tasks])
        drawn = self.rng.choice(tasks, self.recipe.batch_size, p=weights / weights.sum())
        each = [self.training.stories_a_draw.get(task, 1) for task in drawn.tolist()]
        stories = [self.pool.stories[task] for task in np.repeat(drawn, each).tolist()]
        chosen = [those[self.rng.integers(len(those))] for those in stories]
        return sorted(chosen, key=lambda story: len(story.sentences))

    def _observe(self, stories: Sequence[Tokens], found: Read, batch: Batch) -> int:
        """Take which answers were wrong into the tasks' running averages; how many were."""
        wrong = (found.logits.detach().argmax(-1) != batch.answers) & (batch.answers != NONE)
        counts = wrong.sum(1).tolist()
        errors = self.progress.task_errors
        for story, count in zip(stories, counts, strict=True):
            before = errors.get(str(story.task), 1.0)
            errors[str(story.task)] = before + LATELY * (count / len(story.questions) - before)
        return int(sum(counts))


def by_length(stories: Sequence[Tokens]) -> list[list[Tokens]]:
    """Stories of similar lengths together; none of the parts is empty."""
    bounds = (0, *LENGTHS, np.inf)
    parts = [
        [story for story in stories if low < len(story.sentences) <= high]
        for low, high in pairwise(bounds)
    ]
    return [part for part in parts if part]
