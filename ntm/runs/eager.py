"""A model run by PyTorch step after step, of which only the outputs are kept."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ntm.architectures.model import stages_of
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder

Array = NDArray[np.float32]
Observer = Callable[[dict[str, Array]], object]  # told of weightings [K, heads, N] by side


class EagerModel:
    """The model of a checkpoint."""

    def __init__(self, version: VersionFolder) -> None:
        """Read it.

        Raises:
            RepositoryError: a file is missing, damaged, or does not belong to this model
        """
        self.model = checkpoint.load(version)

    def predict(
        self,
        sequence: Array,
        slots: int,
        interventions: Sequence[Any] = (),
        observe: Observer | None = None,
    ) -> Array:
        """See `ntm.runs.exported.ExportedModel.predict`; a chunk is a step."""
        signature = self.model.signature
        # Tensors kept of every step would hold the heap between those that are let go.
        outputs = np.zeros((len(sequence), signature.output_size), np.float32)
        with torch.inference_mode():
            rows = torch.from_numpy(sequence)[:, None]
            steps = self.model.steps(rows, self.model.initial_state(1, slots), interventions)
            for t, (output, _, stages) in enumerate(steps):
                outputs[t] = output[0].numpy()
                if observe:
                    weightings = signature.weightings(stages_of(stages), axis=1)
                    observe({side: value.numpy() for side, value in weightings.items()})
        return outputs
