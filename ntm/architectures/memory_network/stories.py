"""Whole stories at once, for training: what the steps of `MemoryNetwork` compute, without steps.

All questions of a story share its sentences' embeddings; how old a sentence is and whether it was
heard at all depends on the question.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ntm.architectures.memory_network.model import NEVER, MemoryNetwork


class Stories(NamedTuple):
    """A batch of B stories with up to S sentences and Q questions each."""

    rows: Tensor  # different sentences and questions as inputs without the mark [U, 2 V]
    sentences: Tensor  # the row of every sentence [B, S]
    questions: Tensor  # the row of every question [B, Q]
    ages: Tensor  # sentences heard since, for every question; -1 where not yet heard [B, Q, S]


class Read(NamedTuple):
    """What a model made of a batch of stories."""

    logits: Tensor  # the answers' scores [B, Q, O]
    attention: list[Tensor]  # log p^k of every hop [B, Q, S]; empty where hops were linear


def read(model: MemoryNetwork, stories: Stories, word_map: Tensor, *, linear: bool = False) -> Read:
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
    return Read(model.output(internal), attention)
