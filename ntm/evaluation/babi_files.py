"""Answers to the questions of bAbI files in the published format."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ntm.evaluation.measure import Predictor
from ntm.repository.folders import RepositoryError
from ntm.tasks import babi
from ntm.vocabulary import UnknownWords, Vocabulary

FILE = re.compile(r"qa(\d+)_.*\.txt")
TESTS = "_test.txt"
AT_ONCE = 64  # questions


def measure_files(model: Predictor, vocabulary: Vocabulary, folder: Path) -> dict[str, Any]:
    """The wrong answers to every question in a folder's files `qa<task>_*.txt`.

    Where some are test files, only those are measured.

    Raises:
        RepositoryError: there are none, or one does not hold stories in words that are known
    """
    files = {path: FILE.fullmatch(path.name) for path in sorted(folder.glob("qa*.txt"))}
    known = {path: int(match[1]) for path, match in files.items() if match}
    tests = {path: task for path, task in known.items() if path.name.endswith(TESTS)}
    if not known:
        raise RepositoryError(f"{folder} has no files such as qa1_single-supporting-fact_test.txt")
    rows = [
        {"task": task, "file": path.name, **score(model, vocabulary, path)}
        for path, task in sorted((tests or known).items(), key=lambda item: item[1])
    ]
    return {"results": rows}


def score(model: Predictor, vocabulary: Vocabulary, path: Path) -> dict[str, int]:
    """How many questions one file has, and how many of them are answered wrong."""
    asked: list[tuple[list[str], str]] = []
    try:
        with path.open(encoding="utf-8") as lines:
            for story in babi.read(lines):
                for question in story.questions:
                    asked.append(([*story.before(question), question.text], question.answer))
        wrong = wrong_answers(model, vocabulary, asked)
    except (UnknownWords, ValueError) as error:
        raise RepositoryError(f"{path}: {error}") from None
    return {"questions": len(asked), "wrong": wrong}


def wrong_answers(
    model: Predictor, vocabulary: Vocabulary, asked: Iterable[tuple[list[str], str]]
) -> int:
    """How many of these texts, each with a question at its end, are not answered as said."""
    steps = [(vocabulary.encode(text).inputs, answer) for text, answer in asked]
    steps.sort(key=lambda item: len(item[0]))
    wrong = 0
    for start in range(0, len(steps), AT_ONCE):
        part = steps[start : start + AT_ONCE]
        longest = len(part[-1][0])
        inputs = np.zeros((longest, len(part), vocabulary.input_size), np.float32)
        for b, (rows, _) in enumerate(part):
            inputs[longest - len(rows) :, b] = rows
        with torch.inference_mode():
            outputs = model.predict(torch.from_numpy(inputs), longest)[-1].numpy()
        given = [vocabulary.answer(output) for output in outputs]
        wrong += sum(a != said for a, (_, said) in zip(given, part, strict=True))
    return wrong
