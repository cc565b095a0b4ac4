"""The vocabulary of the stories: names, places, things, and the verbs of the templates."""

from dataclasses import dataclass, replace

GO = ("went to", "journeyed to", "travelled to", "moved to", "went back to")
GET = ("got", "took", "grabbed", "picked up")
DROP = ("dropped", "discarded", "left", "put down")
GIVE = ("gave", "handed", "passed")
LATER = ("after that", "afterwards", "following that", "then")
TIMES = ("yesterday", "this morning", "this afternoon", "this evening")
NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Words:
    """The words of a task that can be replaced; a task uses those that its templates need.

    Attributes:
        people: names, at least two (task 16: one more than stories name colours for)
        women: those of `people` that task 11 calls "she"
        places: at least three (tasks 18 and 19: six)
        things: what is carried
        kinds: kinds of animals, singular and plural
        colours: of animals (task 16)
        shapes: of task 17, at least three
        boxes: of task 18, from the smallest; those from `boxes[2]` on differ in order by story
        motives: of task 20: state of mind, place it leads to, thing taken there
    """

    people: tuple[str, ...] = ("Mary", "John", "Daniel", "Sandra")
    women: frozenset[str] = frozenset({"Mary", "Sandra", "Julie"})
    places: tuple[str, ...] = ("kitchen", "garden", "hallway", "bedroom", "bathroom", "office")
    things: tuple[str, ...] = ("football", "milk", "apple")
    kinds: tuple[tuple[str, str], ...] = (
        ("mouse", "mice"),
        ("wolf", "wolves"),
        ("cat", "cats"),
        ("sheep", "sheep"),
    )
    colours: tuple[str, ...] = ("green", "white", "yellow", "gray")
    shapes: tuple[str, ...] = (
        "triangle",
        "pink rectangle",
        "blue square",
        "red sphere",
        "yellow square",
        "red square",
    )
    boxes: tuple[str, ...] = (
        "chocolate",
        "box of chocolates",
        "box",
        "suitcase",
        "chest",
        "container",
    )
    motives: tuple[tuple[str, str, str], ...] = (
        ("bored", "garden", "football"),
        ("tired", "bedroom", "pajamas"),
        ("hungry", "kitchen", "apple"),
        ("thirsty", "kitchen", "milk"),
    )


HOUSE = Words()
TOWN = replace(
    HOUSE,
    people=("Fred", "Bill", "Julie", "Mary"),
    places=("school", "park", "cinema", "office", "kitchen", "bedroom"),
)
ZOO = replace(
    HOUSE,
    people=("Lily", "Bernhard", "Brian", "Julius", "Greg"),
    kinds=(("frog", "frogs"), ("lion", "lions"), ("swan", "swans"), ("rhino", "rhinos")),
)
DEFAULT_WORDS = dict.fromkeys(range(1, 21), HOUSE) | {
    5: replace(HOUSE, people=("Mary", "Fred", "Bill", "Jeff")),
    10: TOWN,
    14: TOWN,
    15: replace(HOUSE, people=("Gertrude", "Winona", "Emily", "Jessica")),
    16: ZOO,
    20: replace(HOUSE, people=("Jason", "Antoine", "Sumit", "Yann")),
}
