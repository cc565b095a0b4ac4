# /// script
# dependencies = ["bentoml==1.4.40", "numpy>=2,<3", "onnxruntime==1.32.0"]
# ///
"""BentoML and ONNX Runtime: adaptive batches of 16 of any lengths, two workers."""

import bentoml
import numpy as np
from pydantic import BaseModel
from unrolled import Unrolled


class Asked(BaseModel):
    """A sequence [T, I]."""

    sequence: list[list[float]]
    weightings: bool = False


@bentoml.service(
    workers=2,
    traffic={"timeout": 60, "max_concurrency": 256},
    logging={"access": {"enabled": False}},
)
class Copy:
    """A worker."""

    def __init__(self) -> None:
        self._model = Unrolled()

    @bentoml.api(batchable=True, max_batch_size=16, max_latency_ms=30_000)
    def predict(self, asked: list[Asked]) -> list[dict]:
        """Outputs of each, and where the heads were."""
        sequences = [np.array(one.sequence, np.float32) for one in asked]
        answers = self._model.walk(sequences, any(one.weightings for one in asked))
        return [{name: value.tolist() for name, value in one.items()} for one in answers]
