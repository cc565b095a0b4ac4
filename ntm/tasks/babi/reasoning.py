"""Tasks 15, 16 and 20: deduction, induction and the motives of people."""

from collections.abc import Sequence

import numpy as np

from ntm.tasks.babi.draw import pick, shuffled
from ntm.tasks.babi.stories import Draft, Story
from ntm.tasks.babi.words import GET, GO, Words


def deduction(rng: np.random.Generator, words: Words, questions: int = 4) -> Story:
    """Task 15: every kind fears another, every name is of a kind; whom does a name fear?

    What a kind fears is told before the names of that kind.
    """
    draft = Draft()
    singulars = [one for one, _ in words.kinds]
    plural = dict(words.kinds)
    fears = {kind: pick(rng, [k for k in singulars if k != kind]) for kind in singulars}
    kinds, order = dict[str, str](), list[str]()
    while not order or any(order.index(name) < order.index(kinds[name]) for name in kinds):
        kinds = {name: pick(rng, singulars) for name in words.people}
        order = shuffled(rng, [*fears, *kinds])
    index: dict[str, int] = {}
    for subject in order:
        if subject in fears:
            sentence = f"{plural[subject]} are afraid of {plural[fears[subject]]}."
        else:
            sentence = f"{subject} is a {kinds[subject]}."
        index[subject] = draft.tell(sentence)
    for _ in range(questions):
        name = pick(rng, words.people)
        kind = kinds[name]
        text = f"What is {name.lower()} afraid of?"
        draft.ask(text, fears[kind], [index[name], index[kind]])
    return draft.story()


def induction(rng: np.random.Generator, words: Words, questions: int = 1) -> Story:
    """Task 16: the colour of a name, that of the latest name before it of the same kind.

    Every name but the one asked for has a colour, told after its kind. Kinds tend to have a colour,
    with exceptions. As published, there are never just two others of the kind asked for.
    """
    singulars = [one for one, _ in words.kinds]
    while True:
        order = _by_turns(rng, words.people, 2)
        asked = order.pop()  # its colour would have come last
        names = [asked, *(name for name in words.people if name != asked)]
        kinds = {name: pick(rng, singulars) for name in names}
        if sum(kind == kinds[asked] for kind in kinds.values()) not in (1, 3):
            break
    usual = {kind: pick(rng, words.colours) for kind in singulars}
    draft, index = Draft(), dict[tuple[str, str], int]()
    colours = {
        name: usual[kinds[name]] if rng.random() < 0.9 else pick(rng, words.colours)
        for name in names[1:]
    }
    for name in order:
        fact = "colour" if (name, "kind") in index else "kind"
        word = f"a {kinds[name]}" if fact == "kind" else colours[name]
        index[name, fact] = draft.tell(f"{name} is {word}.")
    mates = [name for name in names[1:] if kinds[name] == kinds[asked]]
    mate = max(mates, key=lambda name: index[name, "kind"])
    support = [index[asked, "kind"], index[mate, "kind"], index[mate, "colour"]]
    for _ in range(questions):
        draft.ask(f"What color is {asked}?", colours[mate], support)
    return draft.story()


def _by_turns(rng: np.random.Generator, names: Sequence[str], times: int) -> list[str]:
    """Every name so often, always one of those that are left."""
    left, order = dict.fromkeys(names, times), list[str]()
    while left:
        order.append(pick(rng, list(left)))
        left[order[-1]] -= 1
        if not left[order[-1]]:
            del left[order[-1]]
    return order


def motives(rng: np.random.Generator, words: Words, questions: int | None = None) -> Story:
    """Task 20: a state of mind leads to a place and to a thing; every sentence is asked about.

    The first person of a motive takes its thing. The story ends with `questions`, or with the last
    thing taken.
    """
    draft = Draft()
    motive = {name: pick(rng, words.motives) for name in words.people}
    states: dict[str, int] = {}
    went, taken = set[str](), set[str]()
    while questions is None or len(draft.questions) < questions:
        ready = [name for name in words.people if name not in went or motive[name][2] not in taken]
        if not ready:
            break
        name = pick(rng, ready)
        state, place, thing = motive[name]
        if name not in states:
            states[name] = draft.tell(f"{name} is {state}.")
            text, answer = f"Where will {name.lower()} go?", place
        elif name not in went:
            went.add(name)
            draft.tell(f"{name} {pick(rng, GO)} the {place}.")
            text, answer = f"Why did {name.lower()} go to the {place}?", state
        else:
            taken.add(thing)
            draft.tell(f"{name} {pick(rng, GET)} the {thing} there.")
            text, answer = f"Why did {name.lower()} get the {thing}?", state
        draft.ask(text, answer, [states[name]])
    return draft.story()
