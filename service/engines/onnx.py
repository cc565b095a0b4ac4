"""ONNX Runtime on the exported graphs of a few chunk lengths, on the CPU or on CUDA."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ntm.architectures import catalogue
from ntm.interventions.pinning import no_pins
from ntm.repository import manifest
from ntm.repository.folders import RepositoryError, VersionFolder
from ntm.repository.manifest import Manifest
from ntm.signature import Signature, State
from service.engines.filled import ROWS, BoundGraph, Feed, run_filled
from service.engines.protocol import Kind, Pins, Values

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxEngine:
    """One model's graphs as ONNX Runtime sessions."""

    name = "onnx"
    ragged = False
    batches = True

    def __init__(
        self, version: VersionFolder, device: str, threads: int, bind: bool = False
    ) -> None:
        """Open every graph of a version.

        Args:
            version: the model's folder
            device: cpu or cuda
            threads: of each graph
            bind: whether predict graphs of the model's own N have buffers of their own, and on CUDA
                are recorded as CUDA graphs
        Raises:
            RepositoryError: a file is missing, differs from its digest or cannot be loaded
        """
        folder = version.onnx
        facts: Manifest = manifest.read(version, folder)
        self.signature: Signature = facts.signature
        self.memories = catalogue.find(facts.signature.architecture).memories_function
        self.replays_memory = self.memories is not None
        self.digest = facts.digest
        self._sides = frozenset(self.signature.sides)
        self._sessions: dict[str, dict[int, onnxruntime.InferenceSession]] = {}
        self._bound: dict[int, BoundGraph] = {}
        fixed = {"batch": ROWS, "slots": self.signature.memory_slots}
        for graph in facts.graphs:
            path, steps = folder / graph.file, graph.steps or 1
            session = open_session(path, device, threads)
            self._sessions.setdefault(graph.kind, {})[steps] = session
            if bind and graph.kind == "predict":
                session = open_session(path, device, threads, fixed)
                self._bound[steps] = BoundGraph(session, device_of(session))
        self.device = device_of(next(iter(self._sessions["predict"].values())))
        self._fills = bind or self.device == "cuda"
        learned = folder / manifest.INITIAL
        self._learned = load_file(learned) if facts.initial_sha256 else None

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
        wanted: Collection[str] | None = None,
    ) -> tuple[Values, State]:
        """See `Engine`."""
        session = self._sessions[kind][len(x)]
        feed: dict[str, NDArray[np.generic]] = {"x": x}
        feed |= {f"state.{name}": value for name, value in state.items()}
        if kind == "inspect":
            feed |= no_pins(self.signature, len(x)) | (pins or {})
        rows = x.shape[1]
        slots = self.signature.slots_of({name: v.shape for name, v in state.items()})

        unwanted = frozenset[str]()
        if kind == "predict" and wanted is not None:
            unwanted = self._sides.difference(wanted)

        def run(feed: Feed) -> dict[str, NDArray[Any]]:
            if kind == "predict" and self._bound and slots == self.signature.memory_slots:
                return self._bound[len(x)].run(feed)
            names = [o.name for o in session.get_outputs() if o.name not in unwanted]
            return dict(zip(names, session.run(names, feed), strict=True))

        values = run_filled(run, feed, rows) if self._fills else run(feed)
        after = {name: values.pop(f"next.{name}") for name in state}
        return values, after


def open_session(
    path: Path, device: str, threads: int, fixed: Mapping[str, int] | None = None
) -> onnxruntime.InferenceSession:
    """A session on one graph; where its dimensions are fixed, CUDA records it.

    Nothing of a graph with fixed dimensions is left to the CPU, as recording asks for.

    Raises:
        RepositoryError: the graph wants external data, or ONNX Runtime cannot load it
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    for name, size in (fixed or {}).items():
        options.add_free_dimension_override_by_name(name, size)
    data = manifest.read_graph(path)
    try:
        return onnxruntime.InferenceSession(
            data, options, providers=providers_for(device, bool(fixed))
        )
    except Exception as error:  # ONNX Runtime raises a dozen classes of its own
        reason = str(error).splitlines()[0]
        raise RepositoryError(f"{path} is not a graph ONNX Runtime can load: {reason}") from error


def providers_for(device: str, records: bool) -> list[Any]:
    """What runs a graph, the first that can."""
    if device == "cpu":
        return [PROVIDERS["cpu"]]
    # TensorFloat-32 keeps ten bits of a product: too few for 1000 steps
    options = {"use_tf32": "0", "enable_cuda_graph": "1" if records else "0"}
    return [(PROVIDERS["cuda"], options), PROVIDERS["cpu"]]


def device_of(session: onnxruntime.InferenceSession) -> str:
    """Where a session really runs: only its first provider tells the truth."""
    return "cuda" if session.get_providers()[0] == PROVIDERS["cuda"] else "cpu"
