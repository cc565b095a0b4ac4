# /// script
# dependencies = ["nvidia-pytriton==0.7.0", "numpy<2", "onnxruntime==1.32.0"]
# ///
"""Triton's Python backend with ONNX Runtime: two instances, ragged batches, JSON and binary.

The PyPI package of pytriton carries a real tritonserver, which is used here without pytriton.
"""

import triton_python_backend_utils as triton
from unrolled import WEIGHTINGS, Unrolled


class TritonPythonModel:
    """One of the instances."""

    def initialize(self, args: dict[str, str]) -> None:
        self._model = Unrolled()

    def execute(self, requests: list) -> list:
        """Requests of any lengths, each a sequence [1, T, I]."""
        wanted = [request.requested_output_names() for request in requests]
        sequences = [
            triton.get_input_tensor_by_name(request, "sequence").as_numpy()[0]
            for request in requests
        ]
        answers = self._model.walk(sequences, any(set(names) & set(WEIGHTINGS) for names in wanted))
        return [
            triton.InferenceResponse([triton.Tensor(name, answer[name][None]) for name in names])
            for answer, names in zip(answers, wanted, strict=True)
        ]
