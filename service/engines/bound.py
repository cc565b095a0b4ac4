"""Graphs whose inputs and outputs lie where they always lie: what CUDA graphs ask for.

A CUDA graph is a recording of everything that a run starts on the GPU, so that the next run starts
it all at once. It holds for one shape and one place of every tensor. So a batch is filled up to one
of a few sizes, and each size has buffers of its own on the device (IOBinding).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Array = NDArray[np.float32]
Feed = Mapping[str, NDArray[Any]]

BUCKETS = (1, 8, 32)  # rows
NO_GRAPH = "-1"


def bucket_for(rows: int) -> int | None:
    """The smallest batch that takes so many rows, or None where there is none."""
    return next((bucket for bucket in BUCKETS if rows <= bucket), None)


def run_options(graph: str = NO_GRAPH) -> onnxruntime.RunOptions:
    """For a run that is recorded as the CUDA graph of this number, or not."""
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("gpu_graph_id", graph)
    return options


class BoundGraph:
    """One session with buffers for every bucket; for one thread, as CUDA graphs are."""

    def __init__(self, session: onnxruntime.InferenceSession, device: str, slots: int) -> None:
        """Nothing is made before it is needed.

        Args:
            session: of a predict graph
            device: cpu or cuda
            slots: N
        """
        self._session, self._device, self._slots = session, device, slots
        self._buckets: dict[int, Bucket] = {}
        tensors = (*session.get_inputs(), *session.get_outputs())
        self._batch_axes = {tensor.name: tensor.shape.index("batch") for tensor in tensors}

    def run(self, feed: Feed, rows: int) -> dict[str, Array]:
        """Run a batch that some bucket takes, filled up with zeros and cut again."""
        size = bucket_for(rows)
        assert size is not None
        if size not in self._buckets:
            sizes = {"batch": size, "slots": self._slots}
            self._buckets[size] = Bucket(self._session, self._device, sizes)
        values = self._buckets[size].run({n: self._fill(n, v, size) for n, v in feed.items()})
        return {n: value.take(range(rows), self._batch_axes[n]) for n, value in values.items()}

    def _fill(self, name: str, value: NDArray[Any], size: int) -> NDArray[Any]:
        missing = [(0, 0)] * value.ndim
        axis = self._batch_axes[name]
        missing[axis] = (0, size - value.shape[axis])
        return np.pad(value, missing)


class Bucket:
    """The buffers of one batch size."""

    def __init__(
        self, session: onnxruntime.InferenceSession, device: str, sizes: Mapping[str, int]
    ) -> None:
        self._session, self._binding = session, session.io_binding()
        self._inputs = {i.name: buffer(i, device, sizes) for i in session.get_inputs()}
        self._outputs = {o.name: buffer(o, device, sizes) for o in session.get_outputs()}
        for name, value in self._inputs.items():
            self._binding.bind_ortvalue_input(name, value)
        for name, value in self._outputs.items():
            self._binding.bind_ortvalue_output(name, value)
        self._options = run_options(str(sizes["batch"]) if device == "cuda" else NO_GRAPH)

    def run(self, feed: Feed) -> dict[str, Array]:
        """Copy in, run, copy out."""
        for name, value in self._inputs.items():
            value.update_inplace(np.ascontiguousarray(feed[name]))
        self._session.run_with_iobinding(self._binding, self._options)
        return {name: value.numpy() for name, value in self._outputs.items()}


def buffer(tensor: Any, device: str, sizes: Mapping[str, int]) -> onnxruntime.OrtValue:
    """Room for one input or output."""
    shape = [sizes[size] if isinstance(size, str) else size for size in tensor.shape]
    return onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, np.float32, device, 0)
