"""One lean step of an ntm/2 model as ONNX nodes: that of ntm/1 where the wiring is the same."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.architectures.dense_controller_step import DenseControlledStep
from ntm.architectures.ntm.addressing import SMALLEST_NORM
from ntm.architectures.ntm.onnx_step import UNUSED, Packed, Step
from ntm.architectures.ntm.wired.addressing import OFFSET, RAISED, ROOT
from ntm.architectures.ntm.wired.onnx_activations import activate, strengths
from ntm.architectures.onnx_step import Pin, Values

ADDRESSED_BY = ("key", "key_strength", "gate", "shift", "sharpening")


class Prepared(NamedTuple):
    """What all steps of a chunk use."""

    shifts: str  # for every shift and slot the slot it comes from, [S, N]
    slots: str  # ones [B, N, 1]
    width: str | None  # ones [B, M, 1], where squares are summed


class WiredStep(DenseControlledStep, Step):
    """Adds steps of one model to one graph."""

    def prepare(self, packed: Packed, slots: int | None) -> Prepared:  # type: ignore[override]
        """The shifts and the ones of a chunk."""
        squared = self.config.wiring.similarity == "root"
        return Prepared(
            self.shifts(packed.weightings, slots),
            self.ones(packed.weightings, 2),
            self.ones(packed.memory, 1) if squared else None,
        )

    def shifts(self, weightings: str, slots: int | None) -> str:
        """For every shift and slot the slot it comes from, or its place among those padded."""
        graph, reach = self.graph, self.config.max_shift
        if self.config.wiring.convolution == "circular":
            return super().shifts(weightings, slots)
        taps = (np.arange(self.config.shift_range) - reach)[:, None]
        if slots is not None:
            return graph.constant(np.arange(slots) - taps + reach)
        count = graph.add("Shape", weightings, start=2, end=3)
        zero, one = (graph.constant(np.array(n, np.int64)) for n in (0, 1))
        here = graph.add("CumSum", graph.add("Expand", one, count), zero, exclusive=1)
        return graph.add("Sub", here, graph.constant(taps - reach))

    def __call__(  # type: ignore[override]
        self, x: str, packed: Packed, prepared: Prepared, pin: Pin
    ) -> tuple[Packed, Values, str]:
        """One step; see `ntm.architectures.ntm.onnx_step.Step`."""
        graph, config = self.graph, self.config
        hidden, cell = self.controller(x, packed.heard, packed.cell)
        heard = cell if config.wiring.heads_hear == "cell" and cell else hidden
        told = self._heads(heard, pin)
        order = self._pairs if config.wiring.order == "pairs" else self._all_heads
        stages, reads, memory = order(told, packed, prepared, pin)
        reads_flat = graph.reshape(reads, 0, -1)
        seen = graph.concat([reads_flat, hidden], 1)
        record = told | stages | {"reads": reads, "hidden": hidden}
        if cell:
            record["cell"] = cell
        carried = seen if self.remembers else reads_flat
        only_hidden = config.wiring.output_sees == "hidden"
        product = self.linear("output", hidden) if only_hidden else self.answer(seen)
        return Packed(memory, stages["weighting"], carried, cell), record, product

    def _heads(self, hidden: str, pin: Pin) -> Values:
        graph, config, wiring = self.graph, self.config, self.config.wiring
        linear = graph.add(
            "Gemm",
            hidden,
            graph.weight("heads_weight", self._head_rows(self.weights["heads.linear.weight"]).T),
            graph.weight("heads_bias", self._head_rows(self.weights["heads.linear.bias"])),
        )
        columns, *written = config.head_widths
        columns += config.num_heads * UNUSED
        sizes = [columns, *(size for size in written if size)]
        addressing, *vectors = graph.split(linear, sizes, axis=1)
        key, block, gate, shift = graph.split(
            graph.reshape(addressing, 0, config.num_heads, -1),
            [config.M, 2 + UNUSED, 1, config.shift_columns],
            axis=2,
        )
        strength, sharpening = strengths(
            graph, (wiring.key_strength, wiring.sharpening), block, UNUSED
        )
        told = {
            "key": activate(graph, wiring.key, key),
            "key_strength": strength,
            "gate": activate(graph, wiring.gate, gate),
            "shift": activate(graph, wiring.shift, shift),
            "sharpening": graph.add("Add", sharpening, graph.floats(1.0)),
            "erase": self._vectors(self._erase(vectors)),
            "add": self._vectors(activate(graph, wiring.add, vectors[-1])),
        }
        return {name: pin(name, value) for name, value in told.items()}

    def _erase(self, vectors: list[str]) -> str:
        """e of all write heads [B, W * M]."""
        graph, kind = self.graph, self.config.wiring.erase
        if kind != "one":
            return activate(graph, kind, vectors[0])
        return graph.add("Expand", graph.floats(1.0), graph.add("Shape", vectors[-1]))

    def _head_rows(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows of the heads' linear map with unused ones after β and γ of every head."""
        config = self.config
        addressing = config.head_widths[0]
        heads = rows[:addressing].reshape(config.num_heads, -1, *rows.shape[1:])
        heads = np.insert(heads, [config.M + 2] * UNUSED, 0, axis=1)
        return np.concatenate([heads.reshape(-1, *rows.shape[1:]), rows[addressing:]])

    def _previous(self, weightings: str) -> str:
        """The weightings that gates keep, of all heads [B, H, N]."""
        config = self.config
        if config.wiring.previous == "own":
            return weightings
        read, _ = self.graph.split(weightings, [config.num_reads, config.num_writes], 1)
        kept = [config.num_writes, config.num_reads - config.num_writes]
        first = self.graph.split(read, kept, 1)[0] if kept[1] else read
        return self.graph.concat([read, first], 1)

    def _all_heads(
        self, told: Values, packed: Packed, prepared: Prepared, pin: Pin
    ) -> tuple[Values, str, str]:
        """All heads address the old memory; reads come before or after the writes."""
        graph, config = self.graph, self.config
        previous = self._previous(packed.weightings)
        stages = self._find(told, packed.memory, previous, prepared)
        stages["weighting"] = pin("weighting", stages["weighting"])
        read, write = graph.split(
            stages["weighting"], [config.num_reads, config.num_writes], axis=1
        )
        if config.wiring.order == "read-write":
            reads = self._read(packed.memory, read)
        memory = self._write(packed.memory, write, told["erase"], told["add"])
        if config.wiring.order == "write-read":
            reads = self._read(memory, read)
        return stages, reads, memory

    def _pairs(
        self, told: Values, packed: Packed, prepared: Prepared, pin: Pin
    ) -> tuple[Values, str, str]:
        """A read head and a write head after the other, each in the memory that it finds."""
        graph, heads, pairs = self.graph, self.config.num_heads, self.config.num_reads
        previous = graph.split(self._previous(packed.weightings), [1] * heads, 1)
        parts = {name: graph.split(told[name], [1] * heads, 1) for name in ADDRESSED_BY}
        width = self.config.M
        vectors = {
            name: graph.split(graph.reshape(told[name], 0, -1), [width] * pairs, 1)
            for name in ("erase", "add")
        }
        memory, reads, found = packed.memory, list[str](), dict[int, Values]()
        for pair in range(pairs):
            for head in (pair, pairs + pair):
                own = {name: parts[name][head] for name in ADDRESSED_BY}
                stages = self._find(own, memory, previous[head], prepared)
                if self.recorded:
                    every = pin("weighting", graph.concat([stages["weighting"]] * heads, 1))
                    stages["weighting"] = graph.split(every, [1] * heads, 1)[head]
                found[head] = stages
                if head < pairs:
                    reads.append(self._read(memory, stages["weighting"]))
                    continue
                erased, added = vectors["erase"][pair], vectors["add"][pair]
                columns = [graph.reshape(value, 0, -1, 1) for value in (erased, added)]
                memory = self._write_one(memory, stages["weighting"], *columns)
        together = {
            name: graph.concat([found[head][name] for head in range(heads)], 1) for name in found[0]
        }
        return together, graph.concat(reads, 1), memory

    def _write_one(self, memory: str, row: str, erase: str, add: str) -> str:
        """Eq. 3 and 4 for one head: M - w (e M - a)."""
        graph = self.graph
        change = graph.add("Sub", graph.add("Mul", memory, erase), add)
        return graph.add("Sub", memory, graph.add("Mul", change, row))

    def _find(self, told: Values, memory: str, previous: str, prepared: Prepared) -> Values:
        """Eq. 5 to 9 for heads in a memory [B, M, N] that keep `previous`."""
        graph = self.graph
        content = graph.add("Softmax", self._similarity(told, memory, prepared), axis=-1)
        change = graph.add("Sub", content, previous)
        gated = graph.add("Add", previous, graph.add("Mul", told["gate"], change))
        source = gated
        if self.config.wiring.convolution == "zero-padded":
            reach = self.config.max_shift
            ends = graph.integers(0, 0, reach, 0, 0, reach)
            source = graph.add("Pad", gated, ends)
        rolled = graph.add("Gather", source, prepared.shifts, axis=2)
        last = graph.integers(2)
        taps = graph.add("Unsqueeze", told["shift"], last)
        shifted = graph.add("Squeeze", graph.add("MatMul", taps, rolled), last)
        return {
            "content_weighting": content,
            "gated_weighting": gated,
            "shifted_weighting": shifted,
            "weighting": self._sharpen(shifted, told["sharpening"], prepared),
        }

    def _similarity(self, told: Values, memory: str, prepared: Prepared) -> str:
        """Eq. 6 times β, [B, H, N]."""
        graph, key, kind = self.graph, told["key"], self.config.wiring.similarity
        if kind == "root" and prepared.width:
            squares = graph.add("MatMul", graph.add("Mul", key, key), prepared.width)
            row = graph.reshape(prepared.width, 0, 1, -1)
            slot_squares = graph.add("MatMul", row, graph.add("Mul", memory, memory))
            product = graph.add("Add", graph.add("Mul", squares, slot_squares), graph.floats(ROOT))
            strong = graph.add("Mul", key, told["key_strength"])
            return graph.add("Div", graph.add("MatMul", strong, memory), graph.add("Sqrt", product))
        if kind == "offset":
            key = graph.add("Add", key, graph.floats(OFFSET))
            memory = graph.add("Add", memory, graph.floats(OFFSET))
        smallest = graph.floats(SMALLEST_NORM)
        last, slots = graph.integers(2), graph.integers(1)
        key_norm = graph.add("Max", graph.add("ReduceL2", key, last), smallest)
        slot_norm = graph.add("Max", graph.add("ReduceL2", memory, slots), smallest)
        strong = graph.add("Mul", key, graph.add("Div", told["key_strength"], key_norm))
        return graph.add("Div", graph.add("MatMul", strong, memory), slot_norm)

    def _sharpen(self, shifted: str, sharpening: str, prepared: Prepared) -> str:
        """Eq. 9."""
        graph, kind = self.graph, self.config.wiring.normalisation
        if kind == "raised":
            shifted = graph.add("Add", shifted, graph.floats(RAISED))
        if kind != "held":  # over the largest so that a large γ cannot underflow to 0 / 0
            last = graph.integers(2)
            shifted = graph.add("Div", shifted, graph.add("ReduceMax", shifted, last))
        powers = graph.add("Pow", shifted, sharpening)
        total = graph.add("MatMul", powers, prepared.slots)
        if kind == "held":
            total = graph.add("Add", total, graph.floats(OFFSET))
        return graph.add("Div", powers, total)
