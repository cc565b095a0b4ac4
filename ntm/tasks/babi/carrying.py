"""Tasks 1 to 3 and 5 to 8: questions about the world of people and things.

1 single supporting fact, 2 two facts, 3 three facts, 5 three-argument relations, 6 yes or no,
7 counting, 8 lists.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

import numpy as np

from ntm.tasks.babi.draw import pick
from ntm.tasks.babi.stories import Story
from ntm.tasks.babi.words import NUMBERS, Words
from ntm.tasks.babi.world import Habits, Visit, World

T = TypeVar("T")
Move = tuple[str, Visit, Visit]  # a thing, the place it was at, the one it was carried to

CARRY = Habits(get=1, drop=1)
PASS_ON = replace(CARRY, give=4)
HABITS = {
    1: Habits(),
    2: CARRY,
    3: replace(CARRY, there_after_get=0.2),
    5: PASS_ON,
    6: CARRY,
    7: PASS_ON,
    8: CARRY,
}
RECENT = 5  # sentences; a question is about something that the last ones told
SELDOM = 0.15  # of the times that it could be asked for what is carried (task 3)
LONGEST = 400  # sentences; a world that answers nothing for so long is begun anew


def story(
    task: int,
    rng: np.random.Generator,
    words: Words,
    questions: int = 5,
    *,
    pace: int = 2,
    last_moves: bool = False,
) -> Story:
    """A story of one of the tasks above: after every `pace` sentences a question, if one can be."""
    while True:
        world = World(rng, words, HABITS[task], last_moves=last_moves)
        while len(world.draft.questions) < questions and len(world.draft.sentences) < LONGEST:
            for _ in range(pace):
                world.step()
            ASK[task](world)
        if len(world.draft.questions) == questions:
            return world.draft.story()


def lately(world: World, options: Iterable[tuple[T, list[int]]]) -> T | None:
    """One of what can be asked for, by the sentences it rests on; None if all of it is long ago."""
    last = len(world.draft.sentences) - RECENT
    known = [option for option, support in options if max(support) >= last]
    return pick(world.rng, known) if known else None


def carried_to(world: World, thing: str, visit: Visit, *, chance: float) -> bool:
    """Whether a thing was carried to a place and not got there; if so, only by this chance."""
    return world.got[thing] < visit.sentence and bool(world.rng.random() < chance)


def ask_person(world: World) -> None:
    """Task 1: where somebody is."""
    visit = world.visits[pick(world.rng, world.actors[-RECENT:])]
    world.draft.ask(f"Where is {visit.person}?", visit.place, [visit.sentence])


def ask_thing(world: World) -> None:
    """Task 2: where a thing is that was dropped, or carried there, at a place the text tells.

    As published, what was dropped lately is always asked for, what is carried half of the time.
    """
    told = (
        (thing, [world.last_action[thing], trail[-1].sentence])
        for thing, trail in world.trails.items()
        if trail and (thing not in world.holder or carried_to(world, thing, trail[-1], chance=0.5))
    )
    thing = lately(world, told)
    if thing:
        visit = world.trails[thing][-1]
        support = [world.last_action[thing], visit.sentence]
        world.draft.ask(f"Where is the {thing}?", visit.place, support)


def ask_earlier(world: World) -> None:
    """Task 3: where a thing was before one of the places to which somebody carried it.

    As published, it is asked for what was dropped lately, and seldom for what is carried. In a
    world of last moves, always for the place before the one where the thing is.
    """
    moves = last_moves(world) if world.last_moves else all_moves(world)
    move = lately(world, ((move, [world.last_action[move[0]], move[2].sentence]) for move in moves))
    if move:
        thing, before, now = move
        support = [world.last_action[thing], now.sentence, before.sentence]
        world.draft.ask(f"Where was the {thing} before the {now.place}?", before.place, support)


def last_moves(world: World) -> Iterable[Move]:
    """Where every thing was carried to last."""
    for thing, trail in world.trails.items():
        chance = SELDOM if thing in world.holder else 1
        if len(trail) > 1 and carried_to(world, thing, trail[-2], chance=chance):
            yield thing, trail[-2], trail[-1]


def all_moves(world: World) -> Iterable[Move]:
    """Every two places between which a thing was carried since it was got, in one way alone."""
    for thing, trail in world.trails.items():
        if thing in world.holder and world.rng.random() > SELDOM:
            continue
        carried = [visit for visit in trail if visit.sentence > world.got[thing]]
        later = {visit.place: visit for visit in carried}
        for before, now in pairwise(carried):
            if later[now.place] is now:
                yield thing, before, now


def ask_gift(world: World) -> None:
    """Task 5: one of the three parts of a gift; a part is never ambiguous."""
    gift = lately(world, ((gift, [gift.sentence]) for gift in world.gifts[-1:]))
    if not gift:
        return
    giver, thing, receiver, sentence = gift
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
    visit = lately(world, ((visit, [visit.sentence]) for visit in world.visits.values()))
    if not visit:
        return
    yes = world.rng.random() < 0.5
    others = [place for place in world.words.places if place != visit.place]
    place = visit.place if yes else pick(world.rng, others)
    text = f"Is {visit.person} in the {place}?"
    world.draft.ask(text, "yes" if yes else "no", [visit.sentence])


def ask_count(world: World) -> None:
    """Task 7: how many things somebody holds who has held one."""
    person = lately(world, ((person, world.history(person)) for person in world.handled))
    if person:
        answer = NUMBERS[len(world.held_by(person))]
        text = f"How many objects is {person} carrying?"
        world.draft.ask(text, answer, sorted(world.history(person)))


def ask_list(world: World) -> None:
    """Task 8: what somebody holds who has held something."""
    person = lately(world, ((person, world.history(person)) for person in world.handled))
    if person:
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
