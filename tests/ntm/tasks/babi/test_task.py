"""The bAbI tasks as sequences: every word and answer is known, the layout is the one described."""

import numpy as np
import pytest

from ntm.tasks import babi
from ntm.tasks.babi.task import Babi
from ntm.tasks.babi.vocabulary import VOCABULARY
from ntm.vocabulary import tokens
from tests.ntm.tasks.babi.solver import solve

TASK = Babi()


def test_the_vocabulary_has_every_word_and_answer_and_no_other_word() -> None:
    rng, words = np.random.default_rng(0), set[str]()
    for task in babi.NAMES:
        for story in babi.generate(task, rng, 250):
            texts = [*story.sentences, *(question.text for question in story.questions)]
            words |= {word for text in texts for word in tokens(text)}
            assert {question.answer for question in story.questions} <= set(VOCABULARY.answers)
    assert words == set(VOCABULARY.words)
    assert len(set(VOCABULARY.answers)) == len(VOCABULARY.answers) == 60


@pytest.mark.parametrize("task", babi.NAMES)
def test_a_sequence_is_a_story_its_question_and_silence(task: int) -> None:
    episode = TASK.sample(np.random.default_rng(task), 4, task=task)
    inputs, words = episode.inputs, len(VOCABULARY.words)
    for b in range(4):
        spoken = np.flatnonzero(inputs[:, b].any(axis=1))
        asked = np.flatnonzero(inputs[:, b, -1])
        assert asked.tolist() == [len(inputs) - 1 - VOCABULARY.silence]
        assert spoken.tolist() == list(range(spoken[0], asked[0] + 1))
        counts, places = inputs[spoken, b, :words], inputs[spoken, b, words:-1]
        length = counts.sum(axis=1)
        np.testing.assert_allclose(places.sum(axis=1), (length + 1) / 2, rtol=1e-5)
    answered = np.flatnonzero(np.isfinite(episode.targets[:, 0, 0]))
    assert answered.tolist() == [len(inputs) - 1]
    assert [phase.name for phase in episode.phases] == ["story", "question", "answer"]


def test_the_answer_is_the_storys() -> None:
    rows = VOCABULARY.encode(["Mary went to the kitchen.", "Where is Mary?"]).inputs
    for b in range(40):
        episode = TASK.sample(np.random.default_rng(b), 1, task=1)
        told = episode.inputs[:, 0]
        questions = told[told[:, -1] == 1]
        mentions = np.flatnonzero(
            (told[:-5] * questions[0])[:, VOCABULARY.words.index(_name(told))]
        )
        place = VOCABULARY.answer(episode.targets[-1, 0])
        assert told[mentions[-1], VOCABULARY.words.index(place)] == 1
    assert rows.shape == (2 + VOCABULARY.silence, VOCABULARY.input_size)


def _name(told: np.ndarray) -> str:
    """Who is asked for in a story of task 1."""
    question = told[told[:, -1] == 1][0]
    (name,) = {VOCABULARY.words[n] for n in np.flatnonzero(question[: len(VOCABULARY.words)])} - {
        "where", "is",
    }  # fmt: skip
    return name


def test_an_error_is_a_wrong_answer() -> None:
    episode = TASK.sample(np.random.default_rng(0), 3, task=4)
    outputs = np.nan_to_num(episode.targets)
    outputs[-1, 1] = np.roll(outputs[-1, 1], 1)
    np.testing.assert_array_equal(TASK.error(outputs, episode.targets), [0, 1, 0])


def test_a_task_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no bAbI task 21"):
        Babi(tasks=(1, 21))


def test_the_stories_to_start_from_are_in_its_words_and_have_answers() -> None:
    task = Babi()
    assert len(task.stories) == 10
    for text in task.stories.values():
        assert task.vocabulary.unknown(text) == []
        heard: list[str] = []
        for sentence in text:
            if sentence.endswith("?"):
                assert solve(heard, sentence)[0] in task.vocabulary.answers
            else:
                heard.append(sentence)
        assert heard != list(text)
