"""Traversal as a task: hear the edges of a graph, then the edges of a walk; say where it leads."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ntm.tasks.base import Episode, Float, Phase, Size, Sizes, Task, begun, unanswered
from ntm.tasks.graph.graphs import EDGES_A_NODE, Edge, Graph, part_of, random_graph, walk
from ntm.tasks.graph.underground import MAP, STATION_NAMES, WAY_NAMES, connections

BASE = 10
LEVELS_A_STEP = 2  # of the curriculum, for every step of the longest walk


class GraphTraversal(Task):
    """One edge a step in any order, then one edge of the walk a step, its end answered at once.

    A label is so many digits, each one-hot in ten channels. Input channels are three labels
    (source, destination, edge) and a marker that is on in the query. An edge is told by all three;
    the first step of the query has source and edge, the others the edge only, so that the model
    has to know where it is. The output is the label of the node that the step leads to.

    Trained on random graphs, whose labels are drawn anew for every sequence, along a curriculum of
    longer walks through larger graphs. With `underground` the graph is a part of a real map, whose
    stations and lines have names. The paper asks for the whole walk before the first answer.
    """

    name: ClassVar[str] = "graph"
    unit: ClassVar[str] = "wrong nodes"
    figures: ClassVar[tuple[str, ...]] = ("walk",)

    digits: int = Field(default=2, ge=2)
    max_edges: int = Field(default=32, ge=2)
    max_path: int = Field(default=4, ge=1)

    @property
    def label_size(self) -> int:
        """Channels of a label."""
        return BASE * self.digits

    @property
    def input_size(self) -> int:
        return 3 * self.label_size + 1

    @property
    def output_size(self) -> int:
        return self.label_size

    @property
    def sizes(self) -> dict[str, Size]:
        most = EDGES_A_NODE * BASE**self.digits
        return {
            "edges": Size(2, most, self.max_edges, "directed edges of the graph"),
            "path": Size(1, 1000, self.max_path, "edges of the walk"),
            "underground": Size(0, 1, 1, "1 for a part of a real map, 0 for a random graph"),
        }

    @property
    def trained(self) -> Sizes:
        return {"edges": self.max_edges, "path": self.max_path, "underground": 0}

    @property
    def levels(self) -> int:
        return LEVELS_A_STEP * self.max_path

    def mastery(self, level: int) -> float:
        return 0.15 * -(-level // LEVELS_A_STEP)

    def training_sizes(self, rng: np.random.Generator, level: int) -> Sizes:
        most = max(2, self.max_edges * level // self.levels)
        return {
            "edges": int(rng.integers(2, most + 1)),
            "path": int(rng.integers(1, -(-level // LEVELS_A_STEP) + 1)),
            "underground": 0,
        }

    def slots_needed(self, sizes: Sizes) -> int:
        return sizes["edges"]

    def sample(self, rng: np.random.Generator, batch_size: int, **sizes: int) -> Episode:
        filled = self.complete(sizes)
        edges, path, real = filled["edges"], filled["path"], filled["underground"]
        if real:
            edges = min(max(edges - edges % 2, 2), len(MAP))
        steps = edges + path
        inputs = np.zeros((steps, batch_size, self.input_size), np.float32)
        targets = unanswered(steps, batch_size, self.output_size)
        for b in range(batch_size):
            if real:
                graph = part_of(rng, connections(), edges)
            else:
                graph = random_graph(rng, edges, BASE**self.digits)
            walked = walk(rng, graph, path)
            inputs[:, b] = self.encode(graph, walked)
            targets[edges:, b] = [self.label(edge.destination) for edge in walked]
        return Episode(inputs, targets, (Phase("edges", 0, edges), Phase("walk", edges, steps)))

    def encode(self, graph: Graph, walked: tuple[Edge, ...]) -> Float:
        """A graph and a walk as inputs [T, input_size]; only the walk's start and edges are told.

        For a graph of your own, with labels from 0 to 10^digits - 1.
        """
        size = self.label_size
        rows = np.zeros((len(graph) + len(walked), self.input_size), np.float32)
        for row, edge in zip(rows, graph, strict=False):
            row[:-1] = np.concatenate([self.label(part) for part in edge])
        for number, (row, edge) in enumerate(zip(rows[len(graph) :], walked, strict=True)):
            if number == 0:
                row[:size] = self.label(edge.source)
            row[2 * size : 3 * size] = self.label(edge.label)
            row[-1] = 1
        return rows

    def label(self, number: int) -> Float:
        """A label's channels [label_size], its highest digit first."""
        digits = [number // BASE**place % BASE for place in reversed(range(self.digits))]
        return np.eye(BASE, dtype=np.float32)[digits].ravel()

    def number(self, channels: Float) -> int:
        """The label that some channels [label_size] say loudest."""
        digits = channels.reshape(self.digits, BASE).argmax(axis=1)
        return int(digits @ BASE ** np.arange(self.digits)[::-1])

    def phases(self, inputs: Float) -> tuple[Phase, ...]:
        asked = inputs[:, -1] > 0.5
        first = int(asked.argmax()) if asked.any() else len(inputs)
        told = inputs[: first + 1, : self.label_size].max(axis=1, initial=0) > 0.5
        if not (first and asked[first:].all() and told.all()):
            return ()
        return begun(inputs, ("edges", 0), ("walk", first))

    def edges_of(self, inputs: Float) -> Graph:
        """The edges that a sequence [T, input_size] tells."""
        told = [phase for phase in self.phases(inputs) if phase.name == "edges"]
        rows = inputs[: told[0].stop, :-1] if told else inputs[:0, :-1]
        return tuple(
            Edge(*(self.number(part) for part in row.reshape(3, self.label_size))) for row in rows
        )

    def heard(self, inputs: Float) -> dict[int, int]:
        graph, said = self.edges_of(inputs), dict[int, int]()
        ways = {(edge.source, edge.label): step for step, edge in enumerate(graph)}
        node = -1
        for step in range(len(graph), len(inputs)):
            source, _, way = inputs[step, :-1].reshape(3, self.label_size)
            node = self.number(source) if source.any() else node
            told = ways.get((node, self.number(way)))
            if told is None:  # no such edge was told
                break
            said[step], node = told, graph[told].destination
        return said

    def words(self, inputs: Float) -> list[str]:
        graph = self.edges_of(inputs)
        nodes, ways = self._names(graph)
        told = [
            f"{_named(nodes, edge.source)} to {_named(nodes, edge.destination)} "
            f"by {_named(ways, edge.label)}"
            for edge in graph
        ]
        for row in inputs[len(graph) :, :-1] if graph else inputs[:0, :-1]:
            source, _, way = row.reshape(3, self.label_size)
            start = f"from {_named(nodes, self.number(source))} " if source.any() else ""
            told.append(f"{start}by {_named(ways, self.number(way))}?")
        return told

    def answer(self, inputs: Float, outputs: Float) -> str | None:
        graph = self.edges_of(inputs)
        if not graph or len(graph) == len(inputs):
            return None
        nodes, _ = self._names(graph)
        return ", ".join(_named(nodes, self.number(row)) for row in outputs[len(graph) :])

    def _names(self, graph: Graph) -> tuple[Mapping[int, str], Mapping[int, str]]:
        """The names of nodes and of edges; none where it is no part of the map."""
        if self.digits == 2 and graph and set(graph) <= set(MAP):
            return STATION_NAMES, WAY_NAMES
        return {}, {}

    def error(self, outputs: Float, targets: Float) -> NDArray[np.float64]:
        """How many nodes of each sequence were named wrong, [B]."""
        shape = (*targets.shape[:2], self.digits, BASE)
        answered = ~np.isnan(targets).any(axis=-1)
        told, meant = (values.reshape(shape).argmax(axis=-1) for values in (outputs, targets))
        wrong = (told != meant).any(axis=-1) | np.isnan(outputs).any(axis=-1)
        return np.asarray((wrong & answered).sum(axis=0), np.float64)


def _named(names: Mapping[int, str], label: int) -> str:
    """A label's name, or the label where it has none."""
    return names.get(label, str(label))
