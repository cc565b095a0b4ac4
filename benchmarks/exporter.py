"""The reference model as PyTorch's own ONNX exporter writes it, on ONNX Runtime."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from inductor import Steps

from ntm import NTM

UNROLLED = 16  # as many as our own longest graph


def exported(model: NTM, batch: int, folder: Path) -> Callable[[np.ndarray], Callable[[], object]]:
    """Export for a batch of this size; what comes back makes a run of x [T, B, I]."""
    state = model.initial_state(batch)
    start = [value.detach().contiguous() for value in (*state[:4], *state.controller)]
    x = torch.zeros(UNROLLED, batch, model.config.input_size)
    path = folder / f"exporter-{batch}.onnx"
    torch.onnx.export(Steps(model), (x, *start), path, dynamo=True, verbose=False)
    import onnxruntime  # after ntm, which opts out of its telemetry

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [tensor.name for tensor in session.get_inputs()]
    first = [value.numpy() for value in start]

    def make(x: np.ndarray) -> Callable[[], object]:
        def run() -> object:
            values = first
            for piece in x.reshape(-1, UNROLLED, *x.shape[1:]):
                feed = dict(zip(names, [piece, *values], strict=True))
                values = session.run(None, feed)[-len(first) :]
            return values

        return run

    return make
