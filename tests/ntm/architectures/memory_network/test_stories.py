"""Whole stories at once give what the steps give, which the reference has checked."""

from typing import Any

import numpy as np
import pytest
import torch

from ntm.architectures.memory_network.model import MemoryNetwork
from ntm.architectures.memory_network.stories import Stories, read
from ntm.tasks import babi
from ntm.tasks.babi.task import Babi

TASK = Babi()
VARIANTS: list[dict[str, Any]] = [
    {"hops": 2},
    {"hops": 3, "hop_maps": True, "half_relu": True, "encoding": "learned"},
    {"hops": 3, "tying": "layer-wise", "encoding": "learned"},
]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_question_is_answered_as_by_steps(variant: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = MemoryNetwork(
        input_size=TASK.input_size, output_size=TASK.output_size, d=6, ages=9, **variant
    ).double()
    with torch.no_grad():
        model.embedding.mul_(5)
    rng = np.random.default_rng(0)
    told = [next(babi.generate(task, rng, 1)) for task in (2, 6, 17)]
    texts = list({t for s in told for t in (*s.sentences, *(q.text for q in s.questions))})
    shape = len(told), max(len(s.questions) for s in told), max(len(s.sentences) for s in told)
    sentences = np.zeros((shape[0], shape[2]), np.int64)
    questions, ages = np.zeros(shape[:2], np.int64), np.full(shape, -1)
    for b, story in enumerate(told):
        sentences[b, : len(story.sentences)] = [texts.index(s) for s in story.sentences]
        for q, question in enumerate(story.questions):
            questions[b, q] = texts.index(question.text)
            ages[b, q, : question.position] = np.arange(question.position)[::-1]
    rows = np.array([TASK.vocabulary.row(text)[:-1] for text in texts])
    arrays = (rows.astype(float), sentences, questions, ages)
    found = read(model, Stories(*map(torch.from_numpy, arrays)), model.word_map())
    for b, story in enumerate(told):
        for q, question in enumerate(story.questions):
            inputs = TASK.vocabulary.encode([*story.before(question), question.text]).inputs
            steps = torch.from_numpy(inputs.astype(float))
            outputs, _, record = model.unroll(steps, record="addressing", memory_slots=99)
            probabilities = torch.softmax(found.logits[b, q], dim=-1)
            torch.testing.assert_close(probabilities, outputs[-1, 0], atol=1e-7, rtol=0)
            for hop in range(model.config.hops):
                heard = question.position
                seen = record["attention"][heard + 1 + hop, 0, 0, :heard]
                attention = found.attention[hop][b, q, :heard].exp()
                torch.testing.assert_close(attention, seen, atol=1e-7, rtol=0)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_step_of_any_sequence_has_the_output_of_the_steps(variant: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = MemoryNetwork(input_size=13, output_size=4, d=6, ages=5, N=30, **variant).double()
    rng = np.random.default_rng(0)
    sequence = rng.random((30, 70, 13)).round() * rng.integers(0, 2, (30, 70, 1))
    sequence[..., -1] = rng.random((30, 70)) < 0.15
    rows = torch.from_numpy(sequence)
    with torch.inference_mode():
        state = model.initial_state(70)
        steps = torch.stack([output for output, _, _ in model.steps(rows, state)])
        whole = model.predict(rows)
        few = model.predict(rows, 4)
    torch.testing.assert_close(whole, steps, atol=1e-9, rtol=0)
    assert not torch.allclose(few, steps, atol=1e-3), "four slots forget"
    alone = model.predict(rows[:, 0])[:, 0]
    torch.testing.assert_close(alone.detach(), whole[:, 0], atol=1e-9, rtol=0)


def test_linear_hops_weigh_by_scores() -> None:
    torch.manual_seed(0)
    model = MemoryNetwork(input_size=5, output_size=3, d=4, hops=1, ages=3)
    stories = Stories(
        torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 1]]),
        torch.tensor([[0, 1]]),
        torch.tensor([[1]]),
        torch.tensor([[[1, 0]]]),
    )
    found = read(model, stories, model.word_map(), linear=True)
    m, c = (stories.rows @ model.word_map()).split(4, dim=1)
    (m_age, c_age), u = model.age.split(4, dim=1), m[1]
    order = torch.tensor([1, 0])
    scores = (m + m_age[order]) @ u
    expected = model.output(u + scores @ (c + c_age[order]))
    torch.testing.assert_close(found.logits[0, 0], expected)
    assert not found.attention
