"""What a reader of a story about people, places and things knows, sentence by sentence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

GO = re.compile(r"(?:went back|went|journeyed|travelled|moved) to the (\w+)")
GET = re.compile(r"(\w+) (?:got|took|grabbed|picked up) the (\w+)(?: there)?\.")
DROP = re.compile(r"(\w+) (?:dropped|discarded|left|put down) the (\w+)(?: there)?\.")
GIVE = re.compile(r"(\w+) (?:gave|handed|passed) the (\w+) to (\w+)\.")
PRONOUN = re.compile(r"(?:After that|Afterwards|Following that|Then) (?:he|she|they) ")
BELIEF = re.compile(r"(\w+) is (no longer in|not in|either in|in) the (\w+)(?: or the (\w+))?\.")


@dataclass
class Reading:
    """What a reader of the story knows after its last sentence."""

    moves: dict[str, list[tuple[str, tuple[int, ...]]]] = field(default_factory=dict)
    beliefs: dict[str, tuple[str, set[str], int]] = field(default_factory=dict)
    handled: dict[str, list[int]] = field(default_factory=dict)  # sentences, by person
    held: dict[str, list[str]] = field(default_factory=dict)  # objects in order, by person
    first_had: dict[str, list[str]] = field(default_factory=dict)  # objects, by person
    gifts: list[tuple[str, str, str, int]] = field(default_factory=list)
    trails: dict[str, list[tuple[str, int]]] = field(default_factory=dict)  # by object
    last_action: dict[str, int] = field(default_factory=dict)  # by object
    people: list[str] = field(default_factory=list)  # of the last sentence

    def hear(self, index: int, sentence: str) -> None:
        """Take in one sentence."""
        if went := GO.search(sentence):
            self._move(index, sentence, went[1])
        elif got := GET.fullmatch(sentence):
            self._take(index, got[1], got[2])
        elif dropped := DROP.fullmatch(sentence):
            self._leave(index, dropped[1], dropped[2])
        elif gave := GIVE.fullmatch(sentence):
            self._leave(index, gave[1], gave[2])
            self._take(index, gave[3], gave[2])
            self.gifts.append((gave[1], gave[2], gave[3], index))
        elif belief := BELIEF.fullmatch(sentence):
            places = {place for place in belief.groups()[2:] if place}
            self.beliefs[belief[1]] = (belief[2], places, index)

    def _move(self, index: int, sentence: str, place: str) -> None:
        indices: tuple[int, ...] = (index,)
        if PRONOUN.match(sentence):
            indices = (index - 1, index)
        else:
            self.people = re.split(r" and ", re.split(r" (?:went|jour|trav|moved)", sentence)[0])
        for person in self.people:
            self.moves.setdefault(person, []).append((place, indices))
            self.beliefs[person] = ("in", {place}, index)
            for thing in self.held.get(person, []):
                self.trails.setdefault(thing, []).append((place, index))

    def _take(self, index: int, person: str, thing: str) -> None:
        self.handled.setdefault(person, []).append(index)
        self.held.setdefault(person, []).append(thing)
        self.first_had.setdefault(person, []).append(thing)
        self.last_action[thing] = index
        trail = self.trails.setdefault(thing, [])
        if not self.moves.get(person):
            trail.clear()
        else:
            place, indices = self.moves[person][-1]
            if not trail or trail[-1][0] != place:
                trail.append((place, indices[-1]))
            else:
                trail[-1] = (place, indices[-1])

    def _leave(self, index: int, person: str, thing: str) -> None:
        self.handled.setdefault(person, []).append(index)
        if thing in self.held.get(person, []):
            self.held[person].remove(thing)
        elif thing not in self.last_action:  # it was carried, though nobody said so
            moves = self.moves.get(person, [])
            self.trails[thing] = [(place, indices[-1]) for place, indices in moves]
        self.last_action[thing] = index


def read(sentences: Sequence[str]) -> Reading:
    """The knowledge after all `sentences`."""
    reading = Reading()
    for index, sentence in enumerate(sentences):
        reading.hear(index, sentence)
    return reading
