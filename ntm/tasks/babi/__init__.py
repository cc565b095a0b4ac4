"""The twenty bAbI tasks (Weston et al. 2015, arXiv:1502.05698) as generators of stories.

`generate` yields stories of sentences and questions with answers and supporting sentences, from a
simulated world and templates; the words can be replaced. `read` and `write` convert them from and
to the usual text format. NumPy only; a seed fixes every story.
"""

from collections.abc import Iterator

import numpy as np

from ntm.tasks.babi import carrying, reasoning, relations, walking
from ntm.tasks.babi.stories import Question, Story, read, write
from ntm.tasks.babi.words import DEFAULT_WORDS, Words

NAMES = {
    1: "single supporting fact",
    2: "two supporting facts",
    3: "three supporting facts",
    4: "two-argument relations",
    5: "three-argument relations",
    6: "yes-no questions",
    7: "counting",
    8: "lists and sets",
    9: "simple negation",
    10: "indefinite knowledge",
    11: "basic coreference",
    12: "conjunction",
    13: "compound coreference",
    14: "time reasoning",
    15: "basic deduction",
    16: "basic induction",
    17: "positional reasoning",
    18: "size reasoning",
    19: "path finding",
    20: "agents' motivations",
}
SINGLE = {
    4: relations.neighbours,
    15: reasoning.deduction,
    16: reasoning.induction,
    17: relations.positions,
    18: relations.sizes,
    19: relations.paths,
    20: reasoning.motives,
}

__all__ = ["DEFAULT_WORDS", "NAMES", "Question", "Story", "Words", "generate", "read", "write"]


def generate(
    task: int,
    rng: np.random.Generator,
    count: int,
    *,
    words: Words | None = None,
    questions: int | None = None,
    pace: int = 2,
    last_moves: bool = False,
) -> Iterator[Story]:
    """`count` stories of a task.

    Args:
        task: 1 to 20
        rng: source of every choice
        count: number of stories
        words: vocabulary; None for that of the published task
        questions: questions a story; None for the number of the published task
        pace: sentences before a question can come (tasks 1 to 3 and 5 to 14); stories grow with it
        last_moves: task 3 asks only where a thing was before the place it is at; easier

    Raises:
        ValueError: no such task, or a number below 1
    """
    if task not in NAMES:
        raise ValueError(f"no bAbI task {task}, expected 1 to {len(NAMES)}")
    if min(pace, 1 if questions is None else questions) < 1:
        raise ValueError("questions and pace are at least 1")
    words = words or DEFAULT_WORDS[task]
    number = {} if questions is None else {"questions": questions}
    for _ in range(count):
        if task in SINGLE:
            yield SINGLE[task](rng, words, **number)
        elif task in carrying.HABITS:
            yield carrying.story(task, rng, words, pace=pace, last_moves=last_moves, **number)
        else:
            yield walking.story(task, rng, words, pace=pace, **number)
