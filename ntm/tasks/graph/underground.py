"""A part of the London Underground as a graph: eleven stations, sixteen connections both ways."""

from itertools import pairwise

from ntm.tasks.graph.graphs import Edge, Graph

LINES = (  # a line, its two directions, and neighbouring stations in the first one
    ("Central", "E", "W", ("Bond Street", "Oxford Circus", "Tottenham Court Road", "Holborn")),
    (
        "Piccadilly", "E", "W",
        ("Green Park", "Piccadilly Circus", "Leicester Square", "Covent Garden", "Holborn"),
    ),
    ("Victoria", "N", "S", ("Green Park", "Oxford Circus", "Warren Street")),
    ("Jubilee", "S", "N", ("Bond Street", "Green Park")),
    ("Bakerloo", "S", "N", ("Oxford Circus", "Piccadilly Circus", "Charing Cross")),
    (
        "Northern", "S", "N",
        (
            "Warren Street", "Goodge Street", "Tottenham Court Road", "Leicester Square",
            "Charing Cross",
        ),
    ),
)  # fmt: skip

# Labels from 0 to 99, spread as those of random graphs are.
STATIONS = {
    "Bond Street": 71,
    "Charing Cross": 8,
    "Covent Garden": 46,
    "Goodge Street": 93,
    "Green Park": 25,
    "Holborn": 60,
    "Leicester Square": 37,
    "Oxford Circus": 14,
    "Piccadilly Circus": 82,
    "Tottenham Court Road": 59,
    "Warren Street": 3,
}
WAYS = {
    "Bakerloo N": 90,
    "Bakerloo S": 17,
    "Central E": 43,
    "Central W": 68,
    "Jubilee N": 5,
    "Jubilee S": 31,
    "Northern N": 76,
    "Northern S": 22,
    "Piccadilly E": 84,
    "Piccadilly W": 50,
    "Victoria N": 39,
    "Victoria S": 97,
}


def connections() -> list[tuple[Edge, Edge]]:
    """Every connection as an edge there and one back."""
    both = []
    for line, there, back, stations in LINES:
        for a, b in pairwise(stations):
            one, other = STATIONS[a], STATIONS[b]
            both.append(
                (
                    Edge(one, other, WAYS[f"{line} {there}"]),
                    Edge(other, one, WAYS[f"{line} {back}"]),
                )
            )
    return both


MAP: Graph = tuple(edge for both in connections() for edge in both)
STATION_NAMES = {label: name for name, label in STATIONS.items()}
WAY_NAMES = {label: name for name, label in WAYS.items()}
