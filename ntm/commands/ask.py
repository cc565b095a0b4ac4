"""`ntm ask`: tell a model a story and ask it, from a file or from the terminal."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from ntm.answers import Answer, answers_of
from ntm.commands.predict import Run, runner
from ntm.repository.folders import MODELS, RepositoryError, VersionFolder, find
from ntm.signature import Signature
from ntm.vocabulary import Vocabulary, is_question

Array = NDArray[np.float32]

SENTENCE = re.compile(r"(?<=[.?!])\s+")
SHOWN = 3  # sentences a hop, and further answers


def ask(
    name: Annotated[str, typer.Argument(help="A model of --models, such as babi, or a folder.")],
    story: Annotated[
        Path | None, typer.Argument(help="A text file; by default what is typed.")
    ] = None,
    repository: Annotated[Path, typer.Option("--models", help="The folder of models.")] = MODELS,
) -> None:
    """Answer the questions of a story: ntm ask babi story.txt

    Sentences end with a full stop, questions with a question mark; each question is asked about
    what comes before it. Shown are the answer, the next best ones, and what every hop looked at.
    """
    reader, console = Reader(find(Path(name), repository)), Console(highlight=False)
    if story is None:
        typed(reader, console, sys.stdin)
        return
    try:
        for sentence in sentences_of(story.read_text(encoding="utf-8")):
            if answer := reader.hear(sentence):
                show(console, answer)
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{story} is no text in UTF-8") from None
    except ValueError as error:
        raise typer.BadParameter(f"{story}: {error}") from None
    if not any(map(is_question, reader.text)):
        raise typer.BadParameter(f"{story} has no question: a sentence with a question mark")


def typed(reader: "Reader", console: Console, lines: TextIO) -> None:
    """Hear what is typed, line by line; what is not known is told, and left out."""
    if lines.isatty():
        console.print("Tell a story, a sentence a line, and ask; Ctrl-D ends.")
    for line in lines:
        for sentence in sentences_of(line):
            try:
                answer = reader.hear(sentence)
            except ValueError as error:
                console.print(f"{error}", markup=False)
                continue
            if answer:
                show(console, answer)


class Reader:
    """A model that hears a story sentence by sentence."""

    def __init__(self, version: VersionFolder) -> None:
        """Open a model.

        Raises:
            RepositoryError: it has no vocabulary, or a file is missing or damaged
        """
        description = version.description()
        if description.vocabulary is None:
            raise RepositoryError(f"{version.config}: the model has no vocabulary to be asked in")
        from ntm.architectures import catalogue

        self.vocabulary: Vocabulary = description.vocabulary
        self.signature: Signature = catalogue.signature_of(description.config)
        self.text: list[str] = []
        self._run: Run = runner(version)

    def hear(self, sentence: str) -> Answer | None:
        """Take in a sentence; a question is answered.

        Raises:
            UnknownWords: it has words that are not known; it is not taken in
            ValueError: it has no words
        """
        self.vocabulary.encode([sentence])
        if not is_question(sentence):
            self.text.append(sentence)
            return None
        told = [s for s in self.text if not is_question(s)]
        self.text.append(sentence)
        text = [*told, sentence]
        asked, read = self.vocabulary.encode(text), list[Array]()
        slots = self.signature.slots_for(len(asked.inputs), len(told))
        outputs = self._run(
            asked.inputs, slots, (), lambda seen: read.append(seen["read_weightings"])
        )
        attention = None
        if self.signature.slots_hold == "sentences":
            attention = np.concatenate(read).mean(axis=1)
        (answer,) = answers_of(self.vocabulary, text, asked, outputs, attention)
        return answer


def sentences_of(text: str) -> Iterator[str]:
    """The sentences of a text, a line or several."""
    for line in text.splitlines():
        yield from (part for part in SENTENCE.split(line.strip()) if part)


def show(console: Console, answer: Answer) -> None:
    """Print an answer and what led to it."""
    (best, sure), *others = answer.probabilities.items()
    also = ", ".join(f"{word} {share:.0%}" for word, share in others[: SHOWN - 1])
    console.print(f"{answer.question}  {best} ({sure:.0%}; {also})", markup=False)
    for number, hop in enumerate(answer.hops, start=1):
        seen = " | ".join(f"{one.weight:.0%} {one.sentence}" for one in hop[:SHOWN])
        console.print(f"  hop {number}: {seen}", markup=False)
