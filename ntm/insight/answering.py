"""Findings about an answer: whether it depends on the story, and on the sentences it should.

They say where to look: an answer may be right for another reason than the one that was meant.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.margin import Margin

LOOKED = 0.5  # a hop looks at what it gives more weight than this

DEFINITIONS = {
    "answer_without_story": "the question and the bias alone give the answer its whole margin",
    "answer_from_another_sentence": "the sentence that the answer owes most to is none of those "
    "that it should rest on",
    "fact_not_looked_at": "no hop looks at a sentence that the answer should rest on",
}


@dataclass(frozen=True)
class AnswerFinding:
    """One oddity of one answer."""

    slug: str
    slot: int | None  # that it is about
    value: float  # measured: a share of the margin, or a weight
    definition: str


def of_answer(
    margin: Margin, attention: NDArray[np.float32], support: Collection[int] = ()
) -> list[AnswerFinding]:
    """What is odd about an answer.

    Args:
        margin: of the answer
        attention: of its hops over the slots [K, N]
        support: slots of the sentences that it should rest on, where they are known
    """
    found = []

    def tell(slug: str, slot: int | None, value: float) -> None:
        found.append(AnswerFinding(slug, slot, value, DEFINITIONS[slug]))

    slots = [part for part in margin.parts if part.kind == "slot"]
    story = sum(part.share for part in slots)
    if story <= 0:
        tell("answer_without_story", None, story)
    towards = [part for part in slots if part.share > 0]
    if support and towards:
        most = max(towards, key=lambda part: part.share)
        if most.slot not in support:
            tell("answer_from_another_sentence", most.slot, most.share)
    for slot in support:
        weight = float(attention[:, slot].max(initial=0))
        if weight <= LOOKED:
            tell("fact_not_looked_at", slot, weight)
    return found
