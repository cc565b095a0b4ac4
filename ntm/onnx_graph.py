"""A small writer of ONNX graphs: nodes, weights, inputs and outputs with names that never clash."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
IR_VERSION = 10


class Graph:
    """An ONNX graph under construction. A value is known by its name, a string."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._constants: dict[bytes, str] = {}

    @property
    def nodes(self) -> int:
        """How many nodes there are so far."""
        return len(self._nodes)

    def input(self, name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> str:
        """Declare an input; a dimension given by name is dynamic."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def output(self, name: str, value: str, shape: Sequence[int | str]) -> None:
        """Give a value to the outside under a name."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    def weight(self, name: str, value: NDArray[Any]) -> str:
        """A named initializer; the same name twice is the same weight."""
        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def floats(self, *values: float) -> str:
        """A float32 constant: a scalar for one value, else a vector."""
        return self.constant(np.array(values[0] if len(values) == 1 else values, np.float32))

    def integers(self, *values: int) -> str:
        """An int64 vector, as shapes, axes and split sizes are given."""
        return self.constant(np.array(values, np.int64))

    def constant(self, value: NDArray[Any]) -> str:
        """An anonymous initializer; equal constants are shared."""
        key = value.tobytes() + str((value.dtype, value.shape)).encode()
        if key not in self._constants:
            self._constants[key] = self.weight(f"constant_{len(self._constants)}", value)
        return self._constants[key]

    def add(self, operator: str, *operands: str, **attributes: Any) -> str:
        """A node with one output."""
        return self.split_add(operator, *operands, count=1, **attributes)[0]

    def split_add(self, operator: str, *operands: str, count: int, **attributes: Any) -> list[str]:
        """A node with several outputs."""
        stem = f"{operator.lower()}_{len(self._nodes)}"
        names = [stem if count == 1 else f"{stem}_{i}" for i in range(count)]
        self._nodes.append(helper.make_node(operator, list(operands), names, **attributes))
        return names

    def split(self, value: str, sizes: Sequence[int], axis: int) -> list[str]:
        """Cut a value along an axis into parts of these sizes."""
        if len(sizes) == 1:
            return [value]
        return self.split_add("Split", value, self.integers(*sizes), count=len(sizes), axis=axis)

    def reshape(self, value: str, *shape: int) -> str:
        """0 keeps a dimension, -1 takes what is left."""
        return self.add("Reshape", value, self.integers(*shape))

    def concat(self, values: Sequence[str], axis: int) -> str:
        """Join values along an axis."""
        return values[0] if len(values) == 1 else self.add("Concat", *values, axis=axis)

    def build(self, metadata: dict[str, str]) -> onnx.ModelProto:
        """The finished model, checked against the ONNX standard."""
        graph = helper.make_graph(
            self._nodes,
            self._name,
            self._inputs,
            self._outputs,
            initializer=list(self._weights.values()),
        )
        model = helper.make_model(
            graph,
            producer_name="ntm",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        return model
