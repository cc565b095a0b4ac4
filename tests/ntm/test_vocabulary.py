"""Sentences to inputs and outputs to answers."""

import numpy as np
import pytest

from ntm.vocabulary import UnknownWords, Vocabulary, tokens

VOCABULARY = Vocabulary(
    words=("where", "is", "mary", "the", "kitchen", "went", "to"),
    answers=("kitchen", "garden", "apple,milk"),
    silence=2,
)


def test_a_text_is_sentences_questions_and_silence() -> None:
    asked = VOCABULARY.encode(["Mary went to the kitchen.", "Where is Mary?", "Mary went", "is?"])
    assert (asked.sentences, asked.questions) == ((0, 4), (1, 5))
    assert asked.inputs.shape == (8, 15)
    assert not asked.inputs[[2, 3, 6, 7]].any()
    np.testing.assert_array_equal(asked.inputs[:, -1], [0, 1, 0, 0, 0, 1, 0, 0])
    np.testing.assert_array_equal(asked.inputs[0, :7], [0, 0, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(asked.inputs[0, 7:14], [0, 0, 0.2, 0.8, 1, 0.4, 0.6])


def test_a_word_said_twice_counts_twice() -> None:
    row = VOCABULARY.row("mary is MARY")
    assert row[2] == 2
    assert row[9] == pytest.approx(1 / 3 + 1)


def test_words_are_told_apart_by_spaces_and_punctuation() -> None:
    assert tokens('Mary\'s dog, "Rex", said:  no!') == ["mary's", "dog", "rex", "said", "no"]
    assert tokens(" ... ") == []


def test_all_unknown_words_are_named_with_the_nearest_known() -> None:
    with pytest.raises(UnknownWords) as caught:
        VOCABULARY.encode(["Marry wents to the zzz.", "Where is Marry?"])
    message = str(caught.value)
    assert message.startswith("unknown words: 'marry' (nearest: mary); 'wents' (nearest: went")
    assert message.endswith("; 'zzz'")


def test_a_sentence_without_a_word_is_refused() -> None:
    with pytest.raises(ValueError, match="no word in '\\?'"):
        VOCABULARY.encode(["Mary is", "?"])


def test_the_best_answers_come_first() -> None:
    output = np.array([0.2, 0.3, 0.5], np.float32)
    assert [word for word, _ in VOCABULARY.best(output, 2)] == ["apple,milk", "garden"]
    assert VOCABULARY.best(output)[0][1] == pytest.approx(0.5)
    assert VOCABULARY.answer(output) == "apple,milk"


def test_it_survives_its_description() -> None:
    told = VOCABULARY.model_dump(mode="json")
    assert Vocabulary.model_validate(told) == VOCABULARY


def test_a_sentence_is_read_back_from_its_input() -> None:
    for text in ("mary went to the kitchen", "is", "where is mary", "the mary the to is"):
        assert VOCABULARY.sentence(VOCABULARY.row(text)) == text


def test_only_some_of_very_many_unknown_words_are_named() -> None:
    with pytest.raises(UnknownWords, match=r"and 992 more$"):
        VOCABULARY.encode([f"x{n}" for n in range(1000)])
