"""A world of people who walk, get, drop and give things, with the sentences that justify a belief.

The true state starts at random and is not told. Beside it the world remembers which sentence told
the place of every person and thing, so that a question is asked only where the text answers it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ntm.tasks.babi.draw import pick, pick_weighted
from ntm.tasks.babi.stories import Draft
from ntm.tasks.babi.words import DROP, GET, GIVE, GO, Words


class Visit(NamedTuple):
    """A place and the sentence that told it."""

    place: str
    sentence: int
    person: str


class Gift(NamedTuple):
    """A thing that changed hands."""

    giver: str
    thing: str
    receiver: str
    sentence: int


@dataclass(frozen=True)
class Habits:
    """How often people do what they can beside a walk, and say "there" after an action."""

    go: float = 5 / 6  # that of six places drawn it is not the one where somebody is
    get: float = 0.0
    drop: float = 0.0
    give: float = 0.0
    there_after_get: float = 1.0
    there_after_drop: float = 0.2


class World:
    """The state, the next event, and what the text has told of it."""

    def __init__(
        self, rng: np.random.Generator, words: Words, habits: Habits, *, last_moves: bool = False
    ) -> None:
        self.rng, self.words, self.habits = rng, words, habits
        self.last_moves = last_moves  # whether it is asked only where things came from last
        self.draft = Draft()
        self.place = {person: pick(rng, words.places) for person in words.people}
        self.lies = {thing: pick(rng, words.places) for thing in words.things}
        self.holder: dict[str, str] = {}
        self.actors: list[str] = []  # by sentence
        self.visits: dict[str, Visit] = {}  # last told, by person
        self.trails: dict[str, list[Visit]] = {}  # told, by thing
        self.last_action: dict[str, int] = {}  # sentence, by thing
        self.got: dict[str, int] = {}  # sentence that told of it last, by thing
        # sentences by person, then by thing in the order of first possession
        self.handled: dict[str, dict[str, list[int]]] = {}
        self.gifts: list[Gift] = []

    def step(self) -> None:
        """Tell the next event: somebody does one of the things that somebody could do."""
        chances = [
            ((person, action), weight)
            for person in self.words.people
            for action, weight in self.could(person)
        ]
        person, action = pick_weighted(self.rng, chances)
        here = self.place[person]
        self.actors.append(person)
        if action == "get":
            self.get(person, pick(self.rng, self.around(here)))
        elif action == "drop":
            self.drop(person, pick(self.rng, self.held_by(person)))
        elif action == "give":
            self.give(person, pick(self.rng, self.held_by(person)), pick(self.rng, self.by(person)))
        else:
            self.go(person, pick(self.rng, [p for p in self.words.places if p != here]))

    def could(self, person: str) -> list[tuple[str, float]]:
        """The actions that somebody could do now, and how often they are done."""
        habits, mine = self.habits, bool(self.held_by(person))
        possible = {
            "go": (habits.go, True),
            "get": (habits.get, bool(self.around(self.place[person]))),
            "drop": (habits.drop, mine),
            "give": (habits.give, mine and bool(self.by(person))),
        }
        return [(action, weight) for action, (weight, can) in possible.items() if weight and can]

    def around(self, place: str) -> list[str]:
        """The things that lie at a place."""
        return [t for t in self.words.things if t not in self.holder and self.lies[t] == place]

    def by(self, person: str) -> list[str]:
        """The others at the place of a person."""
        here = self.place[person]
        return [p for p in self.words.people if p != person and self.place[p] == here]

    def go(self, person: str, place: str) -> None:
        """Walk, with everything held."""
        self.place[person] = place
        sentence = self.draft.tell(f"{person} {pick(self.rng, GO)} the {place}.")
        self.visits[person] = Visit(place, sentence, person)
        for thing in self.held_by(person):
            self.trails[thing].append(self.visits[person])

    def get(self, person: str, thing: str) -> None:
        """Pick a thing up."""
        there = self._there(self.habits.there_after_get)
        sentence = self.draft.tell(f"{person} {pick(self.rng, GET)} the {thing}{there}.")
        self._receive(person, thing, sentence)

    def drop(self, person: str, thing: str) -> None:
        """Put a thing down."""
        there = self._there(self.habits.there_after_drop)
        sentence = self.draft.tell(f"{person} {pick(self.rng, DROP)} the {thing}{there}.")
        self._handle(person, thing, sentence)
        del self.holder[thing]
        self.lies[thing] = self.place[person]

    def give(self, giver: str, thing: str, receiver: str) -> None:
        """Hand a thing to somebody at the same place."""
        sentence = self.draft.tell(f"{giver} {pick(self.rng, GIVE)} the {thing} to {receiver}.")
        self._handle(giver, thing, sentence)
        self._receive(receiver, thing, sentence)
        self.gifts.append(Gift(giver, thing, receiver, sentence))

    def held_by(self, person: str) -> list[str]:
        """Things in the order in which the person first had them."""
        return [t for t in self.handled.get(person, {}) if self.holder.get(t) == person]

    def history(self, person: str) -> list[int]:
        """Every sentence about what the person got or lost, thing by thing."""
        return [i for sentences in self.handled.get(person, {}).values() for i in sentences]

    def _there(self, chance: float) -> str:
        return " there" if self.rng.random() < chance else ""

    def _handle(self, person: str, thing: str, sentence: int) -> None:
        self.handled.setdefault(person, {}).setdefault(thing, []).append(sentence)
        self.last_action[thing] = sentence

    def _receive(self, person: str, thing: str, sentence: int) -> None:
        """Where the text has told the place of the new holder, it has told that of the thing."""
        self._handle(person, thing, sentence)
        self.got[thing] = sentence
        self.holder[thing] = person
        visit = self.visits.get(person)
        trail = self.trails.get(thing, [])
        if visit is None:
            trail = []
        elif trail and trail[-1].place == visit.place:
            trail = [*trail[:-1], visit]
        else:
            trail = [*trail, visit]
        self.trails[thing] = trail
