"""Tasks 4, 17, 18 and 19: places and things in relation to each other.

4 two-argument relations, 17 positions, 18 sizes, 19 path finding.
"""

import itertools

import numpy as np

from ntm.tasks.babi.draw import pick, pick_distinct, shuffled
from ntm.tasks.babi.stories import Draft, Story
from ntm.tasks.babi.words import Words

Cell = tuple[int, int]
DIRECTIONS: dict[str, Cell] = {"north": (0, 1), "south": (0, -1), "east": (1, 0), "west": (-1, 0)}
OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}
SIDES: dict[str, Cell] = {
    "above": (0, 1),
    "below": (0, -1),
    "to the right of": (1, 0),
    "to the left of": (-1, 0),
}


def _moved(cell: Cell, direction: Cell) -> Cell:
    return cell[0] + direction[0], cell[1] + direction[1]


def neighbours(rng: np.random.Generator, words: Words, questions: int = 1) -> Story:
    """Task 4: three places on a line; each question turns one of the two sentences round."""
    draft = Draft()
    line = pick_distinct(rng, words.places, 3)
    direction = pick(rng, tuple(DIRECTIONS))
    facts: list[tuple[str, str, str, int]] = []  # both readings of each sentence
    for near, far in shuffled(rng, list(itertools.pairwise(line))):
        subject, way, other = far, direction, near
        if rng.random() < 0.5:
            subject, way, other = near, OPPOSITE[direction], far
        draft.tell(f"The {subject} is {way} of the {other}.")
        facts += [(subject, way, other, len(facts) // 2)]
        facts += [(other, OPPOSITE[way], subject, len(facts) // 2)]
    for _ in range(questions):
        subject, way, other, index = pick(rng, facts)
        if rng.random() < 0.5:
            draft.ask(f"What is {way} of the {other}?", subject, [index])
        else:
            draft.ask(f"What is the {subject} {way} of?", other, [index])
    return draft.story()


def positions(rng: np.random.Generator, words: Words, questions: int = 8) -> Story:
    """Task 17: two shapes placed beside a third; questions about the two, half of them true."""
    draft = Draft()
    first, middle, last = pick_distinct(rng, words.shapes, 3)
    while True:  # the two steps must not cancel out
        to_middle, to_last = pick(rng, tuple(SIDES)), pick(rng, tuple(SIDES))
        offset = _moved(SIDES[to_middle], SIDES[to_last])  # of `first` from `last`
        if offset != (0, 0):
            break
    order = shuffled(rng, ((first, to_middle, middle), (middle, to_last, last)))
    for subject, side, other in order:
        if rng.random() < 0.5:
            subject, side, other = other, _opposite(side), subject
        draft.tell(f"The {subject} is {side} the {other}.")
    of_first = 0 if first in order[0] else 1
    for _ in range(questions):
        turned = rng.random() < 0.5
        subject, other = (last, first) if turned else (first, last)
        dx, dy = (-offset[0], -offset[1]) if turned else offset
        answer = pick(rng, ("yes", "no"))
        true = [side for side, (x, y) in SIDES.items() if dx * x + dy * y > 0]
        side = pick(rng, true if answer == "yes" else [s for s in SIDES if s not in true])
        support = [1 - of_first, of_first] if turned else [of_first, 1 - of_first]
        draft.ask(f"Is the {subject} {side} the {other}?", answer, support)
    return draft.story()


def _opposite(side: str) -> str:
    x, y = SIDES[side]
    return next(name for name, direction in SIDES.items() if direction == (-x, -y))


def sizes(rng: np.random.Generator, words: Words, questions: int = 5) -> Story:
    """Task 18: blocks of five comparisons and up to five questions that chain two of them.

    The two smallest things are the same in every story, the order of the others is its own. A
    question is answered from larger to smaller with yes, from smaller to larger with no; what was
    told twice is supported by the first sentence that told it.
    """
    draft, facts = Draft(), list[tuple[str, str, int]]()  # smaller, larger, sentence
    order = [*words.boxes[:2], *shuffled(rng, words.boxes[2:])]
    while len(draft.questions) < questions:
        for _ in range(5):
            fact = _compare(rng, draft, order)
            if fact[:2] not in [earlier[:2] for earlier in facts]:
                facts.append(fact)
        chains = _chains(facts)
        for _ in range(min(5, questions - len(draft.questions)) if chains else 0):
            small, large, lower, upper = pick(rng, chains)
            answer = pick(rng, ("yes", "no"))
            big_first = rng.random() < 0.5
            if big_first == (answer == "yes"):
                first, second = (large, small) if answer == "yes" else (small, large)
                text = f"Is the {first} bigger than the {second}?"
            else:
                first, second = (small, large) if answer == "yes" else (large, small)
                text = f"Does the {first} fit in the {second}?"
            draft.ask(text, answer, [upper, lower] if answer == "yes" else [lower, upper])
    return draft.story()


def _compare(rng: np.random.Generator, draft: Draft, order: list[str]) -> tuple[str, str, int]:
    small, large = sorted(pick_distinct(rng, order, 2), key=order.index)
    if rng.random() < 0.5:
        return small, large, draft.tell(f"The {small} fits inside the {large}.")
    return small, large, draft.tell(f"The {large} is bigger than the {small}.")


def _chains(facts: list[tuple[str, str, int]]) -> list[tuple[str, str, int, int]]:
    """Pairs that two sentences compare: smaller, larger, lower sentence, upper sentence."""
    return [
        (small, large, lower, upper)
        for small, middle, lower in facts
        for between, large, upper in facts
        if between == middle
    ]


def paths(rng: np.random.Generator, words: Words, questions: int = 1) -> Story:
    """Task 19: six places on a grid joined as a tree; questions for a way of two steps."""
    draft = Draft()
    places = pick_distinct(rng, words.places, 6)
    steps = [pick(rng, tuple(DIRECTIONS))]
    steps.append(pick(rng, [way for way in DIRECTIONS if way != OPPOSITE[steps[0]]]))
    cells: dict[Cell, str] = {(0, 0): places[0]}
    edges: dict[str, dict[str, tuple[str, int]]] = {place: {} for place in places}
    joins = []
    for place in places[1:]:
        if len(cells) <= 2:
            near, way = places[len(cells) - 1], steps[len(cells) - 1]
            cell = _moved(next(c for c, p in cells.items() if p == near), DIRECTIONS[way])
        else:
            free = [
                (name, way, _moved(at, direction))
                for at, name in cells.items()
                for way, direction in DIRECTIONS.items()
                if _moved(at, direction) not in cells
            ]
            near, way, cell = pick(rng, free)
        cells[cell] = place
        joins.append((near, way, place))
    for near, way, far in shuffled(rng, joins):
        if rng.random() < 0.5:
            index = draft.tell(f"The {far} is {way} of the {near}.")
        else:
            index = draft.tell(f"The {near} is {OPPOSITE[way]} of the {far}.")
        edges[near][way], edges[far][OPPOSITE[way]] = (far, index), (near, index)
    _ask_ways(rng, draft, edges, questions)
    return draft.story()


def _ask_ways(
    rng: np.random.Generator,
    draft: Draft,
    edges: dict[str, dict[str, tuple[str, int]]],
    questions: int,
) -> None:
    ways = [
        (start, end, f"{one[0]},{two[0]}", (index, then))
        for start, near in edges.items()
        for one, (middle, index) in near.items()
        for two, (end, then) in edges[middle].items()
        if end != start
    ]
    for _ in range(questions):
        start, end, answer, support = pick(rng, ways)
        draft.ask(f"How do you go from the {start} to the {end}?", answer, support)
