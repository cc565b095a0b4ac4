"""One step as ONNX nodes: what the steps of all architectures share.

An architecture adds the step itself; what it carries inside a chunk is its own choice.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm.onnx_graph import Graph

Weights = dict[str, NDArray[np.float32]]
Values = dict[str, str]  # names of values in a graph
Pin = Callable[[str, str], str]


class OnnxStep:
    """Adds steps of one model to one graph."""

    def __init__(self, graph: Graph, config: Any, weights: Weights, recorded: bool = False) -> None:
        """`recorded` asks for every stage in the shape that the signature says."""
        self.graph, self.config, self.weights = graph, config, weights
        self.recorded = recorded

    def inputs(self, x: str, steps: int) -> list[str]:
        """The inputs of a chunk [K, B, I] cut into K [B, I]."""
        flat = self.graph.reshape(x, -1, self.config.input_size)
        if steps == 1:
            return [flat]
        return self.graph.split_add("Split", flat, count=steps, axis=0, num_outputs=steps)

    def pack(self, state: Values) -> Any:
        """From the state tensors by name to what a chunk carries."""
        return state

    def unpack(self, packed: Any) -> Values:
        """Back to the state tensors by name, in the signature's order."""
        values: Values = packed
        return values

    def prepare(self, packed: Any, slots: int | None) -> Any:
        """What all steps of a chunk use, made once.

        Args:
            packed: the state before the first
            slots: N where it is known now, and not only when the graph runs
        """

    def __call__(self, x: str, packed: Any, prepared: Any, pin: Pin) -> tuple[Any, Values, str]:
        """One step.

        Args:
            x: the input [B, I]
            packed: the last step's state
            prepared: from `prepare`
            pin: called with the name and value of every pinnable stage
        Returns:
            the new state, every stage by name, and the output layer's product [B, O]
        """
        raise NotImplementedError

    def outputs(self, products: list[str]) -> str:
        """What the steps of a chunk give, [K * B, O], from the output layer's products."""
        return self.activated(self.graph.concat(products, 0))

    def activated(self, logits: str) -> str:
        """The output's activation, as the config says."""
        if self.config.output == "softmax":
            return self.graph.add("Softmax", logits, axis=-1)
        return self.graph.add("Sigmoid", logits) if self.config.output == "sigmoid" else logits

    def linear(self, name: str, x: str) -> str:
        """The linear layer of this name: [B, .] to [B, .]."""
        return self.graph.add(
            "Gemm",
            x,
            self.graph.weight(f"{name}.weight", self.weights[f"{name}.weight"].T),
            self.graph.weight(f"{name}.bias", self.weights[f"{name}.bias"]),
        )


class ControlledStep(OnnxStep):
    """A step whose controller is one of `ntm.architectures.controllers` and hears its last reads.

    The output layer takes the hidden vector and the reads. What a chunk carries between steps is
    `heard` [B, R * M (+ C)]: the reads in one row, beside the last hidden vector for an LSTM.
    """

    @property
    def is_lstm(self) -> bool:
        """Whether the controller has a state of its own."""
        return bool(self.config.controller == "lstm")

    @property
    def remembers(self) -> bool:
        """Whether the controller hears its last hidden vector."""
        return self.is_lstm

    def heard(self, state: Values) -> str:
        """What the first step of a chunk hears beside its input."""
        reads = self.graph.reshape(state["reads"], 0, -1)
        return self.graph.concat([reads, state["hidden"]] if self.remembers else [reads], 1)

    def split_heard(self, heard: str, read_width: int) -> Values:
        """The state tensors `reads` [B, R, M] and `hidden` again."""
        reads, width = self.config.num_reads, self.config.num_reads * read_width
        sizes = [width, self.config.controller_size] if self.remembers else [width]
        flat, *hidden = self.graph.split(heard, sizes, 1)
        values = {"reads": self.graph.reshape(flat, 0, reads, read_width)}
        return values | dict(zip(["hidden"], hidden, strict=False))

    def controller(self, x: str, heard: str, cell: str | None) -> tuple[str, str | None]:
        """The hidden vector [B, C], and an LSTM's cell [B, C]."""
        graph, size = self.graph, self.config.controller_size
        name = "controller.gates" if self.is_lstm else "controller.layer"
        product = graph.add(
            "Gemm",
            graph.concat([x, heard], 1),
            graph.weight("controller_weight", self.weights[f"{name}.weight"].T),
            graph.weight("controller_bias", self.weights[f"{name}.bias"]),
        )
        if cell is None:
            return graph.add("Tanh", product), None
        gates, candidate = graph.split(product, [3 * size, size], axis=1)
        let_in, keep, let_out = graph.split(graph.add("Sigmoid", gates), [size] * 3, axis=1)
        kept = graph.add("Mul", keep, cell)
        cell = graph.add("Add", kept, graph.add("Mul", let_in, graph.add("Tanh", candidate)))
        return graph.add("Mul", let_out, graph.add("Tanh", cell)), cell

    def answer(self, seen: str) -> str:
        """The output layer's product of the reads and the hidden vector in one row."""
        width, rows = self.config.controller_size, self.weights["output.weight"].T
        return self.graph.add(
            "Gemm",
            seen,
            self.graph.weight("output_weight", np.concatenate([rows[width:], rows[:width]])),
            self.graph.weight("output_bias", self.weights["output.bias"]),
        )

    def ones(self, like: str, axis: int) -> str:
        """A column of ones [B, n, 1] with n the size of an axis of `like`; made once a chunk.

        A product with it sums over that axis. ONNX Runtime's ReduceSum adds in an order that
        depends on where in memory a row begins, so that a row's result would depend on the
        batch's size.
        """
        graph = self.graph
        batch = graph.add("Shape", like, start=0, end=1)
        count = graph.add("Shape", like, start=axis, end=axis + 1)
        shape = graph.concat([batch, count, graph.integers(1)], 0)
        return graph.add("Expand", graph.floats(1.0), shape)
