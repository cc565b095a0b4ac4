"""Directed graphs with labelled nodes and edges, drawn at random, and walks through them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

EDGES_A_NODE = 3  # of random graphs; a map of an underground has about as many


class Edge(NamedTuple):
    """One edge by labels; the edges that leave a node differ in theirs."""

    source: int
    destination: int
    label: int


Graph = tuple[Edge, ...]


def random_graph(rng: np.random.Generator, edges: int, labels: int) -> Graph:
    """So many edges between distinct nodes, at least one from every node.

    Args:
        rng: draws nodes, edges and their labels
        edges: at least 2
        labels: nodes and edges are labelled from 0 to one less
    """
    count = max(2, -(-edges // EDGES_A_NODE))
    while count * (count - 1) < edges:
        count += 1
    nodes = rng.choice(labels, count, replace=False)
    ways = rng.choice(labels, count, replace=False)  # as many as edges can leave a node, and more
    first = [(a, int(rng.integers(count - 1))) for a in range(count)]
    pairs = {(a, b + (b >= a)) for a, b in first}
    others = [(a, b) for a in range(count) for b in range(count) if a != b and (a, b) not in pairs]
    chosen = rng.permutation(len(others))[: edges - count]
    drawn = sorted(pairs) + [others[index] for index in chosen]
    leaving = {a: iter(rng.permutation(count)) for a in range(count)}
    graph = [Edge(int(nodes[a]), int(nodes[b]), int(ways[next(leaving[a])])) for a, b in drawn]
    return tuple(graph[index] for index in rng.permutation(edges))


def part_of(
    rng: np.random.Generator, connections: Sequence[tuple[Edge, Edge]], edges: int
) -> Graph:
    """A connected part of a map, both ways of every connection, in any order.

    Args:
        rng: draws where it begins and how it grows
        connections: of the map, which is connected
        edges: how many, or all there are; an odd one is left out
    """
    left = list(connections)
    part = [left.pop(int(rng.integers(len(left))))]
    while left and 2 * len(part) + 2 <= edges:
        reached = {node for edge, _ in part for node in edge[:2]}
        near = [i for i, (edge, _) in enumerate(left) if reached & {edge.source, edge.destination}]
        part.append(left.pop(near[int(rng.integers(len(near)))]))
    graph = [edge for both in part for edge in both]
    return tuple(graph[index] for index in rng.permutation(len(graph)))


def walk(rng: np.random.Generator, graph: Graph, steps: int) -> tuple[Edge, ...]:
    """Edges that follow each other, straight back only where there is no other way."""
    leaving = defaultdict(list)
    for edge in graph:
        leaving[edge.source].append(edge)
    walked = [graph[int(rng.integers(len(graph)))]]
    while len(walked) < steps:
        last = walked[-1]
        ways = leaving[last.destination]
        on = [edge for edge in ways if edge.destination != last.source] or ways
        walked.append(on[int(rng.integers(len(on)))])
    return tuple(walked)
