"""One lean step of an ntm/1 model as ONNX nodes, each block named after its equation.

Lean means few nodes: one product for the controller, one for all heads, and inside a chunk the
state stays packed (all weightings in one tensor, memory with slots last, reads beside hidden).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.ntm.addressing import SMALLEST_NORM
from ntm.architectures.ntm.heads import Heads
from ntm.architectures.onnx_step import ControlledStep, Pin, Values

# ONNX Runtime's Softplus works on four values at a time and rounds a last one, two or three
# differently. Two unused columns a head make every batch a multiple of four, so that a row's
# result cannot depend on how many neighbours it has.
UNUSED = 2


class Packed(NamedTuple):
    """The state between two steps of a chunk."""

    memory: str  # [B, M, N]: slots last, where they vectorise
    weightings: str  # [B, H, N], read heads first
    heard: str  # [B, R * M (+ C)], the last reads, beside the last hidden for an LSTM
    cell: str | None  # [B, C]


class Step(ControlledStep):
    """Adds steps of one model to one graph."""

    def pack(self, state: Values) -> Packed:
        """From the state tensors by name to what a chunk carries."""
        sides = [state["read_weightings"], state["write_weightings"]]
        return Packed(
            memory=self._swap(state["memory"]),
            weightings=self.graph.concat(sides, 1),
            heard=self.heard(state),
            cell=state.get("cell"),
        )

    def unpack(self, packed: Packed) -> Values:
        """Back to the state tensors by name."""
        config = self.config
        read, write = self.graph.split(packed.weightings, [config.num_reads, config.num_writes], 1)
        state = {
            "memory": self._swap(packed.memory),
            "read_weightings": read,
            "write_weightings": write,
            **self.split_heard(packed.heard, config.M),
        }
        return state | {"cell": packed.cell} if packed.cell else state

    def _swap(self, memory: str) -> str:
        """Swap slots and width of [B, ., .].

        An Einsum, because ONNX Runtime would melt a Transpose into the first step's products,
        which then round differently from the other steps': chunks must not show in the result.
        """
        return self.graph.add("Einsum", memory, equation="bij->bji")

    def prepare(self, packed: Packed, slots: int | None) -> tuple[str, str]:
        """The shifts and the ones of a chunk."""
        return self.shifts(packed.weightings, slots), self.ones(packed.weightings, 2)

    def shifts(self, weightings: str, slots: int | None) -> str:
        """For every shift and slot the slot it comes from, [S, N]; made once a chunk.

        Args:
            weightings: [B, H, N], for an N known only when the graph runs
            slots: N where it is known now
        """
        graph = self.graph
        taps = (np.arange(self.config.shift_range) - self.config.max_shift)[:, None]
        if slots is not None:
            return graph.constant((np.arange(slots) - taps) % slots)
        count = graph.add("Shape", weightings, start=2, end=3)
        zero, one = (graph.constant(np.array(n, np.int64)) for n in (0, 1))
        here = graph.add("CumSum", graph.add("Expand", one, count), zero, exclusive=1)
        return graph.add("Mod", graph.add("Sub", here, graph.constant(taps)), count)

    def __call__(
        self, x: str, packed: Packed, prepared: tuple[str, str], pin: Pin
    ) -> tuple[Packed, Values, str]:
        """One step.

        Args:
            x: the input [B, I]
            packed: the last step's state
            prepared: the shifts and the ones
            pin: called with the name and value of every pinnable stage
        Returns:
            the new state, every stage by name, and the output layer's product [B, O]
        """
        graph, config = self.graph, self.config
        hidden, cell = self.controller(x, packed.heard, packed.cell)
        told = self._heads(hidden, pin)
        stages = self._address(told, packed, prepared, pin)
        read, write = graph.split(
            stages["weighting"], [config.num_reads, config.num_writes], axis=1
        )
        reads = self._read(packed.memory, read)
        memory = self._write(packed.memory, write, told["erase"], told["add"])
        reads_flat = graph.reshape(reads, 0, -1)
        seen = graph.concat([reads_flat, hidden], 1)
        record = told | stages | {"reads": reads, "hidden": hidden}
        if cell:
            record["cell"] = cell
        carried = seen if self.is_lstm else reads_flat
        return Packed(memory, stages["weighting"], carried, cell), record, self.answer(seen)

    def _heads(self, hidden: str, pin: Pin) -> Values:
        graph, config = self.graph, self.config
        linear = graph.add(
            "Gemm",
            hidden,
            graph.weight("heads_weight", self._head_rows(self.weights["heads.linear.weight"]).T),
            graph.weight("heads_bias", self._head_rows(self.weights["heads.linear.bias"])),
        )
        columns, *written = Heads.widths(config)
        columns += config.num_heads * UNUSED
        addressing, erase, add = graph.split(linear, [columns, *written], axis=1)
        key, strengths, gate, shift = graph.split(
            graph.reshape(addressing, 0, config.num_heads, -1),
            [config.M, 2 + UNUSED, 1, config.shift_range],
            axis=2,
        )
        positive = graph.add("Softplus", strengths)
        strength, sharpening, _ = graph.split(positive, [1, 1, UNUSED], axis=2)
        told = {
            "key": graph.add("Tanh", key),
            "key_strength": strength,
            "gate": graph.add("Sigmoid", gate),
            "shift": graph.add("Softmax", shift, axis=-1),
            "sharpening": graph.add("Add", sharpening, graph.floats(1.0)),
            "erase": self._vectors(graph.add("Sigmoid", erase)),
            "add": self._vectors(graph.add("Tanh", add)),
        }
        return {name: pin(name, value) for name, value in told.items()}

    def _vectors(self, flat: str) -> str:
        """[B, W * M] as [B, W, M] where somebody looks at it."""
        if not self.recorded:
            return flat
        return self.graph.reshape(flat, 0, self.config.num_writes, self.config.M)

    def _head_rows(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows of the heads' linear map with unused ones after β and γ of every head."""
        config = self.config
        addressing = Heads.widths(config)[0]
        heads = rows[:addressing].reshape(config.num_heads, -1, *rows.shape[1:])
        heads = np.insert(heads, [config.M + 2] * UNUSED, 0, axis=1)
        return np.concatenate([heads.reshape(-1, *rows.shape[1:]), rows[addressing:]])

    def _address(self, told: Values, packed: Packed, prepared: tuple[str, str], pin: Pin) -> Values:
        graph, smallest = self.graph, self.graph.floats(SMALLEST_NORM)
        # Eq. 6: both norms held off zero; β rides on the key
        last, slots = graph.integers(2), graph.integers(1)
        key_norm = graph.add("Max", graph.add("ReduceL2", told["key"], last), smallest)
        slot_norm = graph.add("Max", graph.add("ReduceL2", packed.memory, slots), smallest)
        strong = graph.add("Mul", told["key"], graph.add("Div", told["key_strength"], key_norm))
        similarity = graph.add("Div", graph.add("MatMul", strong, packed.memory), slot_norm)
        # Eq. 5
        content = graph.add("Softmax", similarity, axis=-1)
        # Eq. 7
        change = graph.add("Sub", content, packed.weightings)
        gated = graph.add("Add", packed.weightings, graph.add("Mul", told["gate"], change))
        # Eq. 8
        rolled = graph.add("Gather", gated, prepared[0], axis=2)
        taps = graph.add("Unsqueeze", told["shift"], last)
        shifted = graph.add("Squeeze", graph.add("MatMul", taps, rolled), last)
        # Eq. 9, over the largest so that γ = 100 cannot underflow to 0 / 0
        relative = graph.add("Div", shifted, graph.add("ReduceMax", shifted, last))
        powers = graph.add("Pow", relative, told["sharpening"])
        sharpened = graph.add("Div", powers, graph.add("MatMul", powers, prepared[1]))
        return {
            "content_weighting": content,
            "gated_weighting": gated,
            "shifted_weighting": shifted,
            "weighting": pin("weighting", sharpened),
        }

    def _read(self, memory: str, weightings: str) -> str:
        """Eq. 2."""
        graph = self.graph
        return graph.add("MatMul", weightings, graph.add("Transpose", memory, perm=[0, 2, 1]))

    def _write(self, memory: str, weightings: str, erase: str, add: str) -> str:
        """Eq. 3 for every head, then Eq. 4 for every head."""
        graph, heads = self.graph, self.config.num_writes
        columns = [graph.reshape(value, 0, -1, 1) for value in (erase, add)]
        erases, adds = (graph.split(c, [self.config.M] * heads, axis=1) for c in columns)
        rows = graph.split(weightings, [1] * heads, axis=1)
        if heads == 1:  # M - w (e M - a), one pass less over the memory
            change = graph.add("Sub", graph.add("Mul", memory, erases[0]), adds[0])
            return graph.add("Sub", memory, graph.add("Mul", change, rows[0]))
        for row, erased in zip(rows, erases, strict=True):
            memory = graph.add(
                "Sub", memory, graph.add("Mul", memory, graph.add("Mul", row, erased))
            )
        for row, added in zip(rows, adds, strict=True):
            memory = graph.add("Add", memory, graph.add("Mul", row, added))
        return memory
