"""Tasks 9 to 14: where people are, told in other ways.

9 negation, 10 indefinite knowledge, 11 pronouns, 12 conjunction, 13 both, 14 times of day.
"""

from collections.abc import Callable

import numpy as np

from ntm.tasks.babi.draw import pick, pick_distinct, shuffled
from ntm.tasks.babi.stories import Draft, Story
from ntm.tasks.babi.words import GO, LATER, TIMES, Words

RECENT = 5  # sentences; a question is about somebody in one of the last ones
Told = dict[str, tuple[str, tuple[int, ...]]]  # by person: place, supporting sentences
Belief = tuple[str, tuple[str, ...], int]  # kind of statement, its places, its sentence


def story(
    task: int, rng: np.random.Generator, words: Words, questions: int = 5, pace: int = 2
) -> Story:
    """A story of one of the tasks above: a question after every `pace` sentences (14: if any)."""
    if task in (9, 10):
        return _beliefs(task, rng, words, questions, pace)
    if task == 14:
        return _days(rng, words, questions, pace)
    return _walks(task, rng, words, questions, pace)


def _walks(task: int, rng: np.random.Generator, words: Words, questions: int, pace: int) -> Story:
    draft, told, actors = Draft(), Told(), list[list[str]]()
    recent = RECENT if task == 11 else 3
    while len(draft.questions) < questions:
        for _ in range(pace if task == 12 else (pace + 1) // 2):
            people = pick_distinct(rng, words.people, 1 if task == 11 else 2)
            first = pick(rng, words.places)
            indices = [draft.tell(f"{' and '.join(people)} {pick(rng, GO)} the {first}.")]
            place = first
            if task != 12:
                place = pick(rng, [p for p in words.places if p != first])
                pronoun = _pronoun(people, words)
                text = f"{pick(rng, LATER)} {pronoun} {pick(rng, GO)} the {place}."
                indices.append(draft.tell(text))
            told.update({person: (place, tuple(indices)) for person in people})
            actors += [people for _ in indices]
        person = pick(rng, pick(rng, actors[-recent:]))
        draft.ask(f"Where is {person}?", *told[person])
    return draft.story()


def _pronoun(people: list[str], words: Words) -> str:
    if len(people) > 1:
        return "they"
    return "she" if people[0] in words.women else "he"


def _beliefs(task: int, rng: np.random.Generator, words: Words, questions: int, pace: int) -> Story:
    draft, beliefs, actors = Draft(), dict[str, Belief](), list[str]()
    while len(draft.questions) < questions:
        for _ in range(pace):
            person = pick(rng, words.people)
            kind, places, sentence = STATE[task](rng, person, words)
            beliefs[person] = (kind, places, draft.tell(sentence))
            actors.append(person)
        person = pick(rng, actors[-RECENT:])
        kind, places, index = beliefs[person]
        place, answer = _doubt(rng, kind, places, words)
        draft.ask(f"Is {person} in the {place}?", answer, [index])
    return draft.story()


def _doubt(
    rng: np.random.Generator, kind: str, places: tuple[str, ...], words: Words
) -> tuple[str, str]:
    """A place to ask for, and the answer. A place denied is the only one that can be asked for."""
    if kind == "not":
        return places[0], "no"
    if rng.random() < 0.5:
        return pick(rng, places), "maybe" if kind == "either" else "yes"
    return pick(rng, [place for place in words.places if place not in places]), "no"


def _state_or_deny(
    rng: np.random.Generator, person: str, words: Words
) -> tuple[str, tuple[str, ...], str]:
    """Task 9: half walks, a quarter statements, a quarter denials."""
    place = pick(rng, words.places)
    kind = pick(rng, ("go", "go", "in", "not"))
    text = {
        "go": f"{person} {pick(rng, GO)} the {place}.",
        "in": f"{person} is in the {place}.",
        "not": f"{person} {pick(rng, ('is not in', 'is no longer in'))} the {place}.",
    }[kind]
    return kind, (place,), text


def _state_or_waver(
    rng: np.random.Generator, person: str, words: Words
) -> tuple[str, tuple[str, ...], str]:
    """Task 10: half walks, a quarter statements, a quarter statements of two places."""
    place, other = pick_distinct(rng, words.places, 2)
    kind = pick(rng, ("go", "go", "in", "either"))
    text = {
        "go": f"{person} {pick(rng, GO)} the {place}.",
        "in": f"{person} is in the {place}.",
        "either": f"{person} is either in the {place} or the {other}.",
    }[kind]
    return kind, (place, other) if kind == "either" else (place,), text


STATE: dict[int, Callable[[np.random.Generator, str, Words], tuple[str, tuple[str, ...], str]]] = {
    9: _state_or_deny,
    10: _state_or_waver,
}


def _days(rng: np.random.Generator, words: Words, questions: int, pace: int) -> Story:
    """Task 14: a day of four times for each person, the first two and last two in any order.

    A day that ends before all questions were asked is begun anew.
    """
    while True:
        draft = Draft()
        plan = {p: shuffled(rng, (0, 1)) + shuffled(rng, (2, 3)) for p in words.people}
        days: dict[str, dict[int, tuple[str, int]]] = {p: {} for p in words.people}
        while len(draft.questions) < questions and any(plan.values()):
            for _ in range(pace):
                if busy := [person for person in words.people if plan[person]]:
                    _go_at(rng, draft, words, days, plan, pick(rng, busy))
            _ask_before(rng, draft, days)
        if len(draft.questions) == questions:
            return draft.story()


def _go_at(
    rng: np.random.Generator,
    draft: Draft,
    words: Words,
    days: dict[str, dict[int, tuple[str, int]]],
    plan: dict[str, list[int]],
    person: str,
) -> None:
    """Tell where the person went at the next time planned, never the place just before or after."""
    day, slot = days[person], plan[person].pop(0)
    near = {day[other][0] for other in (slot - 1, slot + 1) if other in day}
    place = pick(rng, [place for place in words.places if place not in near])
    walk, time = f"{person} {pick(rng, GO)} the {place}", TIMES[slot]
    sentence = f"{time} {walk}." if rng.random() < 0.5 else f"{walk} {time}."
    day[slot] = (place, draft.tell(sentence))


def _ask_before(
    rng: np.random.Generator, draft: Draft, days: dict[str, dict[int, tuple[str, int]]]
) -> None:
    """Ask for the place before the last visit to another, where both times are told."""
    options = []
    for person, day in days.items():
        last_visit = {day[slot][0]: slot for slot in sorted(day)}
        for place, slot in last_visit.items():
            if slot - 1 in day and day[slot][1] >= len(draft.sentences) - RECENT:
                answer, earlier = day[slot - 1]
                text = f"Where was {person} before the {place}?"
                options.append((text, answer, (day[slot][1], earlier)))
    if options:
        draft.ask(*pick(rng, options))
