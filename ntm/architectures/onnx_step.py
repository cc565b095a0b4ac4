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
        logits = self.graph.concat(products, 0)
        return self.graph.add("Sigmoid", logits) if self.config.output == "sigmoid" else logits

    def linear(self, name: str, x: str) -> str:
        """The linear layer of this name: [B, .] to [B, .]."""
        return self.graph.add(
            "Gemm",
            x,
            self.graph.weight(f"{name}.weight", self.weights[f"{name}.weight"].T),
            self.graph.weight(f"{name}.bias", self.weights[f"{name}.bias"]),
        )
