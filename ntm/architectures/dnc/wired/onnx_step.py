"""One step of a dnc/2 model as ONNX nodes: that of dnc/1 where the wiring is the same."""

from ntm.architectures.dense_controller_step import DenseControlledStep
from ntm.architectures.dnc.onnx_interface import InterfaceSums
from ntm.architectures.dnc.onnx_step import Prepared, Step
from ntm.architectures.dnc.wired.model import SMALLEST_SQUARE
from ntm.architectures.onnx_step import Values


class WiredStep(DenseControlledStep, Step):
    """Adds steps of one model to one graph."""

    def interface(self, hidden: str, sums: InterfaceSums) -> Values:
        """The activated parts of ξ_t, [B, heads, width] each."""
        told, wiring = super().interface(hidden, sums), self.config.wiring
        bent = [*(("read_key", "write_key") if wiring.key == "tanh" else ())]
        bent += ["add"] if wiring.add == "tanh" else []
        return told | {name: self.graph.add("Tanh", told[name]) for name in bent}

    def strengths(self, softplus: str) -> str:
        """Strengths from their softplus."""
        one_more = self.config.wiring.strength == "oneplus"
        return super().strengths(softplus) if one_more else softplus

    def _content(
        self, memory: str, key: str, strength: str, mask: str | None, prepared: Prepared
    ) -> str:
        """C(M, k, β, m): [B, W, N] and [B, H, W] to [B, H, N]."""
        if self.config.wiring.similarity == "added":
            return super()._content(memory, key, strength, mask, prepared)
        graph, smallest = self.graph, self.graph.floats(SMALLEST_SQUARE)
        squares = graph.add("MatMul", graph.add("Mul", key, key), prepared.width)
        key_norm = graph.add("Sqrt", graph.add("Max", squares, smallest))
        ones = self._row(prepared.width)
        slot_squares = graph.add("MatMul", ones, graph.add("Mul", memory, memory))
        slot_norm = graph.add("Sqrt", graph.add("Max", slot_squares, smallest))
        strong = graph.add("Mul", graph.add("Div", key, key_norm), strength)
        products = graph.add("MatMul", strong, memory)
        return graph.add("Softmax", graph.add("Div", products, slot_norm), axis=-1)
