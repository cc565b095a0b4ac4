"""The DNC's interface vector ξ_t as ONNX nodes: from the controller's hidden vector to controls.

Its parts are reordered by their activation, so that one node activates all that share it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.dnc.addressing import SMALLEST_MASK
from ntm.architectures.dnc.config import interface_widths
from ntm.architectures.onnx_step import ControlledStep, Values

PACKET = 8  # values that ONNX Runtime's Softplus and Log take at once, or a multiple of it
LAYER_NORM = 1e-5  # torch's, added to the variance
SIGMOIDS = ("erase", "free_gate", "allocation_gate", "write_gate", "read_mask", "write_mask")
ONEPLUS = ("read_strength", "write_strength", "backward_sharpness", "forward_sharpness")
MASKS = ("read_mask", "write_mask")


class InterfaceSums(NamedTuple):
    """What every step of a chunk needs for its interface vector."""

    ones: str  # [B, number of parts, 1]
    padding: str  # zeros [B, .] that fill what goes through oneplus up to whole packets


class InterfaceStep(ControlledStep):
    """The part of a step that ends with the heads' controls."""

    def prepare_interface(self, batch: str) -> InterfaceSums:
        """Once a chunk, for the batch size [1]."""
        parts = interface_widths(self.config)
        size = sum(heads * width for heads, width in parts.values())
        return InterfaceSums(
            ones=self.filled(1.0, batch, size, 1), padding=self.filled(0.0, batch, self._unused)
        )

    def filled(self, value: float, batch: str, *shape: int) -> str:
        """[B, *shape] of one value."""
        whole = self.graph.concat([batch, self.graph.integers(*shape)], 0)
        return self.graph.add("Expand", self.graph.floats(value), whole)

    @property
    def _groups(self) -> list[list[str]]:
        """The parts of the interface vector by activation: sigmoid, oneplus, the rest."""
        names = list(interface_widths(self.config))
        groups = [[name for name in group if name in names] for group in (SIGMOIDS, ONEPLUS)]
        return [*groups, [name for name in names if name not in SIGMOIDS + ONEPLUS]]

    @property
    def _unused(self) -> int:
        """Numbers that fill what goes through oneplus up to whole packets."""
        parts = interface_widths(self.config)
        return -sum(parts[name][0] for name in ONEPLUS if name in parts) % PACKET

    def _reordered(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows of the interface's linear map by activation."""
        parts, start = {}, 0
        for name, (heads, width) in interface_widths(self.config).items():
            parts[name] = rows[start : start + heads * width]
            start += heads * width
        return np.concatenate([parts[name] for group in self._groups for name in group])

    def interface(self, hidden: str, sums: InterfaceSums) -> Values:
        """The activated parts of ξ_t, [B, heads, width] each."""
        graph, parts = self.graph, interface_widths(self.config)
        linear = "interface.linear"
        flat = graph.add(
            "Gemm",
            hidden,
            graph.weight("interface_weight", self._reordered(self.weights[f"{linear}.weight"]).T),
            graph.weight("interface_bias", self._reordered(self.weights[f"{linear}.bias"])),
        )
        if self.config.layer_norm:
            flat = self._normalised(flat, sums)
        groups = [{n: parts[n][0] * parts[n][1] for n in group} for group in self._groups]
        sigmoids, strengths, rest = graph.split(flat, [sum(g.values()) for g in groups], 1)
        padded = graph.add("Softplus", graph.concat([strengths, sums.padding], 1))
        oneplus = self.strengths(padded)
        values: Values = {}
        for group, value, unused in zip(
            groups,
            (graph.add("Sigmoid", sigmoids), oneplus, rest),
            (0, self._unused, 0),
            strict=True,
        ):
            sizes = [*group.values()] + [unused] * bool(unused)
            values |= dict(zip(group, graph.split(value, sizes, 1), strict=False))
        shaped = {n: graph.reshape(values[n], 0, *parts[n]) for n in parts}
        for name in MASKS:
            if name in shaped:
                scaled = graph.add("Mul", shaped[name], graph.floats(1 - SMALLEST_MASK))
                shaped[name] = graph.add("Add", scaled, graph.floats(SMALLEST_MASK))
        return shaped | {"read_mode": graph.add("Softmax", shaped["read_mode"], axis=-1)}

    def strengths(self, softplus: str) -> str:
        """Strengths and sharpnesses from their softplus."""
        return self.graph.add("Add", softplus, self.graph.floats(1.0))

    def _normalised(self, flat: str, sums: InterfaceSums) -> str:
        """Layer normalisation of the interface vector [B, .]."""
        graph = self.graph
        count = self.weights["interface.norm.weight"].size
        share = graph.floats(1 / count)
        row = graph.add("Unsqueeze", flat, graph.integers(1))
        mean = graph.add("Mul", graph.add("MatMul", row, sums.ones), share)
        centred = graph.add("Sub", row, mean)
        squares = graph.add("MatMul", graph.add("Mul", centred, centred), sums.ones)
        variance = graph.add("Add", graph.add("Mul", squares, share), graph.floats(LAYER_NORM))
        normal = graph.add("Div", centred, graph.add("Sqrt", variance))
        weight, bias = (
            graph.weight(f"norm_{n}", self._reordered(self.weights[f"interface.norm.{n}"]))
            for n in ("weight", "bias")
        )
        scaled = graph.add("Add", graph.add("Mul", normal, weight), bias)
        return graph.add("Squeeze", scaled, graph.integers(1))
