"""A model's exported graphs, run by ONNX Runtime chunk after chunk. No torch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ntm.interventions.edits import Edits, resolve
from ntm.interventions.pinning import no_pins
from ntm.repository import manifest
from ntm.repository.folders import RepositoryError, VersionFolder
from ntm.signature import State

Array = NDArray[np.float32]
Observer = Callable[[dict[str, Array]], object]  # told of weightings [K, heads, N] by side


class ExportedModel:
    """The graphs of a version's `onnx` folder; each is opened when it is first needed."""

    def __init__(self, version: VersionFolder) -> None:
        """Check all files.

        Raises:
            RepositoryError: the model is not exported, or a file is damaged or of other weights
        """
        self._folder = version.onnx
        self._manifest = manifest.read(version, self._folder)
        self.signature = self._manifest.signature
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        learned = self._folder / manifest.INITIAL
        self._learned = load_file(learned) if self._manifest.initial_sha256 else None

    def predict(
        self,
        sequence: Array,
        slots: int,
        interventions: Sequence[Any] = (),
        observe: Observer | None = None,
    ) -> Array:
        """The outputs [T, output_size] of one sequence; nothing else is kept.

        Args:
            sequence: [T, input_size]
            slots: N
            interventions: what to change on the way, as `model.unroll` takes it
            observe: called with the weightings of every chunk
        Raises:
            InterventionError: an intervention does not fit
            ValueError: the model runs with another number of slots only, or the sequence is longer
                than its slots
        """
        self.signature.refuse_longer(len(sequence), slots)
        edits = resolve(interventions, self.signature, len(sequence), slots)
        rows = sequence[:, None].copy()
        edits.write_inputs(rows)
        state = self.signature.initial_state(1, slots, self._learned)
        outputs, start = np.zeros((len(rows), self.signature.output_size), np.float32), 0
        while start < len(rows):
            if interventions:
                values, state = self._edited_step(rows[start], state, edits, start)
            else:
                values, state = self._chunk(rows[start:], state, observe is not None)
            chunk = values["outputs"][:, 0]
            outputs[start : start + len(chunk)] = chunk
            start += len(chunk)
            if observe:
                observe({side: values[side][:, 0] for side in self.signature.sides})
        return outputs

    def _chunk(self, rest: Array, state: State, weightings: bool) -> tuple[State, State]:
        """The longest chunk that some graph has of the steps that are left."""
        graphs = self._manifest.of_kind("predict")
        graph = next(graph for graph in graphs if (graph.steps or 1) <= len(rest))
        names = ["outputs", *(self.signature.sides if weightings else ())]
        return self._run(graph, {"x": rest[: graph.steps or 1]}, state, names)

    def _edited_step(
        self, row: Array, state: State, edits: Edits, step: int
    ) -> tuple[State, State]:
        """One step from a state that may be changed, with stages that may be pinned."""
        for name, (where, value) in edits.state(step).items():
            state = {**state, name: np.where(where, value, state[name]).astype(np.float32)}
        feed = {"x": row[None], **no_pins(self.signature, 1)}
        for name, (where, value) in edits.pins(step, step + 1).items():
            feed[f"pinned.{name}"] = where[:, None]
            feed[f"pin.{name}"] = value[:, None].astype(np.float32)
        graph = next(g for g in self._manifest.of_kind("inspect") if (g.steps or 1) == 1)
        stages = [stage.name for stage in self.signature.in_group("weighting")]
        values, state = self._run(graph, feed, state, ["outputs", *stages])
        return values | self.signature.weightings(values, axis=2), state

    def _run(
        self,
        graph: manifest.GraphFile,
        feed: dict[str, NDArray[Any]],
        state: State,
        names: Sequence[str],
    ) -> tuple[State, State]:
        """Some outputs of a graph by name, and the state after it."""
        feed = feed | {f"state.{name}": value for name, value in state.items()}
        wanted = [*names, *(f"next.{name}" for name in state)]
        values = dict(zip(wanted, self._session(graph).run(wanted, feed), strict=True))
        after = {name: values.pop(f"next.{name}") for name in state}
        return values, after

    def _session(self, graph: manifest.GraphFile) -> onnxruntime.InferenceSession:
        if graph.file not in self._sessions:
            path, options = self._folder / graph.file, onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1  # the steps are too small to share
            options.log_severity_level = 3
            try:
                self._sessions[graph.file] = onnxruntime.InferenceSession(
                    manifest.read_graph(path), options, providers=["CPUExecutionProvider"]
                )
            except RepositoryError:
                raise
            except Exception as error:  # ONNX Runtime raises a dozen classes of its own
                reason = str(error).splitlines()[0]
                raise RepositoryError(
                    f"{path} is not a graph ONNX Runtime can load: {reason}"
                ) from error
        return self._sessions[graph.file]
