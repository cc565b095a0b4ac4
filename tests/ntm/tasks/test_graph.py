"""Graph traversal: graphs, walks and their encoding, against plain walks over dictionaries."""

from itertools import pairwise

import numpy as np
import pytest

from ntm.tasks import GraphTraversal
from ntm.tasks.graph.graphs import Edge, part_of, random_graph, walk
from ntm.tasks.graph.underground import MAP, STATION_NAMES, STATIONS, WAYS, connections

RNG = np.random.default_rng
TASK = GraphTraversal()


def channels(*labels: int | None) -> list[float]:
    """Three labels of two digits by hand, each digit one-hot."""
    return [
        float(label is not None and digit == value)
        for label in labels
        for digit in ([label // 10, label % 10] if label is not None else [None, None])
        for value in range(10)
    ]


@pytest.mark.parametrize("edges", [2, 3, 7, 32, 300])
def test_a_random_graph_has_edges_that_can_be_told_apart_and_walked(edges: int) -> None:
    graph = random_graph(RNG(edges), edges, 100)
    assert len(graph) == edges
    assert len({(edge.source, edge.label) for edge in graph}) == edges
    assert len({edge[:2] for edge in graph}) == edges
    assert all(edge.source != edge.destination for edge in graph)
    leaving = {edge.source for edge in graph}
    assert {edge.destination for edge in graph} <= leaving
    walked = walk(RNG(0), graph, 12)
    assert set(walked) <= set(graph)
    assert all(a.destination == b.source for a, b in pairwise(walked))


def test_a_walk_turns_round_only_at_a_dead_end() -> None:
    line = (Edge(1, 2, 0), Edge(2, 1, 1), Edge(2, 3, 0), Edge(3, 2, 1))
    visited = [edge.destination for edge in walk(RNG(4), line, 9)]
    turns = [b for a, b, c in zip(visited, visited[1:], visited[2:], strict=False) if a == c]
    assert turns
    assert set(turns) <= {1, 3}


def test_the_map_is_a_connected_part_of_the_underground() -> None:
    assert len(MAP) == 32
    assert len(set(STATIONS.values())) == len(STATIONS) == 11
    assert len(set(WAYS.values())) == len(WAYS) == 12
    assert len({(edge.source, edge.label) for edge in MAP}) == 32
    assert {Edge(b, a, label) for a, b, label in MAP} != set(MAP)
    assert {edge[1::-1] for edge in MAP} == {edge[:2] for edge in MAP}
    for edges in (2, 9, 32):
        part = part_of(RNG(edges), connections(), edges)
        assert len(part) == edges - edges % 2
        reached, more = {part[0].source}, True
        while more:
            found = reached | {edge.destination for edge in part if edge.source in reached}
            more, reached = found != reached, found
        assert reached == {edge.source for edge in part}


def test_a_graph_of_ones_own_is_told_as_triples_and_a_walk_by_its_edges() -> None:
    graph = (Edge(10, 25, 3), Edge(25, 99, 70))
    inputs = TASK.encode(graph, graph)
    assert inputs.tolist() == [
        [*channels(10, 25, 3), 0],
        [*channels(25, 99, 70), 0],
        [*channels(10, None, 3), 1],
        [*channels(None, None, 70), 1],
    ]
    assert TASK.words(inputs) == ["10 to 25 by 3", "25 to 99 by 70", "from 10 by 3?", "by 70?"]
    assert TASK.heard(inputs) == {2: 0, 3: 1}
    assert TASK.edges_of(inputs) == graph


@pytest.mark.parametrize("underground", [0, 1])
def test_the_answer_is_where_a_traveller_with_the_edges_gets(underground: int) -> None:
    episode = TASK.sample(RNG(7), 4, edges=20, path=6, underground=underground)
    assert [(phase.name, phase.stop) for phase in episode.phases] == [("edges", 20), ("walk", 26)]
    for b in range(4):
        inputs, targets = episode.inputs[:, b], episode.targets[:, b]
        ways = {(edge.source, edge.label): edge.destination for edge in TASK.edges_of(inputs)}
        node, reached = TASK.number(inputs[20, :20]), []
        for row in inputs[20:]:
            node = ways[node, TASK.number(row[40:60])]
            reached.append(node)
        assert [TASK.number(row) for row in targets[20:]] == reached
        assert np.isnan(targets[:20]).all()
        names = [STATION_NAMES[node] if underground else str(node) for node in reached]
        assert TASK.answer(inputs, np.nan_to_num(targets)) == ", ".join(names)


def test_stations_are_named_where_the_graph_is_of_the_map_only() -> None:
    there = Edge(STATIONS["Green Park"], STATIONS["Oxford Circus"], WAYS["Victoria N"])
    assert TASK.words(TASK.encode((there,), (there,))) == [
        "Green Park to Oxford Circus by Victoria N",
        "from Green Park by Victoria N?",
    ]
    elsewhere = there._replace(label=WAYS["Victoria S"])
    assert TASK.words(TASK.encode((elsewhere,), (elsewhere,)))[0] == "25 to 14 by 97"


def test_what_is_no_such_sequence_has_no_phases_and_no_words() -> None:
    inputs = TASK.sample(RNG(1), 1).inputs[:, 0]
    for wrong in (inputs[::-1], inputs[32:], np.zeros_like(inputs)):
        assert TASK.phases(wrong) == ()
        assert TASK.words(wrong) == []
        assert TASK.answer(wrong, np.zeros((len(wrong), 20), np.float32)) is None


def test_an_edge_that_was_not_told_ends_what_is_known_of_a_walk() -> None:
    graph = (Edge(1, 2, 3), Edge(2, 1, 3))
    inputs = TASK.encode(graph, (graph[0], Edge(2, 1, 50)))
    assert TASK.heard(inputs) == {2: 0}


def test_a_node_is_wrong_where_any_digit_is() -> None:
    episode = TASK.sample(RNG(2), 2, edges=4, path=2)
    outputs = np.nan_to_num(episode.targets)
    outputs[-1, 1, :10] = np.roll(outputs[-1, 1, :10], 1)
    assert TASK.error(outputs, episode.targets).tolist() == [0, 1]


def test_training_is_on_random_graphs_that_grow_with_the_level() -> None:
    drawn = [TASK.training_sizes(RNG(seed), level) for seed in range(60) for level in (1, 8)]
    first, last = drawn[::2], drawn[1::2]
    assert {sizes["underground"] for sizes in drawn} == {0}
    assert max(sizes["edges"] for sizes in first) == 4
    assert {sizes["path"] for sizes in first} == {1}
    assert max(sizes["edges"] for sizes in last) > 28
    assert {sizes["path"] for sizes in last} == {1, 2, 3, 4}
