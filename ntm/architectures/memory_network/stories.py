"""Whole stories at once, to train and to measure: what the steps compute, without steps.

All questions of a story share its sentences' embeddings; how old a sentence is and whether it was
heard at all depends on the question.
"""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ntm.architectures.memory_network.config import MemoryNetworkConfig
from ntm.architectures.memory_network.encoding import QUESTION

NEVER = -1e30  # the score of a slot that holds no sentence


class Reader(Protocol):
    """As much of a `MemoryNetwork` as reads stories."""

    @property
    def config(self) -> MemoryNetworkConfig:
        """Sizes and wiring."""
        ...

    @property
    def age(self) -> Tensor:
        """The temporal encoding, a row an age [ages, columns]."""
        ...

    @property
    def output(self) -> Any:
        """The layer W, a module."""
        ...

    def word_map(self) -> Tensor:
        """What a sentence's sums are multiplied by [2 V, columns]."""
        ...

    def after_hop(self, internal: Tensor, response: Tensor, hop: int) -> Tensor:
        """u^{k+1} [..., d] from u^k and o^k."""
        ...

    def activate(self, logits: Tensor) -> Tensor:
        """The probabilities of the answers."""
        ...


class Stories(NamedTuple):
    """A batch of B stories with up to S sentences and Q questions each."""

    rows: Tensor  # different sentences and questions as inputs without the mark [U, 2 V]
    sentences: Tensor  # the row of every sentence [B, S]
    questions: Tensor  # the row of every question [B, Q]
    ages: Tensor  # sentences heard since, for every question; -1 where not yet heard [B, Q, S]


class Read(NamedTuple):
    """What a model made of a batch of stories."""

    logits: Tensor  # the answers' scores [B, Q, O]
    states: list[Tensor]  # u^1 .. u^{K+1} [B, Q, d]
    attention: list[Tensor]  # log p^k of every hop [B, Q, S]; empty where hops were linear


def read(model: Reader, stories: Stories, word_map: Tensor, *, linear: bool = False) -> Read:
    """Answer every question of every story.

    Args:
        model: any wiring
        stories: to read
        word_map: the model's, which several batches may share [2 V, columns]
        linear: leave the softmax out of the hops, as a training may start (Section 4.2)
    """
    config = model.config
    embedded = stories.rows @ word_map
    told = F.embedding(stories.sentences, embedded[:, : config.width])
    memory = told.split(config.d, dim=-1)
    ages = model.age.split(config.d, dim=-1)
    heard = stories.ages >= 0
    at = stories.ages.clamp(0, config.ages - 1)
    internal = F.embedding(stories.questions, embedded[:, config.question])
    states = [internal]
    attention: list[Tensor] = []
    for hop in range(config.hops):
        place = hop if config.tying == "adjacent" else 0
        scores = internal @ memory[place].transpose(1, 2)
        scores = scores + torch.gather(internal @ ages[place].T, 2, at)
        if linear:
            weighting = scores.masked_fill(~heard, 0)
        else:
            attention.append(torch.log_softmax(scores.masked_fill(~heard, NEVER), dim=-1))
            weighting = attention[-1].exp() * heard
        aged = weighting.new_zeros((*weighting.shape[:2], config.ages))
        aged = aged.scatter_add(2, at, weighting)
        response = weighting @ memory[place + 1] + aged @ ages[place + 1]
        internal = model.after_hop(internal, response, hop)
        states.append(internal)
    return Read(model.output(internal), states, attention)


class Course(NamedTuple):
    """What every step of a batch of sequences hears or does, [T, B] each."""

    told: Tensor  # whether it hears a sentence
    asked: Tensor  # whether it hears a question
    question: Tensor  # the number of the last question so far, -1 before the first
    hops: Tensor  # how many hops that question has had after the step


def course_of(sequence: Tensor, hops: int) -> Course:
    """The course of sequences [T, B, 2 V + 1] with K hops to a question."""
    asked = sequence[..., -1] > QUESTION
    spoken = sequence[..., :-1].abs().amax(-1) > 0
    told = spoken & ~asked
    left = torch.zeros_like(asked[0], dtype=torch.int64)
    done, course = left.clone(), []
    for t in range(len(sequence)):
        hopping = ~(spoken[t] | asked[t]) & (left > 0)
        left = torch.where(asked[t], hops, torch.where(told[t], 0, left - hopping.long()))
        done = torch.where(asked[t], 0, done + hopping)
        course.append(done)
    return Course(told, asked, asked.cumsum(0) - 1, torch.stack(course))


def outputs_of(model: Reader, sequence: Tensor) -> Tensor:
    """The outputs of every step, with a slot for every sentence.

    Args:
        model: any wiring
        sequence: [T, B, input_size]
    Returns:
        [T, B, output_size]
    """
    course, (steps, batch, _) = course_of(sequence, model.config.hops), sequence.shape
    numbers = torch.arange(steps * batch, device=sequence.device).view(steps, batch)
    sentences = gathered(numbers, course.told)
    questions = gathered(numbers, course.asked)
    heard = gathered(course.told.cumsum(0), course.asked).unsqueeze(-1)
    places = torch.arange(sentences.shape[1], device=sequence.device)
    ages = torch.where(places < heard, heard - 1 - places, -1)
    rows = sequence[..., :-1].flatten(0, 1)
    found = read(model, Stories(rows, sentences, questions, ages), model.word_map())
    states = torch.stack(found.states, dim=2)
    states = torch.cat((torch.zeros_like(states[:, :1]), states), dim=1)  # before any question
    rows_of = torch.arange(batch, device=sequence.device)
    internal = states[rows_of, course.question + 1, course.hops]
    return model.activate(model.output(internal))


def gathered(values: Tensor, chosen: Tensor) -> Tensor:
    """The chosen ones of values [T, B] of every row, in their order: [B, most], then zeros."""
    order = chosen.cumsum(0) - 1
    most = int(order.max()) + 1 if order.numel() else 0
    found = values.new_zeros(values.shape[1], max(most, 1))
    steps, rows = torch.nonzero(chosen, as_tuple=True)
    found[rows, order[steps, rows]] = values[steps, rows]
    return found
