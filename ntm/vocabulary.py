"""The vocabulary of a model that is asked in words: sentences to inputs, outputs to answers.

NumPy only. A sentence is the two sums over its words that position encodings are linear in.
"""

import difflib
import re
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Float = NDArray[np.float32]

WORD = re.compile(r"[^\s.,;:!?\"]+")
NEAREST = 3  # known words that are named for one that is not
NAMED = 8  # unknown words
LONGEST = 40  # letters of a word that known ones are looked for that are near it


class UnknownWords(ValueError):
    """Words that are not in the vocabulary; the message names them and the nearest known ones."""


class Asked(NamedTuple):
    """A text as the steps of a sequence."""

    inputs: Float  # [T, input_size]
    sentences: tuple[int, ...]  # the step of every sentence
    questions: tuple[int, ...]  # the step of every question


class Vocabulary(BaseModel):
    """The words that a model knows, its answers, and how long it thinks after a question.

    An input holds 2 V + 1 numbers for V words: how often each occurs, the sum of its places j / J
    in a sentence of J words, and 1 for a question. `silence` steps of zeros follow every question;
    the last of them has the answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: tuple[str, ...] = Field(min_length=1)
    answers: tuple[str, ...] = Field(min_length=1)
    silence: int = Field(ge=0)

    @property
    def input_size(self) -> int:
        """Channels of the input."""
        return 2 * len(self.words) + 1

    @property
    def output_size(self) -> int:
        """Channels of the output, one an answer."""
        return len(self.answers)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def encode(self, text: Sequence[str]) -> Asked:
        """Sentences and questions, which end with a question mark, as steps.

        Raises:
            UnknownWords: some are not in the vocabulary
            ValueError: a sentence has no words
        """
        self.refuse_unknown(text)
        rows, sentences, questions = list[Float](), list[int](), list[int]()
        for sentence in text:
            asks = is_question(sentence)
            (questions if asks else sentences).append(len(rows))
            rows.append(self.row(sentence))
            if asks:
                rows += [np.zeros(self.input_size, np.float32)] * self.silence
        return Asked(np.array(rows), tuple(sentences), tuple(questions))

    def row(self, sentence: str) -> Float:
        """One sentence or question as an input [2 V + 1]; its words are known."""
        row = np.zeros(self.input_size, np.float32)
        words = tokens(sentence)
        if not words:
            raise ValueError(f"there is no word in {sentence!r:.40}")
        numbers = [self._numbers[word] for word in words]
        places = np.arange(1, len(words) + 1, dtype=np.float32) / np.float32(len(words))
        np.add.at(row, numbers, 1)
        np.add.at(row[len(self.words) :], numbers, places)
        row[-1] = is_question(sentence)
        return row

    def sentence(self, row: Float) -> str:
        """The words of an input [2 V + 1] in their order, as far as their places tell it.

        Where words come more than once, they fill the places that the others leave.
        """
        count = len(self.words)
        times, places = np.rint(row[:count]).astype(int), row[count : 2 * count]
        length = int(times.sum())
        order: list[str | None] = [None] * length
        for number in np.flatnonzero(times == 1):
            order[min(max(round(float(places[number]) * length) - 1, 0), length - 1)] = self.words[
                number
            ]
        left = [i for i, word in enumerate(order) if word is None]
        again = [self.words[n] for n in np.flatnonzero(times > 1) for _ in range(times[n])]
        for i, word in zip(left, again, strict=False):
            order[i] = word
        return " ".join(word for word in order if word is not None)

    def steps(self, text: Sequence[str]) -> int:
        """How many steps a text has, before it is encoded."""
        return len(text) + self.silence * sum(map(is_question, text))

    def refuse_unknown(self, text: Sequence[str]) -> None:
        """Name the words of a text that are not known.

        Raises:
            UnknownWords: there are such
        """
        if unknown := self.unknown(text):
            named = [self.told_of(word) for word in unknown[:NAMED]]
            more = [f"and {len(unknown) - NAMED} more"] if len(unknown) > NAMED else []
            raise UnknownWords("unknown words: " + "; ".join(named + more))

    def unknown(self, text: Sequence[str]) -> list[str]:
        """The words of a text that are not in the vocabulary, in their order."""
        words = dict.fromkeys(word for sentence in text for word in tokens(sentence))
        return [word for word in words if word not in self._numbers]

    def told_of(self, word: str) -> str:
        """An unknown word and the known ones nearest to it, for a sentence."""
        nearest = difflib.get_close_matches(word[:LONGEST], self.words, NEAREST, 0.5)
        return f"'{word:.40}'" + (f" (nearest: {', '.join(nearest)})" if nearest else "")

    def best(self, output: Float, most: int = 5) -> list[tuple[str, float]]:
        """The most probable answers of one step's output [output_size], best first."""
        order = np.argsort(-output, kind="stable")[:most]
        return [(self.answers[place], float(output[place])) for place in order]

    def answer(self, output: Float) -> str:
        """The most probable answer of one step's output [output_size]."""
        return self.answers[int(output.argmax())]


def tokens(sentence: str) -> list[str]:
    """The words of a sentence, in lower case and without its punctuation."""
    return WORD.findall(sentence.lower())


def is_question(sentence: str) -> bool:
    """Whether it ends with a question mark."""
    return sentence.rstrip().endswith("?")
