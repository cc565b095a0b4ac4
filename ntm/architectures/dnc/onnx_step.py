"""One step of a dnc/1 model as ONNX nodes, each block named after what the paper calls it.

A row's bits must not depend on the batch. Hence sums are products with ones, and elementwise
functions that ONNX Runtime computes several values at a time, and a last few otherwise, get whole
packets of values. Inside a chunk the memory has its slots last, where they vectorise.
"""

from typing import NamedTuple

import numpy as np

from ntm.architectures.dnc.addressing import (
    SMALLEST_LINK,
    SMALLEST_NORM,
    SMALLEST_USAGE,
)
from ntm.architectures.dnc.onnx_interface import PACKET, InterfaceStep, InterfaceSums
from ntm.architectures.onnx_step import Pin, Values


class Packed(NamedTuple):
    """The state between two steps of a chunk."""

    memory: str  # [B, W, N]: slots last
    usage: str  # [B, 1, N]
    precedence: str | None  # [B, 1, N]
    link: str | None  # [B, N, N]
    read_weightings: str  # [B, R, N]
    write_weightings: str  # [B, 1, N]
    heard: str  # [B, R * W (+ C)]
    cell: str | None  # [B, C]


class Prepared(NamedTuple):
    """What all steps of a chunk use."""

    slots: str  # ones [B, N, 1]
    width: str  # ones [B, W, 1]
    packets: str  # the shape [B, N, PACKET]
    interface: InterfaceSums
    lower: str  # [N, N] of bool: whether slot j comes before slot i
    apart: str  # [N, N]: 0 on the diagonal, else 1


class Step(InterfaceStep):
    """Adds steps of one model to one graph."""

    def pack(self, state: Values) -> Packed:
        """From the state tensors by name to what a chunk carries."""
        graph, links = self.graph, self.config.links
        return Packed(
            memory=self._swap(state["memory"]),
            usage=graph.add("Unsqueeze", state["usage"], graph.integers(1)),
            precedence=graph.add("Unsqueeze", state["precedence"], graph.integers(1))
            if links
            else None,
            link=state.get("link"),
            read_weightings=state["read_weightings"],
            write_weightings=state["write_weightings"],
            heard=self.heard(state),
            cell=state.get("cell"),
        )

    def unpack(self, packed: Packed) -> Values:
        """Back to the state tensors by name, in the signature's order."""
        graph, state = self.graph, {"memory": self._swap(packed.memory)}
        state["usage"] = graph.add("Squeeze", packed.usage, graph.integers(1))
        if packed.precedence and packed.link:
            state["precedence"] = graph.add("Squeeze", packed.precedence, graph.integers(1))
            state["link"] = packed.link
        state["read_weightings"] = packed.read_weightings
        state["write_weightings"] = packed.write_weightings
        state |= self.split_heard(packed.heard, self.config.W)
        return state | {"cell": packed.cell} if packed.cell else state

    def _swap(self, memory: str) -> str:
        """Swap slots and width of [B, ., .]; an Einsum, as a Transpose would melt into products."""
        return self.graph.add("Einsum", memory, equation="bij->bji")

    def prepare(self, packed: Packed, slots: int | None) -> Prepared:
        """Ones to sum with, shapes, and how slots lie to each other."""
        graph, like = self.graph, packed.write_weightings
        batch = graph.add("Shape", like, start=0, end=1)
        count = graph.add("Shape", like, start=2, end=3)
        zero, one = (graph.constant(np.array(n, np.int64)) for n in (0, 1))
        number = graph.add("CumSum", graph.add("Expand", one, count), zero, exclusive=1)  # [N]
        other = graph.add("Unsqueeze", number, graph.integers(1))
        same = graph.add("Equal", number, other)
        return Prepared(
            slots=self.ones(like, 2),
            width=self.filled(1.0, batch, self.config.W, 1),
            packets=graph.concat([batch, count, graph.integers(PACKET)], 0),
            interface=self.prepare_interface(batch),
            lower=graph.add("Less", number, other),
            apart=graph.add("Where", same, graph.floats(0.0), graph.floats(1.0)),
        )

    def __call__(
        self, x: str, packed: Packed, prepared: Prepared, pin: Pin
    ) -> tuple[Packed, Values, str]:
        """One step.

        Args:
            x: the input [B, I]
            packed: the last step's state
            prepared: from `prepare`
            pin: called with the name and value of every pinnable stage
        Returns:
            the new state, every stage by name, and the output layer's product [B, O]
        """
        graph = self.graph
        hidden, cell = self.controller(x, packed.heard, packed.cell)
        # |hidden| < 1, so that the model's limit of 20 changes nothing
        stages = {n: pin(n, v) for n, v in self.interface(hidden, prepared.interface).items()}
        memory, usage = self._write(packed, stages, prepared, pin)
        link, precedence = self._link(packed, stages, prepared)
        self._read(packed, memory, link, stages, prepared, pin)
        reads = graph.reshape(stages["reads"], 0, -1)
        seen = graph.concat([reads, hidden], 1)
        stages["hidden"] = hidden
        if cell:
            stages["cell"] = cell
        after = Packed(
            memory=memory,
            usage=usage,
            precedence=precedence,
            link=link,
            read_weightings=stages["read_weighting"],
            write_weightings=stages["write_weighting"],
            heard=seen if self.is_lstm else reads,
            cell=cell,
        )
        return after, stages, self.answer(seen)

    def _content(
        self, memory: str, key: str, strength: str, mask: str | None, prepared: Prepared
    ) -> str:
        """C(M, k, β, m): [B, W, N] and [B, H, W] to [B, H, N]."""
        graph, smallest = self.graph, self.graph.floats(SMALLEST_NORM)
        tiny = graph.floats(SMALLEST_NORM**2)
        masked = graph.add("Mul", key, mask) if mask else key
        squares = graph.add("MatMul", graph.add("Mul", masked, masked), prepared.width)
        key_norm = graph.add("Sqrt", graph.add("Add", squares, tiny))
        weights = graph.add("Mul", mask, mask) if mask else self._row(prepared.width)
        squared = graph.add("MatMul", weights, graph.add("Mul", memory, memory))
        norms = graph.add("Sqrt", graph.add("Add", squared, tiny))
        against = graph.add("Mul", masked, mask) if mask else key
        products = graph.add("MatMul", against, memory)
        both = graph.add("Add", graph.add("Mul", norms, key_norm), smallest)
        similarity = graph.add("Div", products, both)
        return graph.add("Softmax", graph.add("Mul", strength, similarity), axis=-1)

    def _row(self, column: str) -> str:
        """[B, n, 1] as [B, 1, n]."""
        return self.graph.reshape(column, 0, 1, -1)

    def _column(self, row: str) -> str:
        """[B, 1, n] as [B, n, 1]."""
        return self.graph.reshape(row, 0, -1, 1)

    def _write(
        self, packed: Packed, stages: Values, prepared: Prepared, pin: Pin
    ) -> tuple[str, str]:
        """Free, allocate, write: the memory [B, W, N] and the usage [B, 1, N] after it."""
        graph, one = self.graph, self.graph.floats(1.0)
        freed = graph.add("Mul", stages["free_gate"], packed.read_weightings)
        left = graph.add("Max", graph.add("Sub", one, freed), graph.floats(0.0))
        kept = graph.split(left, [1] * self.config.num_reads, 1)
        retained = kept[0]
        for factor in kept[1:]:
            retained = graph.add("Mul", retained, factor)
        usage, last = packed.usage, packed.write_weightings
        both = graph.add("Sub", graph.add("Add", usage, last), graph.add("Mul", usage, last))
        usage = graph.add("Mul", both, retained)
        allocation = self._allocation(usage, prepared)
        content = self._content(
            packed.memory,
            stages["write_key"],
            stages["write_strength"],
            stages.get("write_mask"),
            prepared,
        )
        gate = stages["allocation_gate"]
        allocated = graph.add("Mul", gate, allocation)
        found = graph.add("Mul", graph.add("Sub", one, gate), content)
        mixed = graph.add("Add", allocated, found)
        written = pin("write_weighting", graph.add("Mul", stages["write_gate"], mixed))
        memory = packed.memory
        if self.config.deallocation:
            memory = graph.add("Mul", memory, retained)
        erase, add = (self._column(stages[name]) for name in ("erase", "add"))
        memory = graph.add("Mul", memory, graph.add("Sub", one, graph.add("Mul", erase, written)))
        memory = graph.add("Add", memory, graph.add("Mul", add, written))
        squeezed = {"retention": retained, "usage": usage}
        if self.recorded:
            axis = graph.integers(1)
            squeezed = {n: graph.add("Squeeze", v, axis) for n, v in squeezed.items()}
        stages |= squeezed | {
            "allocation_weighting": allocation,
            "write_content_weighting": content,
            "write_weighting": written,
        }
        return memory, usage

    def _allocation(self, usage: str, prepared: Prepared) -> str:
        """a_t [B, 1, N] without a sort, as ONNX's TopK leaves open how equal values are ordered.

        What comes before slot i in the free list is a mask over j, and the product of their usages
        is e to the sum of their logarithms.
        """
        graph = self.graph
        scaled = graph.add("Mul", usage, graph.floats(1 - SMALLEST_USAGE))
        held = graph.add("Add", scaled, graph.floats(SMALLEST_USAGE))
        used, levels = usage, self.config.usage_levels
        if levels is not None:
            used = graph.add("Floor", graph.add("Mul", usage, graph.floats(float(levels))))
        column = self._column(used)
        freer = graph.add("Less", used, column)  # [B, i, j]: whether j is freer than i
        equal = graph.add("And", graph.add("Equal", used, column), prepared.lower)
        before = graph.add("Cast", graph.add("Or", freer, equal), to=1)
        packets = graph.add("Expand", self._column(held), prepared.packets)
        logarithms = graph.split(graph.add("Log", packets), [1, PACKET - 1], 2)[0]
        product = graph.add("Exp", graph.add("MatMul", before, logarithms))
        return graph.add("Mul", graph.add("Sub", graph.floats(1.0), held), self._row(product))

    def _link(
        self, packed: Packed, stages: Values, prepared: Prepared
    ) -> tuple[str | None, str | None]:
        """The temporal links [B, N, N] and the precedence [B, 1, N] after the write."""
        if not packed.link or not packed.precedence:
            return None, None
        graph, one, written = self.graph, self.graph.floats(1.0), stages["write_weighting"]
        column = self._column(written)
        left = graph.add("Sub", graph.add("Sub", one, column), written)
        link = graph.add("Mul", left, packed.link)
        link = graph.add("Add", link, graph.add("Mul", column, packed.precedence))
        link = graph.add("Mul", link, prepared.apart)
        total = graph.add("MatMul", written, prepared.slots)
        precedence = graph.add("Mul", graph.add("Sub", one, total), packed.precedence)
        precedence = graph.add("Add", precedence, written)
        stages["link"], stages["precedence"] = link, precedence
        if self.recorded:
            stages["precedence"] = graph.add("Squeeze", precedence, graph.integers(1))
        return link, precedence

    def _read(
        self,
        packed: Packed,
        memory: str,
        link: str | None,
        stages: Values,
        prepared: Prepared,
        pin: Pin,
    ) -> None:
        """Address the written memory and read it: adds the read heads' stages."""
        graph = self.graph
        content = self._content(
            memory,
            stages["read_key"],
            stages["read_strength"],
            stages.get("read_mask"),
            prepared,
        )
        ways = {"read_content_weighting": content}
        if link:
            ways = self._followed(packed.read_weightings, link, stages, prepared) | ways
        order = ("backward_weighting", "read_content_weighting", "forward_weighting")
        modes = graph.split(stages["read_mode"], [1] * len(ways), 2)
        mixed = [
            graph.add("Mul", mode, ways[name])
            for mode, name in zip(modes, [n for n in order if n in ways], strict=True)
        ]
        weighting = mixed[0]
        for part in mixed[1:]:
            weighting = graph.add("Add", weighting, part)
        weighting = pin("read_weighting", weighting)
        turned = graph.add("Transpose", memory, perm=[0, 2, 1])
        stages |= ways | {
            "read_weighting": weighting,
            "reads": graph.add("MatMul", weighting, turned),
        }

    def _followed(self, weightings: str, link: str, stages: Values, prepared: Prepared) -> Values:
        """Forward L w and backward L^T w of every read head, sharpened where the config says so."""
        graph = self.graph
        turned = graph.add("Transpose", link, perm=[0, 2, 1])
        followed = {
            "forward": graph.add("MatMul", weightings, turned),
            "backward": graph.add("MatMul", weightings, link),
        }
        if self.config.sharp_links:
            for name, value in followed.items():
                positive = graph.add("Max", value, graph.floats(0.0))
                raised = graph.add("Add", positive, graph.floats(SMALLEST_LINK))
                largest = graph.add("ReduceMax", raised, graph.integers(2))
                relative = graph.add("Div", raised, largest)
                powers = graph.add("Pow", relative, stages[f"{name}_sharpness"])
                total = graph.add("MatMul", powers, prepared.slots)
                followed[name] = graph.add("Div", powers, total)
        return {f"{name}_weighting": value for name, value in followed.items()}
