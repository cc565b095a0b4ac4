"""One decoder step as ONNX nodes. A chunk carries the keys and values of every layer apart."""

import math
from typing import NamedTuple

import numpy as np

from ntm.architectures.onnx_step import OnnxStep, Pin, Values
from ntm.architectures.transformer.attention import HIDDEN
from ntm.architectures.transformer.positions import frequencies, slopes, windows

DIGIT = 512  # a position is told by two digits of this base, and its angles by their sum's
EPSILON = 1e-5  # of PyTorch's layer normalisation


class Packed(NamedTuple):
    """What a chunk carries."""

    keys: list[str]  # of every layer [B, heads, head_width, N]
    values: list[str]  # of every layer [B, heads, N, head_width]
    used: str  # [B, 1, N]
    position: str  # [B, 1]
    answer: str | None  # [B, O]


class Sight(NamedTuple):
    """What the layers of a step are told."""

    written: str  # the write weighting as a row [B, 1, 1, N]
    kept: str  # 1 less that
    bias: str | None  # added to scores [B, heads, 1, N]
    seen: str  # flags [B, heads or 1, 1, N]
    angles: tuple[str, str] | None  # cosine and sine of the step's angles [B, 1, pairs]


class Step(OnnxStep):
    """Adds steps of one transformer/1 model to one graph."""

    def pack(self, state: Values) -> Packed:
        """See `OnnxStep`."""
        graph, config = self.graph, self.config
        caches = graph.split(state["memory"], [config.width] * (2 * config.layers), axis=2)
        heads = [graph.reshape(cache, 0, 0, config.heads, -1) for cache in caches]
        return Packed(
            [graph.add("Transpose", cache, perm=[0, 2, 3, 1]) for cache in heads[::2]],
            [graph.add("Transpose", cache, perm=[0, 2, 1, 3]) for cache in heads[1::2]],
            graph.add("Unsqueeze", state["used"], graph.integers(1)),
            state["position"],
            state.get("answer"),
        )

    def unpack(self, packed: Packed) -> Values:
        """See `OnnxStep`."""
        graph = self.graph
        caches = []
        for keys, values in zip(packed.keys, packed.values, strict=True):
            caches.append(graph.add("Transpose", keys, perm=[0, 3, 1, 2]))
            caches.append(graph.add("Transpose", values, perm=[0, 2, 1, 3]))
        flat = [graph.reshape(cache, 0, 0, -1) for cache in caches]
        state = {
            "memory": graph.concat(flat, 2),
            "used": graph.add("Squeeze", packed.used, graph.integers(1)),
            "position": packed.position,
        }
        return state | ({"answer": packed.answer} if packed.answer else {})

    def prepare(self, packed: Packed, slots: int | None) -> str:
        """The slots' numbers [N]."""
        graph = self.graph
        count = graph.add("Shape", packed.used, start=2, end=3)
        number = graph.add("Cast", graph.add("Squeeze", count), to=1)
        return graph.add("Range", graph.floats(0.0), number, graph.floats(1.0))

    def __call__(
        self, x: str, packed: Packed, prepared: str, pin: Pin
    ) -> tuple[Packed, Values, str]:
        """See `OnnxStep`."""
        graph, config = self.graph, self.config
        sight, written, used = self._sight(packed, prepared, pin)
        heard = x if packed.answer is None else graph.concat([x, packed.answer], 1)
        hidden, keys, values, layers = [self.linear("embed", heard)], [], [], list[Values]()
        for layer in range(config.layers):
            caches = packed.keys[layer], packed.values[layer]
            stages, (layer_keys, layer_values) = self._attend(layer, hidden[-1], caches, sight, pin)
            hidden.append(self._finish(layer, hidden[-1], stages["reads"]))
            keys.append(layer_keys)
            values.append(layer_values)
            layers.append(stages)
        product = self.linear("output", self._normalised("norm", hidden[-1]))
        answer = packed.answer
        if answer is not None:
            answer = self.activated(product)
        position = graph.add("Add", packed.position, graph.floats(1.0))
        record = {name: graph.concat([each[name] for each in layers], 1) for name in layers[0]}
        record["write_weighting"] = written
        if self.recorded:
            record["used"] = graph.add("Squeeze", used, graph.integers(1))
            rows = [graph.add("Unsqueeze", value, graph.integers(1)) for value in hidden]
            record["hidden"] = graph.concat(rows, 1)
        return Packed(keys, values, used, position, answer), record, product

    def _sight(self, packed: Packed, slots: str, pin: Pin) -> tuple[Sight, str, str]:
        """What all layers are told, the write weighting and the slots used, [B, 1, N] each."""
        graph, config = self.graph, self.config
        here = graph.add("Cast", graph.add("Equal", packed.position, slots), to=1)
        written = pin("write_weighting", graph.add("Unsqueeze", here, graph.integers(1)))
        used = graph.add("Max", packed.used, written)
        row = graph.add("Unsqueeze", written, graph.integers(1))
        visible = graph.add("Greater", used, graph.floats(0.0))
        visible = graph.add("Unsqueeze", visible, graph.integers(1))
        bias, distance = None, graph.add("Sub", packed.position, slots)
        distance = graph.add("Unsqueeze", distance, graph.integers(1, 2))
        if slopes(config).any():
            bias = graph.add("Mul", distance, self._of_heads(-slopes(config)))
        if np.isfinite(windows(config)).any():
            window = self._of_heads(windows(config))
            visible = graph.add("And", visible, graph.add("Less", distance, window))
        kept = graph.add("Sub", graph.floats(1.0), row)
        angles = self._angles(packed.position) if config.position == "rotary" else None
        return Sight(row, kept, bias, visible, angles), written, used

    def _of_heads(self, values: np.ndarray) -> str:
        """A number for every head as [heads, 1, 1]."""
        return self.graph.constant(values.astype(np.float32)[:, None, None])

    def _angles(self, position: str) -> tuple[str, str]:
        """Cosine and sine of a step's angles, [B, 1, pairs]: of the sum of two digits' angles."""
        graph, step = self.graph, frequencies(self.config.head_width)
        scale = graph.floats(float(DIGIT))
        high = graph.add("Floor", graph.add("Div", position, scale))
        low = graph.add("Sub", position, graph.add("Mul", high, scale))
        parts = []
        for digit, radians in ((high, DIGIT * step), (low, step)):
            number = graph.add("Cast", digit, to=7)
            angles = np.arange(DIGIT)[:, None] * radians
            for table in (np.cos(angles), np.sin(angles)):
                values = graph.constant(table.astype(np.float32))
                parts.append(graph.add("Gather", values, number, axis=0))
        high_cos, high_sin, low_cos, low_sin = parts

        def products(a: str, b: str, operator: str, c: str, d: str) -> str:
            return graph.add(operator, graph.add("Mul", a, b), graph.add("Mul", c, d))

        return (
            products(high_cos, low_cos, "Sub", high_sin, low_sin),
            products(high_sin, low_cos, "Add", high_cos, low_sin),
        )

    def _attend(
        self, layer: int, hidden: str, caches: tuple[str, str], sight: Sight, pin: Pin
    ) -> tuple[Values, tuple[str, str]]:
        """A layer's stages, and its keys and values after the write."""
        graph, config = self.graph, self.config
        name = f"blocks.{layer}"
        normal = self._normalised(f"{name}.attention_norm", hidden)
        flat = graph.split(self.linear(f"{name}.projection", normal), [config.width] * 3, axis=1)
        query, key, value = (graph.reshape(part, 0, config.heads, -1) for part in flat)
        if sight.angles:
            query, key = (self._rotated(part, sight.angles) for part in (query, key))
        keys = self._written(caches[0], graph.add("Unsqueeze", key, graph.integers(3)), sight)
        column = sight._replace(
            written=graph.add("Transpose", sight.written, perm=[0, 1, 3, 2]),
            kept=graph.add("Transpose", sight.kept, perm=[0, 1, 3, 2]),
        )
        values = self._written(caches[1], graph.add("Unsqueeze", value, graph.integers(2)), column)
        scaled = graph.add("Div", query, graph.floats(math.sqrt(config.head_width)))
        scores = graph.add("MatMul", graph.add("Unsqueeze", scaled, graph.integers(2)), keys)
        if sight.bias:
            scores = graph.add("Add", scores, sight.bias)
        shown = graph.add("Where", sight.seen, scores, graph.floats(HIDDEN))
        looked = graph.add("Where", sight.seen, graph.add("Softmax", shown), graph.floats(0.0))
        attention = self._pinned(pin, graph.add("Squeeze", looked, graph.integers(2)), layer)
        rows = graph.add("Unsqueeze", attention, graph.integers(2))
        reads = graph.add("Squeeze", graph.add("MatMul", rows, values), graph.integers(2))
        stages = {
            "query": query, "key": key, "value": value, "attention": attention, "reads": reads,
        }  # fmt: skip
        return stages, (keys, values)

    def _written(self, cache: str, entry: str, sight: Sight) -> str:
        """A cache after a write of this entry at the write weighting."""
        graph = self.graph
        kept = graph.add("Mul", cache, sight.kept)
        return graph.add("Add", kept, graph.add("Mul", entry, sight.written))

    def _pinned(self, pin: Pin, looked: str, layer: int) -> str:
        """A layer's attention pinned among that of all layers, which is one stage."""
        if not self.recorded:
            return looked
        graph, heads = self.graph, self.config.heads
        below, above = layer * heads, (self.config.layers - 1 - layer) * heads
        every = graph.add("Pad", looked, graph.integers(0, below, 0, 0, above, 0))
        chosen = pin("attention", every)
        bounds = (graph.integers(number) for number in (below, below + heads, 1))
        return graph.add("Slice", chosen, *bounds)

    def _rotated(self, x: str, angles: tuple[str, str]) -> str:
        """A query or key [B, heads, head_width] turned by its step's angles."""
        graph, (cosine, sine) = self.graph, angles
        first, second = graph.split(x, [self.config.head_width // 2] * 2, axis=2)

        def mixed(a: str, operator: str, b: str) -> str:
            return graph.add(operator, graph.add("Mul", first, a), graph.add("Mul", second, b))

        return graph.concat([mixed(cosine, "Sub", sine), mixed(sine, "Add", cosine)], 2)

    def _finish(self, layer: int, hidden: str, reads: str) -> str:
        """The layer's output [B, width]."""
        graph, name = self.graph, f"blocks.{layer}"
        flat = graph.reshape(reads, 0, -1)
        hidden = graph.add("Add", hidden, self.linear(f"{name}.attended", flat))
        normal = self._normalised(f"{name}.feedforward_norm", hidden)
        expanded = self.linear(f"{name}.expand", normal)
        halves = graph.add("Mul", expanded, graph.floats(math.sqrt(0.5)))
        gate = graph.add("Add", graph.add("Erf", halves), graph.floats(1.0))
        activated = graph.add("Mul", graph.add("Mul", expanded, graph.floats(0.5)), gate)
        return graph.add("Add", hidden, self.linear(f"{name}.contract", activated))

    def _normalised(self, name: str, x: str) -> str:
        """Layer normalisation of [B, width]."""
        scale, shift = (
            self.graph.weight(f"{name}.{part}", self.weights[f"{name}.{part}"])
            for part in ("weight", "bias")
        )
        return self.graph.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=EPSILON)
