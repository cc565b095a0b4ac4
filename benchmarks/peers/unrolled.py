"""Sequences through the exported graph in ONNX Runtime, for every peer that can run it.

A batch of any lengths, as a careful user would write it: sorted by length, in chunks of 14 steps
(three of them are the 42 steps of a copy of 20), each with those rows that are not finished. That
was faster than a graph for each length and than padding all rows to the longest.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

OUTPUTS = ["outputs"]
WEIGHTINGS = ["read_weightings", "write_weightings"]

Tensors = dict[str, np.ndarray]


class Unrolled:
    """The model in one ONNX Runtime session."""

    def __init__(self, folder: Path | None = None, threads: int = 1) -> None:
        folder = folder or Path(os.environ["MODEL"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            folder / "chunk.onnx", options, providers=["CPUExecutionProvider"]
        )
        (self._chunk,) = (i.shape[0] for i in self._session.get_inputs() if i.name == "x")
        self._initial = dict(np.load(folder / "initial.npz"))  # a row of every state tensor

    def walk(self, sequences: Sequence[np.ndarray], weightings: bool) -> list[Tensors]:
        """Outputs, and weightings if asked for, of sequences [T, I] in their order."""
        order = sorted(range(len(sequences)), key=lambda row: -len(sequences[row]))
        lengths = [len(sequences[row]) for row in order]
        steps = -(-lengths[0] // self._chunk) * self._chunk
        x = np.zeros((steps, len(order), sequences[0].shape[1]), np.float32)
        for column, row in enumerate(order):
            x[: lengths[column], column] = sequences[row]
        wanted = OUTPUTS + WEIGHTINGS * weightings
        fetched = wanted + [f"next.{name}" for name in self._initial]
        state = {n: np.repeat(row, len(order), axis=0) for n, row in self._initial.items()}
        parts: list[Tensors] = []
        for start in range(0, steps, self._chunk):
            active = sum(length > start for length in lengths)
            feed = {f"state.{name}": value[:active] for name, value in state.items()}
            feed["x"] = x[start : start + self._chunk, :active]
            values = dict(zip(fetched, self._session.run(fetched, feed), strict=True))
            state = {name: values[f"next.{name}"] for name in self._initial}
            parts.append({name: values[name] for name in wanted})
        done: list[Tensors] = [{} for _ in order]
        for column, row in enumerate(order):
            chunks = parts[: -(-lengths[column] // self._chunk)]
            for name in wanted:
                whole = np.concatenate([chunk[name][:, column] for chunk in chunks])
                done[row][name] = whole[: lengths[column]]
        return done
