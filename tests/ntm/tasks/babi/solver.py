"""A rule-based reader of bAbI stories: regular expressions and logic over the text alone.

Shares nothing with the generator, so that each checks the other. `solve` returns the answer and the
supporting sentences (0-based, in no particular order).
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise

from tests.ntm.tasks.babi.reading import GO, read

Solution = tuple[str, set[int]]
NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven")
TIMES = ("yesterday", "this morning", "this afternoon", "this evening")
DIRECTIONS = {"north": (0, 1), "south": (0, -1), "east": (1, 0), "west": (-1, 0)}
SIDES = {
    "above": (0, 1),
    "below": (0, -1),
    "to the right of": (1, 0),
    "to the left of": (-1, 0),
}
OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}
SIDE = "(above|below|to the right of|to the left of)"
PLURALS = {"mice": "mouse", "wolves": "wolf", "sheep": "sheep"}


def where_is(sentences: Sequence[str], who: str) -> Solution:
    place, indices = read(sentences).moves[who][-1]
    return place, set(indices)


def where_is_thing(sentences: Sequence[str], thing: str) -> Solution:
    reading = read(sentences)
    place, index = reading.trails[thing][-1]
    return place, {index, reading.last_action[thing]}


def where_was_thing(sentences: Sequence[str], thing: str, place: str) -> Solution:
    reading = read(sentences)
    trail = reading.trails[thing]
    last = max(i for i, (name, _) in enumerate(trail) if name == place and i > 0)
    (before, first), (_, second) = trail[last - 1 : last + 1]
    return before, {first, second, reading.last_action[thing]}


def is_in(sentences: Sequence[str], who: str, place: str) -> Solution:
    kind, places, index = read(sentences).beliefs[who]
    if place not in places:
        return "no", {index}  # the tasks never ask for another place than the one denied
    return {"in": "yes", "either in": "maybe"}.get(kind, "no"), {index}


def how_many(sentences: Sequence[str], who: str) -> Solution:
    reading = read(sentences)
    return NUMBERS[len(reading.held.get(who, []))], set(reading.handled[who])


def what_carrying(sentences: Sequence[str], who: str) -> Solution:
    """The things in the order in which the person first had them."""
    reading = read(sentences)
    held = sorted(reading.held.get(who, []), key=reading.first_had[who].index)
    return ",".join(held) or "nothing", set(reading.handled[who])


def gift(answer: int, *roles: int) -> Callable[..., Solution]:
    """A rule for the last gift whose (giver, object, receiver) at `roles` fit the question."""

    def rule(sentences: Sequence[str], *words: str) -> Solution:
        for event in reversed(read(sentences).gifts):
            if all(event[role] == word for role, word in zip(roles, words, strict=True)):
                return str(event[answer]), {event[3]}
        raise LookupError("no such gift")

    return rule


def where_was_person(sentences: Sequence[str], who: str, place: str) -> Solution:
    days: dict[int, tuple[str, int]] = {}
    for index, sentence in enumerate(sentences):
        if who in sentence.rstrip(".").split():
            slot = next(i for i, time in enumerate(TIMES) if time in sentence.lower())
            went = GO.search(sentence)
            assert went
            days[slot] = (went[1], index)
    slots = sorted(days)
    pairs = pairwise(slots)
    earlier, later = [pair for pair in pairs if days[pair[1]][0] == place][-1]
    return days[earlier][0], {days[earlier][1], days[later][1]}


def what_direction(sentences: Sequence[str], place: str, direction: str) -> Solution:
    """The place that `place` lies `direction` of."""
    for index, sentence in enumerate(sentences):
        first, way, second = re.findall(r"The (\w+) is (\w+) of the (\w+)\.", sentence)[0]
        if (first, way) == (place, direction):
            return second, {index}
        if (second, OPPOSITE[way]) == (place, direction):
            return first, {index}
    raise LookupError(place)


def what_is_direction_of(sentences: Sequence[str], direction: str, place: str) -> Solution:
    return what_direction(sentences, place, OPPOSITE[direction])


def path(sentences: Sequence[str], start: str, end: str) -> Solution:
    """Breadth-first search over the stated neighbours."""
    edges: dict[str, list[tuple[str, str, int]]] = {}
    for index, sentence in enumerate(sentences):
        first, way, second = re.findall(r"The (\w+) is (\w+) of the (\w+)\.", sentence)[0]
        edges.setdefault(second, []).append((first, way[0], index))
        edges.setdefault(first, []).append((second, OPPOSITE[way][0], index))
    queue: deque[tuple[str, list[str], set[int]]] = deque([(start, [], set())])
    seen = {start}
    while queue:
        place, steps, support = queue.popleft()
        if place == end:
            return ",".join(steps), support
        for neighbour, step, index in edges.get(place, []):
            if neighbour not in seen:
                seen.add(neighbour)
                queue.append((neighbour, [*steps, step], support | {index}))
    raise LookupError(end)


def afraid_of(sentences: Sequence[str], who: str) -> Solution:
    for index, sentence in enumerate(sentences):
        if named := re.fullmatch(rf"{who} is an? (\w+)\.", sentence, re.IGNORECASE):
            for other, rule in enumerate(sentences):
                fear = re.fullmatch(r"(\w+) are afraid of (\w+)\.", rule)
                if fear and singular(fear[1].lower()) == named[1]:
                    return singular(fear[2]), {index, other}
    raise LookupError(who)


def singular(plural: str) -> str:
    return PLURALS.get(plural, plural.removesuffix("s"))


def what_color(sentences: Sequence[str], who: str) -> Solution:
    """The colour of the latest mentioned creature of the same kind whose colour is stated."""
    kinds: dict[str, tuple[str, int]] = {}
    colours: dict[str, tuple[str, int]] = {}
    for index, sentence in enumerate(sentences):
        name, article, word = re.findall(r"(\w+) is (an? )?(\w+)\.", sentence)[0]
        (kinds if article else colours)[name] = (word, index)
    kind, index = kinds.pop(who)
    mates = [name for name, (k, _) in kinds.items() if k == kind and name in colours]
    mate = max(mates, key=lambda name: kinds[name][1])
    return colours[mate][0], {index, kinds[mate][1], colours[mate][1]}


def side(sentences: Sequence[str], first: str, direction: str, second: str) -> Solution:
    offsets: dict[tuple[str, str], tuple[int, int]] = {}
    for sentence in sentences:
        a, way, b = re.findall(rf"The (.+) is {SIDE} the (.+)\.", sentence)[0]
        x, y = SIDES[way]
        offsets[a, b], offsets[b, a] = (x, y), (-x, -y)
    middle = next(b for a, b in offsets if a == first and (b, second) in offsets)
    (x, y), (u, v) = offsets[first, middle], offsets[middle, second]
    dx, dy = SIDES[direction]
    return "yes" if (x + u) * dx + (y + v) * dy > 0 else "no", {0, 1}


def bigger(sentences: Sequence[str], first: str, second: str) -> Solution:
    """Whether `first` is bigger, by the order that the sentences imply."""
    facts: dict[tuple[str, str], int] = {}
    for index, sentence in enumerate(sentences):
        if fits := re.fullmatch(r"The (.+) fits inside the (.+)\.", sentence):
            facts[fits[2], fits[1]] = index
        elif more := re.fullmatch(r"The (.+) is bigger than the (.+)\.", sentence):
            facts[more[1], more[2]] = index

    def over(a: str, b: str) -> bool:
        return (a, b) in facts or any(x == a and over(y, b) for x, y in facts)

    if over(first, second) == over(second, first):
        raise LookupError(f"{first} and {second} are not comparable")
    big, small = (first, second) if over(first, second) else (second, first)
    support = {
        index
        for a, b in facts
        if a == big and (b, small) in facts
        for index in (facts[a, b], facts[b, small])
    }
    return "yes" if big == first else "no", support


def fits_in(sentences: Sequence[str], first: str, second: str) -> Solution:
    return bigger(sentences, second, first)


def motive(sentences: Sequence[str], who: str, *_: str) -> Solution:
    for index, sentence in enumerate(sentences):
        if state := re.fullmatch(rf"{who} is (\w+)\.", sentence, re.IGNORECASE):
            return state[1], {index}
    raise LookupError(who)


def where_will(sentences: Sequence[str], who: str) -> Solution:
    state, support = motive(sentences, who)
    places = {"hungry": "kitchen", "thirsty": "kitchen", "bored": "garden", "tired": "bedroom"}
    return places[state], support


RULES: tuple[tuple[str, Callable[..., Solution]], ...] = (
    (r"Where is the (\w+)\?", where_is_thing),
    (r"Where is (\w+)\?", where_is),
    (r"Where was the (\w+) before the (\w+)\?", where_was_thing),
    (r"Where was (\w+) before the (\w+)\?", where_was_person),
    (r"Where will (\w+) go\?", where_will),
    (r"Why did (\w+) go to the (\w+)\?", motive),
    (r"Why did (\w+) get the (\w+)\?", motive),
    (r"What is (\w+) of the (\w+)\?", what_is_direction_of),
    (r"What is the (\w+) (\w+) of\?", what_direction),
    (r"What is (\w+) afraid of\?", afraid_of),
    (r"What is (\w+) carrying\?", what_carrying),
    (r"How many objects is (\w+) carrying\?", how_many),
    (r"What did (\w+) give to (\w+)\?", gift(1, 0, 2)),
    (r"Who received the (\w+)\?", gift(2, 1)),
    (r"Who gave the (\w+) to (\w+)\?", gift(0, 1, 2)),
    (r"Who gave the (\w+)\?", gift(0, 1)),
    (r"Who did (\w+) give the (\w+) to\?", gift(2, 0, 1)),
    (r"What color is (\w+)\?", what_color),
    (rf"Is the (.+) {SIDE} the (.+)\?", side),
    (r"Is the (.+) bigger than the (.+)\?", bigger),
    (r"Does the (.+) fit in the (.+)\?", fits_in),
    (r"Is (\w+) in the (\w+)\?", is_in),
    (r"How do you go from the (\w+) to the (\w+)\?", path),
)


def solve(sentences: Sequence[str], question: str) -> Solution:
    """The answer to `question` after `sentences`, and the indices of the sentences it rests on."""
    for pattern, rule in RULES:
        if match := re.fullmatch(pattern, question):
            return rule(sentences, *match.groups())
    raise LookupError(f"no rule for: {question}")
