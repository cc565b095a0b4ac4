"""Pairs of tokens from text files: `a b c<TAB>c b a` a line, heard and answered one a step."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from ntm.tasks.base import Float, Phase, begun, marked, unanswered
from ntm.tasks.origin import Source, SourceError, files_in
from ntm.tasks.pair_files import Arrays
from ntm.tasks.pairs import ClassPairs

END = "</s>"  # the answer that ends an answer
Pair = tuple[tuple[str, ...], tuple[str, ...]]


class TokenPairs(ClassPairs):
    """Every token of the input is one step; then a marker; then answers, and `</s>` after them.

    Channels 0 to V - 1 are the tokens of the inputs, channel V the marker. The outputs are the
    tokens of the answers and `</s>`, the last.
    """

    name: ClassVar[str] = "token-pairs"
    unit: ClassVar[str] = "wrong tokens"

    heard_tokens: tuple[str, ...] = Field(min_length=1)
    answer_tokens: tuple[str, ...] = Field(min_length=1)

    @classmethod
    def of(cls, path: Path, source: Source, share: float) -> Self:
        pairs = read_pairs(path)
        arrays = cls.read(path, source.sha256)
        sides = (vocabulary(side for side, _ in pairs), vocabulary(side for _, side in pairs))
        return cls.described(
            arrays, source, share, heard_tokens=sides[0], answer_tokens=(*sides[1], END)
        )

    @classmethod
    def read(cls, path: Path, sha256: str) -> Arrays:
        return _read(path.absolute(), path, sha256)

    def encode(self, tokens: Sequence[str], answers: int) -> Float:
        """The sequence [T, input_size] that asks for the answer to some tokens.

        Args:
            tokens: of the input
            answers: how many steps there are to answer in, that of `</s>` included
        Raises:
            ValueError: a token is not known
        """
        for token in tokens:
            if token not in self.heard_tokens:
                raise ValueError(f"unknown token '{token}'")
        return encoded(tokens, self.heard_tokens, answers)

    def decode(self, outputs: Float) -> list[str]:
        """The tokens of the answering steps of some outputs [T, output_size], up to `</s>`."""
        tokens = [self.answer_tokens[number] for number in outputs.argmax(axis=-1)]
        return tokens[: tokens.index(END)] if END in tokens else tokens

    def answer(self, inputs: Float, outputs: Float) -> str | None:
        ends = marked(inputs, self.inputs - 1)
        return " ".join(self.decode(outputs[ends[0] + 1 :])) if len(ends) == 1 else None

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        ends = marked(inputs, self.inputs - 1)
        return begun(inputs, ("input", 0), ("answer", ends[0] + 1)) if len(ends) == 1 else ()


def encoded(tokens: Sequence[str], known: Sequence[str], answers: int) -> Float:
    """Tokens, the marker and silence, [T, V + 1]."""
    inputs = np.zeros((len(tokens) + 1 + answers, len(known) + 1), np.float32)
    inputs[np.arange(len(tokens)), [known.index(token) for token in tokens]] = 1
    inputs[len(tokens), -1] = 1
    return inputs


def vocabulary(sides: Iterator[tuple[str, ...]]) -> tuple[str, ...]:
    """The different tokens, sorted."""
    return tuple(sorted({token for side in sides for token in side}))


@cache
def _read(absolute: Path, path: Path, sha256: str) -> Arrays:
    """The pairs of a file or folder as arrays."""
    pairs = read_pairs(path)
    heard = vocabulary(side for side, _ in pairs)
    answers = (*vocabulary(side for _, side in pairs), END)
    lengths = np.array([len(asked) + len(answer) + 2 for asked, answer in pairs])
    inputs = np.zeros((len(pairs), int(lengths.max()), len(heard) + 1), np.float32)
    targets = unanswered(*inputs.shape[:2], len(answers))
    numbers = {token: number for number, token in enumerate(answers)}
    for row, (asked, answer) in enumerate(pairs):
        inputs[row, : lengths[row]] = encoded(asked, heard, len(answer) + 1)
        steps = np.arange(len(asked) + 1, lengths[row])
        targets[row, steps] = 0
        targets[row, steps, [numbers[token] for token in (*answer, END)]] = 1
    return Arrays(inputs, targets, lengths)


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a text file, or of all in a folder.

    Raises:
        SourceError: a file is no such text; the message names the line
    """
    files = files_in(path) if path.is_dir() else [path]
    pairs = [pair for file in files for pair in _lines(file)]
    if not pairs:
        raise SourceError(f"{path} holds no pairs: expected lines such as a b c<TAB>c b a")
    return pairs


def _lines(path: Path) -> Iterator[Pair]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is no text in UTF-8: {error}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        sides = [tuple(side.split()) for side in line.split("\t")]
        if len(sides) != 2 or not all(sides):
            raise SourceError(
                f"{path}, line {number}: expected the tokens of an input, one tab, and those of "
                f"its answer, got {line!r:.60}"
            )
        if END in sides[1]:
            raise SourceError(f"{path}, line {number}: {END} ends every answer by itself")
        yield sides[0], sides[1]
