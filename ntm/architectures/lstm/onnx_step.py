"""One LSTM step as ONNX nodes: every layer one product, then its gates."""

from typing import NamedTuple

import numpy as np

from ntm.architectures.lstm.signature import GATES
from ntm.architectures.onnx_step import OnnxStep, Pin, Values


class Packed(NamedTuple):
    """Hidden and cell of every layer, [B, size] each."""

    hidden: list[str]
    cell: list[str]


class Step(OnnxStep):
    """Adds steps of one lstm/1 model to one graph."""

    def pack(self, state: Values) -> Packed:
        """See `OnnxStep`."""
        return Packed(*(self._layers(state[name]) for name in ("hidden", "cell")))

    def unpack(self, packed: Packed) -> Values:
        """See `OnnxStep`."""
        return {"hidden": self._stacked(packed.hidden), "cell": self._stacked(packed.cell)}

    def __call__(
        self, x: str, packed: Packed, prepared: None, pin: Pin
    ) -> tuple[Packed, Values, str]:
        """See `OnnxStep`."""
        told: dict[str, list[str]] = {name: [] for name in (*GATES, "cell", "hidden")}
        below = x
        for layer in range(self.config.layers):
            stages = self._layer(layer, below, packed.hidden[layer], packed.cell[layer])
            below = stages["hidden"]
            for name, value in stages.items():
                told[name].append(value)
        after = Packed(told["hidden"], told["cell"])
        record = {n: self._stacked(v) for n, v in told.items()} if self.recorded else {}
        return after, record, self.linear("output", below)

    def _layer(self, layer: int, below: str, hidden: str, cell: str) -> Values:
        graph, size = self.graph, self.config.size
        rows = [self.weights[f"layers.weight_{kind}_l{layer}"].T for kind in ("ih", "hh")]
        biases = [self.weights[f"layers.bias_{kind}_l{layer}"] for kind in ("ih", "hh")]
        product = graph.add(
            "Gemm",
            graph.concat([below, hidden], 1),
            graph.weight(f"layer_{layer}_weight", np.concatenate(rows)),
            graph.weight(f"layer_{layer}_bias", biases[0] + biases[1]),
        )
        gates = {
            name: graph.add("Tanh" if name == "candidate" else "Sigmoid", value)
            for name, value in zip(GATES, graph.split(product, [size] * 4, axis=1), strict=True)
        }
        kept = graph.add("Mul", gates["forget_gate"], cell)
        cell = graph.add("Add", kept, graph.add("Mul", gates["input_gate"], gates["candidate"]))
        hidden = graph.add("Mul", gates["output_gate"], graph.add("Tanh", cell))
        return gates | {"cell": cell, "hidden": hidden}

    def _layers(self, value: str) -> list[str]:
        """[B, layers, size] as [B, size] for every layer."""
        parts = self.graph.split(value, [1] * self.config.layers, axis=1)
        return [self.graph.reshape(part, -1, self.config.size) for part in parts]

    def _stacked(self, values: list[str]) -> str:
        """The inverse of `_layers`."""
        axis = self.graph.integers(1)
        return self.graph.concat([self.graph.add("Unsqueeze", v, axis) for v in values], 1)
