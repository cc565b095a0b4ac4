"""The words and the answers of the twenty tasks with the words of the published ones."""

from itertools import permutations

from ntm.tasks.babi.words import DEFAULT_WORDS, HOUSE
from ntm.vocabulary import Vocabulary

TEXT = """
a above afraid after afternoon afterwards and antoine apple are back bathroom bedroom before
below bernhard bigger bill blue bored box brian carrying cat cats chest chocolate chocolates
cinema color container daniel did discarded do does down dropped east either emily evening
fit fits following football fred frog from garden gave gertrude get give go got grabbed gray
green greg hallway handed he how hungry in inside is jason jeff jessica john journeyed julie
julius kitchen left lily lion longer many mary mice milk morning mouse moved no north not
objects of office or pajamas park passed picked pink put received rectangle red rhino right
sandra school she sheep south sphere square suitcase sumit swan than that the then there
they thirsty this tired to took travelled triangle up was went west what where white who why
will winona wolf wolves yann yellow yesterday you
"""

NUMBERS = ("none", "one", "two", "three")  # that there are things to carry
OPINIONS = ("yes", "no", "maybe")
OPPOSITE = {"n": "s", "s": "n", "e": "w", "w": "e"}
SILENCE = 4  # steps after a question


def answers() -> tuple[str, ...]:
    """All that a question may be answered with; a list in its order is one answer."""
    things = [
        ",".join(carried)
        for count in range(1, len(HOUSE.things) + 1)
        for carried in permutations(HOUSE.things, count)
    ]
    paths = [f"{a},{b}" for a in OPPOSITE for b in OPPOSITE if OPPOSITE[a] != b]
    places = [place for words in DEFAULT_WORDS.values() for place in words.places]
    motives = [motive for motive, _, _ in HOUSE.motives]
    kinds = [kind for kind, _ in HOUSE.kinds]
    people = DEFAULT_WORDS[5].people
    parts = (people, places, things, ("nothing",), kinds, HOUSE.colours, motives, paths)
    known = [answer for part in parts for answer in part]
    return tuple(dict.fromkeys([*known, *NUMBERS, *OPINIONS]))


VOCABULARY = Vocabulary(words=tuple(TEXT.split()), answers=answers(), silence=SILENCE)
