"""Tasks 1 to 3 and 5 to 8: questions about the world of people and things.

1 single supporting fact, 2 two facts, 3 three facts, 5 three-argument relations, 6 yes or no,
7 counting, 8 lists.
"""

from collections.abc import Callable

import numpy as np

from ntm.tasks.babi.draw import pick
from ntm.tasks.babi.stories import Story
from ntm.tasks.babi.words import NUMBERS, Words
from ntm.tasks.babi.world import Habits, World

CARRY = Habits(get=0.5, drop=0.5)
HABITS = {
    1: Habits(),
    2: CARRY,
    3: Habits(get=0.2, drop=0.3, there_after_get=0.2),
    5: Habits(get=0.5, drop=0.05, give=0.45),
    6: CARRY,
    7: Habits(get=0.5, drop=0.1, give=0.4),
    8: CARRY,
}
LONGEST = 400  # sentences; a world that answers nothing for so long is begun anew


def story(
    task: int, rng: np.random.Generator, words: Words, questions: int = 5, pace: int = 2
) -> Story:
    """A story of one of the tasks above: after every `pace` sentences a question, if one can be."""
    while True:
        world = World(rng, words, HABITS[task])
        while len(world.draft.questions) < questions and len(world.draft.sentences) < LONGEST:
            for _ in range(pace):
                world.step()
            ASK[task](world)
        if len(world.draft.questions) == questions:
            return world.draft.story()


def ask_person(world: World) -> None:
    """Task 1: where somebody is."""
    visit = pick(world.rng, list(world.visits.values()))
    world.draft.ask(f"Where is {visit.person}?", visit.place, [visit.sentence])


def ask_thing(world: World) -> None:
    """Task 2: where a thing is that was carried or dropped at a place the text tells."""
    known = [thing for thing, trail in world.trails.items() if trail]
    if known:
        thing = pick(world.rng, known)
        visit = world.trails[thing][-1]
        support = [world.last_action[thing], visit.sentence]
        world.draft.ask(f"Where is the {thing}?", visit.place, support)


def ask_earlier(world: World) -> None:
    """Task 3: where a thing was before the place it is at, to which one person carried it."""
    known = [
        thing
        for thing, trail in world.trails.items()
        if len(trail) > 1 and trail[-1].person == trail[-2].person
    ]
    if known:
        thing = pick(world.rng, known)
        before, now = world.trails[thing][-2:]
        support = [world.last_action[thing], now.sentence, before.sentence]
        world.draft.ask(f"Where was the {thing} before the {now.place}?", before.place, support)


def ask_gift(world: World) -> None:
    """Task 5: one of the three parts of a gift; a part is never ambiguous."""
    if not world.gifts:
        return
    giver, thing, receiver, sentence = world.gifts[-1]
    kinds = [
        (f"Who received the {thing}?", receiver),
        (f"Who gave the {thing}?", giver),
        (f"Who did {giver} give the {thing} to?", receiver),
        (f"Who gave the {thing} to {receiver}?", giver),
    ]
    between = {g.thing for g in world.gifts if (g.giver, g.receiver) == (giver, receiver)}
    if between == {thing}:  # asked as often as the two about the receiver together
        kinds += [(f"What did {giver} give to {receiver}?", thing)] * 2
    text, answer = pick(world.rng, kinds)
    world.draft.ask(text, answer, [sentence])


def ask_whether(world: World) -> None:
    """Task 6: whether somebody is at a place; the answers are equally frequent."""
    if not world.visits:
        return
    visit = pick(world.rng, list(world.visits.values()))
    yes = world.rng.random() < 0.5
    others = [place for place in world.words.places if place != visit.place]
    place = visit.place if yes else pick(world.rng, others)
    text = f"Is {visit.person} in the {place}?"
    world.draft.ask(text, "yes" if yes else "no", [visit.sentence])


def ask_count(world: World) -> None:
    """Task 7: how many things somebody holds who has held one."""
    if world.handled:
        person = pick(world.rng, list(world.handled))
        answer = NUMBERS[len(world.held_by(person))]
        text = f"How many objects is {person} carrying?"
        world.draft.ask(text, answer, world.history(person))


def ask_list(world: World) -> None:
    """Task 8: what somebody holds who has held something."""
    if world.handled:
        person = pick(world.rng, list(world.handled))
        answer = ",".join(world.held_by(person)) or "nothing"
        world.draft.ask(f"What is {person} carrying?", answer, world.history(person))


ASK: dict[int, Callable[[World], None]] = {
    1: ask_person,
    2: ask_thing,
    3: ask_earlier,
    5: ask_gift,
    6: ask_whether,
    7: ask_count,
    8: ask_list,
}
