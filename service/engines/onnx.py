"""ONNX Runtime on the exported graphs of a few chunk lengths, on the CPU or on CUDA."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ntm import manifest
from ntm.manifest import Manifest
from ntm.replay import memories
from ntm.repository import RepositoryError, VersionFolder
from ntm.signature import Signature, State
from service.engines.bound import BoundGraph, bucket_for, run_options
from service.engines.pinning import no_pins
from service.engines.protocol import WEIGHTINGS, Kind, Pins, Values

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
EXTERNAL_DATA = b"location"  # the key under which a tensor names a file; no graph of ours has it


class OnnxEngine:
    """One model's graphs as ONNX Runtime sessions."""

    name = "onnx"
    ragged = False
    batches = True
    replays_memory = True
    memories = staticmethod(memories)

    def __init__(
        self, version: VersionFolder, device: str, threads: int, bind: bool = False
    ) -> None:
        """Open every graph of a version.

        Args:
            version: the model's folder
            device: cpu or cuda
            threads: of each graph
            bind: whether batches of a few sizes at the model's own N have buffers of their own,
                and on CUDA a CUDA graph
        Raises:
            RepositoryError: a file is missing, differs from its digest or cannot be loaded
        """
        folder = version.onnx
        told: Manifest = manifest.read(version, folder)
        self.signature: Signature = told.signature
        self.digest = told.digest
        self._sessions: dict[str, dict[int, onnxruntime.InferenceSession]] = {}
        for graph in told.graphs:
            graphs = bind and graph.kind == "predict"
            session = open_session(folder / graph.file, device, threads, graphs)
            self._sessions.setdefault(graph.kind, {})[graph.steps or 1] = session
        self.device = device_of(next(iter(self._sessions["predict"].values())))
        self._bound = {
            steps: BoundGraph(session, self.device, self.signature.memory_slots)
            for steps, session in self._sessions["predict"].items()
            if bind
        }
        self._unrecorded = run_options() if bind else None
        learned = folder / manifest.INITIAL
        self._learned = load_file(learned) if told.initial_sha256 else None

    def initial_state(self, slots: int) -> State:
        """See `Engine`."""
        return self.signature.initial_state(1, slots, self._learned)

    def longest(self, kind: Kind, steps: int) -> int:
        """See `Engine`."""
        return max(length for length in self._sessions[kind] if length <= steps)

    def run(
        self,
        kind: Kind,
        x: NDArray[np.float32],
        state: State,
        pins: Pins | None = None,
        lengths: NDArray[np.int64] | None = None,
        wanted: Collection[str] = WEIGHTINGS,
    ) -> tuple[Values, State]:
        """See `Engine`."""
        session = self._sessions[kind][len(x)]
        feed: dict[str, NDArray[np.generic]] = {"x": x}
        feed |= {f"state.{name}": value for name, value in state.items()}
        if kind == "inspect":
            feed |= no_pins(self.signature, len(x)) | (pins or {})
        rows, slots = state["memory"].shape[:2]
        if self._binds(kind, rows, slots):
            values = self._bound[len(x)].run(feed, rows)
        else:
            unwanted = {*WEIGHTINGS}.difference(wanted) if kind == "predict" else ()
            names = [o.name for o in session.get_outputs() if o.name not in unwanted]
            values = dict(zip(names, session.run(names, feed, self._unrecorded), strict=True))
        after = {name: values.pop(f"next.{name}") for name in state}
        return values, after

    def _binds(self, kind: Kind, rows: int, slots: int) -> bool:
        own = slots == self.signature.memory_slots
        return bool(self._bound) and kind == "predict" and own and bucket_for(rows) is not None


def open_session(
    path: Path, device: str, threads: int, graphs: bool = False
) -> onnxruntime.InferenceSession:
    """A session on one graph; on CUDA with CUDA graphs, where they are wanted.

    Raises:
        RepositoryError: the graph wants external data, or ONNX Runtime cannot load it
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    data = path.read_bytes()
    if EXTERNAL_DATA in data:
        raise RepositoryError(f"{path} keeps weights in another file, which is not allowed")
    try:
        return onnxruntime.InferenceSession(data, options, providers=providers_for(device, graphs))
    except Exception as error:  # ONNX Runtime raises a dozen classes of its own
        reason = str(error).splitlines()[0]
        raise RepositoryError(f"{path} is not a graph ONNX Runtime can load: {reason}") from error


def providers_for(device: str, graphs: bool) -> list[Any]:
    """What runs a graph, the first that can."""
    if device == "cpu":
        return [PROVIDERS["cpu"]]
    # TensorFloat-32 keeps ten bits of a product: too few for 1000 steps
    told = {"use_tf32": "0", "enable_cuda_graph": "1" if graphs else "0"}
    return [(PROVIDERS["cuda"], told), PROVIDERS["cpu"]]


def device_of(session: onnxruntime.InferenceSession) -> str:
    """Where a session really runs: only its first provider tells the truth."""
    return "cuda" if session.get_providers()[0] == PROVIDERS["cuda"] else "cpu"
