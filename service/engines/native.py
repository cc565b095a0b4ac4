"""An architecture's compiled kernel as an engine: every step of a chunk in one call, on the CPU."""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ntm.architectures import catalogue
from ntm.repository import manifest
from ntm.repository.folders import RepositoryError, VersionFolder
from ntm.signature import Signature, State
from service.engines.protocol import Kind, Pins, Values

Float = NDArray[np.float32]

INITIAL_STATES = 8  # that are remembered, of as many N
LONGEST = 256  # steps at once; a row costs the same in any chunk, so that time alone bounds it


class NativeEngine:
    """One model on its compiled kernel. A row costs as much alone as in a batch."""

    name = "native"
    device = "cpu"
    replays_memory = True
    batches = False
    ragged = True

    def __init__(self, version: VersionFolder, compiled: Path) -> None:
        """Read the checkpoint of a version; its signature is that of the exported graphs.

        Args:
            version: the model's folder
            compiled: where the compiled functions are
        Raises:
            RepositoryError: a file is missing, differs from its digest or cannot be loaded
        """
        facts = manifest.read(version, version.onnx)
        self.signature: Signature = facts.signature
        self.digest = facts.digest
        config = version.description().config
        try:
            tensors = load_file(version.checkpoint)
            self._model: Any = catalogue.of(config).kernel_class(config, tensors, compiled)
        except (SafetensorError, KeyError) as error:
            raise RepositoryError(f"{version.checkpoint} cannot be used: {error}") from error
        self.memories = self._model.memories
        learned = version.onnx / manifest.INITIAL
        self._learned = load_file(learned) if facts.initial_sha256 else None
        self.initial_state = lru_cache(INITIAL_STATES)(self._initial_state)

    def _initial_state(self, slots: int) -> State:
        """See `Engine`."""
        state: State = self._model.laid_out(self.signature.initial_state(1, slots, self._learned))
        return state

    def longest(self, kind: Kind, steps: int) -> int:
        """See `Engine`."""
        return min(steps, LONGEST)

    def run(
        self,
        kind: Kind,
        x: Float,
        state: State,
        pins: Pins | None = None,
        lengths: NDArray[np.int64] | None = None,
        wanted: Collection[str] | None = None,
    ) -> tuple[Values, State]:
        """See `Engine`."""
        some = wanted is None or len(wanted) > 0
        record = "stages" if kind == "inspect" else "weightings" if some else "outputs"
        result: tuple[Values, State] = self._model.run(x, state, lengths, record, pins)
        return result
