"""What every hop looked at: sentences as rows of text, hops as columns of shading over them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ntm.answers import latest_in
from ntm.figures.canvas import Array, Panel, Times, draw_map, settle, sheet
from ntm.runs.trace import Trace, TraceError
from ntm.vocabulary import Vocabulary

ROW_INCHES = 0.22
MOST_ROWS, MOST_QUESTIONS = 120, 6
QUESTION = 0.5  # the mark of a question lies above


def hops(trace: Trace, support: Sequence[int] | None = None, *, cmap: str = "gray") -> Figure:
    """The hops of the last questions, each beside the others, over the sentences told.

    Args:
        trace: whole, of a model whose slots hold sentences of its vocabulary
        support: numbers of the sentences that the last answer should rest on, from 0, which are
            marked with an arrow
        cmap: of matplotlib

    Raises:
        TraceError: the model has no vocabulary, nothing was asked, or there is no such sentence
    """
    vocabulary = getattr(trace.task, "vocabulary", None)
    if not isinstance(vocabulary, Vocabulary) or not trace.whole:
        raise TraceError("figure hops needs all steps of a run of a model with a vocabulary")
    inputs, weightings = trace["inputs"], trace["read_weightings"].mean(axis=1)
    spoken = np.abs(inputs[:, :-1]).max(axis=1) > 0
    asked = np.flatnonzero(inputs[:, -1] > QUESTION)[-MOST_QUESTIONS:]
    told = np.flatnonzero(spoken & (inputs[:, -1] <= QUESTION))
    if not len(asked):
        raise TraceError("figure hops draws the hops of a question; nothing is asked in this run")
    heard = [int((told < step).sum()) for step in asked]
    first, marked = max(0, heard[-1] - MOST_ROWS), support or ()
    if any(not first <= number < heard[-1] for number in marked):
        raise TraceError(f"sentences to mark should be from {first} to {heard[-1] - 1}")
    rows = range(first, max(heard[-1], first + 1))
    figure = sheet(ROW_INCHES * len(rows) + 1.8, trace.title)
    axes = figure.subplots(1, len(asked), sharey=True, squeeze=False)[0]
    for axis, step, count in zip(axes, asked, heard, strict=True):
        last = min(step + vocabulary.silence, len(inputs) - 1)
        seen = by_sentence(weightings[step + 1 : last + 1], count)
        shown = np.full((len(rows), last - step), np.nan, np.float32)
        shown[: max(count - first, 0)] = seen.T[first:count]
        draw_map(axis, Panel("", shown[::-1], cmap=cmap), Times(first_step=1))
        (best, sure), *_ = vocabulary.best(trace["outputs"][last], 1)
        question = vocabulary.sentence(inputs[step])
        axis.set_title(f"{question}?\n{best}, {sure:.0%}", fontsize=8, loc="left")
        axis.set_xlabel("hop", fontsize=8)
    texts = [vocabulary.sentence(inputs[step]) for step in told[: heard[-1]]][first:]
    arrows = ["→ " if first + place in marked else "" for place in range(len(texts))]
    named = [
        f"{arrow}{first + place} {text}"
        for place, (arrow, text) in enumerate(zip(arrows, texts, strict=True))
    ]
    axes[0].set_yticks(range(len(named)), named[::-1], fontsize=7)
    return settle(figure)


def by_sentence(weightings: Array, heard: int) -> Array:
    """Weightings over slots [K, N] as weightings over the sentences heard [K, heard]."""
    found = np.zeros((len(weightings), heard), np.float32)
    slots = weightings.shape[1]
    for slot in range(slots):
        number = latest_in(slot, heard, slots)
        if number is not None:
            found[:, number] = weightings[:, slot]
    return found
