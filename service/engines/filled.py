"""Padded batches of one size: exact results on a GPU, and a fixed shape for CUDA graphs.

cuBLAS chooses the kernel of a product by its number of rows, and kernels round differently: in
batches of their own sizes the last bits of a row would depend on how many neighbours it has. So
each batch is filled up to `ROWS` rows, and a larger one is cut.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Array = NDArray[Any]
Feed = Mapping[str, Array]

ROWS = 32


def run_filled(run: Callable[[Feed], dict[str, Array]], feed: Feed, rows: int) -> dict[str, Array]:
    """Run a batch in pieces of `ROWS` rows, the last one filled up.

    Args:
        run: what takes `ROWS` rows
        feed: tensors with `rows` rows, or pins with one for all
        rows: at least one
    """
    parts = []
    for start, piece in pieces_of(feed, rows):
        filled = range(min(ROWS, rows - start))
        parts.append({n: value.take(filled, batch_axis(n)) for n, value in run(piece).items()})
    return {n: np.concatenate([part[n] for part in parts], batch_axis(n)) for n in parts[0]}


def pieces_of(feed: Feed, rows: int) -> Iterator[tuple[int, dict[str, Array]]]:
    """Where each piece begins, and the piece; the last is filled up with copies of its last row."""
    for start in range(0, rows, ROWS):
        chosen = np.minimum(np.arange(start, start + ROWS), rows - 1)
        yield (
            start,
            {
                name: value if is_for_all(name, value) else value.take(chosen, batch_axis(name))
                for name, value in feed.items()
            },
        )


def batch_axis(name: str) -> int:
    """Where the rows of an input or output of a graph are: after the steps, if it has any."""
    return 0 if name.startswith(("state.", "next.")) else 1


def is_for_all(name: str, value: Array) -> bool:
    """Whether this is a pin that has one row for all."""
    return name.startswith(("pin.", "pinned.")) and value.shape[1] == 1


class BoundGraph:
    """A session on a graph of fixed shapes, with its inputs and outputs where they always lie.

    A CUDA graph is a recording of everything that a run starts on the GPU, so that the next run
    starts it all at once. It holds for one shape and one place of every tensor, and for one thread.
    """

    def __init__(self, session: onnxruntime.InferenceSession, device: str) -> None:
        """Make its buffers on cpu or cuda."""
        self._session, self._binding = session, session.io_binding()
        self._inputs = {tensor.name: buffer(tensor, device) for tensor in session.get_inputs()}
        self._outputs = {tensor.name: buffer(tensor, device) for tensor in session.get_outputs()}
        for name, value in self._inputs.items():
            self._binding.bind_ortvalue_input(name, value)
        for name, value in self._outputs.items():
            self._binding.bind_ortvalue_output(name, value)

    def run(self, feed: Feed) -> dict[str, Array]:
        """Copy in, run, copy out."""
        for name, value in self._inputs.items():
            value.update_inplace(np.ascontiguousarray(feed[name]))
        self._session.run_with_iobinding(self._binding)
        return {name: value.numpy() for name, value in self._outputs.items()}


def buffer(tensor: Any, device: str) -> onnxruntime.OrtValue:
    """Room for one input or output of a fixed shape."""
    return onnxruntime.OrtValue.ortvalue_from_shape_and_type(tensor.shape, np.float32, device, 0)
