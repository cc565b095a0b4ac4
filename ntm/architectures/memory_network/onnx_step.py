"""One step of a memory network as ONNX nodes, as `MemoryNetwork.step` has it.

Which embeddings a row's hop uses is chosen by products with one-hot rows, so that rows that hear a
sentence and rows that hop go through the same nodes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from ntm.architectures.memory_network.encoding import QUESTION, coefficients
from ntm.architectures.memory_network.stories import NEVER
from ntm.architectures.onnx_step import OnnxStep, Pin, Values


class Prepared(NamedTuple):
    """What all steps of a chunk use."""

    slots: str  # 0 .. N-1, [N]
    total: str  # N, a scalar


class Heard(NamedTuple):
    """What a step hears, 1 or 0 of every row [B, 1]."""

    words: str  # the two sums over the words [B, 2 V]
    told: str
    asked: str
    silent: str


class Step(OnnxStep):
    """Adds steps of one model to one graph."""

    def prepare(self, packed: Values, slots: int | None) -> Prepared:
        """The numbers of the slots, and how many there are."""
        graph = self.graph
        if slots is not None:
            numbers = np.arange(slots, dtype=np.float32)
            return Prepared(graph.constant(numbers), graph.floats(float(slots)))
        shape = graph.add("Shape", packed["memory"], start=1, end=2)
        count = graph.add("Squeeze", graph.add("Cast", shape, to=TensorProto.FLOAT))
        return Prepared(graph.add("Range", graph.floats(0.0), count, graph.floats(1.0)), count)

    def __call__(
        self, x: str, packed: Values, prepared: Prepared, pin: Pin
    ) -> tuple[Values, Values, str]:
        """One step; see `OnnxStep`."""
        graph, done = self.graph, self.graph.floats(float(self.config.hops))
        heard = self._heard(x)
        embedding, question = self._embedded(heard.words)
        stages: Values = {"add": pin("add", graph.reshape(embedding, -1, 1, self.config.width))}
        memory = self._write(heard.told, packed, prepared, stages, pin)
        count = graph.add("Add", packed["heard"], heard.told)
        hop = self._where(heard.told, done, packed["hop"])
        hop = self._where(heard.asked, graph.floats(0.0), hop)
        hops = graph.add("Mul", heard.silent, self._number(graph.add("Less", hop, done)))
        internal = self._where(heard.asked, question, packed["internal"])
        stages["query"] = pin("query", graph.reshape(internal, -1, 1, self.config.d))
        internal = self._hop(self._aged(memory, count, prepared), hop, hops, stages, pin)
        stages["internal"] = internal
        state = {
            "memory": memory,
            "heard": count,
            "internal": internal,
            "hop": graph.add("Add", hop, hops),
        }
        return state, stages, self.linear("output", internal)

    def outputs(self, products: list[str]) -> str:
        """The probabilities of the answers (Eq. 3)."""
        return self.graph.add("Softmax", self.graph.concat(products, 0), axis=-1)

    def _heard(self, x: str) -> Heard:
        graph, one = self.graph, self.graph.floats(1.0)
        words, mark = graph.split(x, [2 * self.config.words, 1], axis=1)
        asked = self._number(graph.add("Greater", mark, graph.floats(QUESTION)))
        most = graph.add("ReduceMax", graph.add("Abs", words), graph.integers(1))
        spoken = self._number(graph.add("Greater", most, graph.floats(0.0)))
        not_asked = graph.add("Sub", one, asked)
        told = graph.add("Mul", spoken, not_asked)
        return Heard(words, told, asked, graph.add("Sub", not_asked, told))

    def _embedded(self, words: str) -> tuple[str, str]:
        """A sentence's embeddings [B, width] and a question's [B, d] of the same words."""
        graph, config = self.graph, self.config
        columns = self._product("word_map", words, self._word_map())
        if config.tying == "layer-wise":
            embedding, question = graph.split(columns, [config.width, config.d], axis=1)
            return embedding, question
        return columns, graph.split(columns, [config.d, config.width - config.d], axis=1)[0]

    def _write(
        self, told: str, packed: Values, prepared: Prepared, stages: Values, pin: Pin
    ) -> str:
        """The memory [B, N, width] with a sentence in its next slot."""
        graph, one = self.graph, self.graph.floats(1.0)
        whole = graph.add("Floor", graph.add("Relu", packed["heard"]))
        following = graph.add("Mod", whole, prepared.total, fmod=1)
        at = self._number(graph.add("Equal", prepared.slots, following))
        written = graph.add("Unsqueeze", graph.add("Mul", at, told), graph.integers(1))
        stages["write_weighting"] = pin("write_weighting", written)
        column = graph.add("Transpose", stages["write_weighting"], perm=[0, 2, 1])
        kept = graph.add("Mul", packed["memory"], graph.add("Sub", one, column))
        return graph.add("Add", kept, graph.add("Mul", column, stages["add"]))

    def _aged(self, memory: str, count: str, prepared: Prepared) -> tuple[str, str]:
        """m_i + T(i) [B, N, width], and 1 for every slot that holds a sentence [B, N]."""
        graph = self.graph
        latest = graph.add("Sub", graph.add("Floor", count), graph.floats(1.0))
        since = graph.add("Relu", graph.add("Sub", latest, prepared.slots))
        since = graph.add("Mod", since, prepared.total, fmod=1)
        oldest = graph.floats(float(self.config.ages - 1))
        rows = graph.add("Cast", graph.add("Min", since, oldest), to=TensorProto.INT64)
        age = graph.add("Gather", graph.weight("age", self.weights["age"]), rows, axis=0)
        held = self._number(graph.add("Less", prepared.slots, count))
        return graph.add("Add", memory, age), held

    def _hop(self, aged: tuple[str, str], hop: str, hops: str, stages: Values, pin: Pin) -> str:
        """Attend, respond and go on where a row hops: u [B, d]."""
        (sentences, held), graph, config = aged, self.graph, self.config
        matched, given = self._places(hop)
        query = stages["query"]
        key = graph.reshape(graph.add("Mul", self._column(matched), query), -1, config.width, 1)
        scores = graph.add("Squeeze", graph.add("MatMul", sentences, key), graph.integers(2))
        scores = self._where(held, scores, graph.floats(NEVER))
        attention = graph.add("Softmax", scores, axis=-1)
        attention = graph.add("Mul", attention, graph.add("Mul", held, hops))
        attention = graph.add("Unsqueeze", attention, graph.integers(1))
        stages["attention"] = pin("attention", attention)
        read = graph.add("MatMul", stages["attention"], sentences)
        read = graph.reshape(read, -1, config.embeddings, config.d)
        row = graph.add("Unsqueeze", given, graph.integers(1))
        stages["reads"] = graph.add("MatMul", row, read)
        internal = graph.reshape(query, -1, config.d)
        after = graph.add(
            "Add", self._mapped(matched, query), graph.reshape(stages["reads"], -1, config.d)
        )
        return self._where(hops, self._rectified(after), internal)

    def _mapped(self, matched: str, query: str) -> str:
        """H u of every row's hop [B, d]; u itself where there are no maps."""
        graph, config = self.graph, self.config
        if not config.maps:
            return graph.reshape(query, -1, config.d)
        chosen = graph.split(matched, [config.maps, config.embeddings - config.maps], axis=1)[0]
        keyed = graph.add("Mul", self._column(chosen), query)
        flat = graph.reshape(keyed, -1, config.maps * config.d)
        rows = self.weights["map"].transpose(0, 2, 1).reshape(-1, config.d)
        return self._product("map", flat, rows)

    def _rectified(self, internal: str) -> str:
        """Its second half rectified, where the config says so."""
        graph, half = self.graph, (self.config.d + 1) // 2
        if not self.config.half_relu:
            return internal
        linear, rest = graph.split(internal, [half, self.config.d - half], axis=1)
        return graph.concat([linear, graph.add("Relu", rest)], 1)

    def _places(self, hop: str) -> tuple[str, str]:
        """Which embeddings of a slot are A and C of every row's hop: one-hot [B, embeddings]."""
        graph, config = self.graph, self.config
        place = graph.constant(np.arange(config.embeddings, dtype=np.float32))
        last = graph.floats(config.hops - 1.0 if config.tying == "adjacent" else 0.0)
        first = graph.add("Min", graph.add("Floor", graph.add("Relu", hop)), last)
        following = graph.add("Add", first, graph.floats(1.0))
        matched, given = (graph.add("Equal", place, at) for at in (first, following))
        return self._number(matched), self._number(given)

    def _word_map(self) -> NDArray[np.float32]:
        """As `MemoryNetwork.word_map`."""
        codes = coefficients(self.config).astype(np.float32)
        plain, placed = np.tile(codes, self.config.columns // self.config.d)
        embedding = self.weights["embedding"]
        return np.concatenate([embedding * plain, self.weights.get("place", embedding) * placed])

    def _product(self, name: str, rows: str, weight: NDArray[np.float32]) -> str:
        """Rows [B, .] times a matrix."""
        return self.graph.add("MatMul", rows, self.graph.weight(name, weight))

    def _where(self, condition: str, value: str, other: str) -> str:
        """Where a number is 1 the one, else the other."""
        truth = self.graph.add("Cast", condition, to=TensorProto.BOOL)
        return self.graph.add("Where", truth, value, other)

    def _number(self, condition: str) -> str:
        """1 for true, 0 for false."""
        return self.graph.add("Cast", condition, to=TensorProto.FLOAT)

    def _column(self, row: str) -> str:
        """[B, .] as [B, ., 1]."""
        return self.graph.add("Unsqueeze", row, self.graph.integers(2))
