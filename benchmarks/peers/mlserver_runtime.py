# /// script
# dependencies = ["mlserver==1.7.1", "uvloop<0.22", "numpy>=1.26", "onnxruntime==1.32.0"]
# ///
"""MLServer and ONNX Runtime: a runtime of its own, adaptive batches of 16, two workers."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from unrolled import OUTPUTS, WEIGHTINGS, Unrolled


class Copy(MLModel):
    """A worker."""

    async def load(self) -> bool:
        self._model = Unrolled()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Sequences [B, T, I] of one length."""
        sequences = NumpyCodec.decode_input(payload.inputs[0])
        wanted = [output.name for output in payload.outputs or []] or OUTPUTS
        answers = self._model.walk(list(sequences), bool(set(wanted) & set(WEIGHTINGS)))
        outputs = [
            NumpyCodec.encode_output(name, np.stack([answer[name] for answer in answers]))
            for name in dict.fromkeys(wanted)
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)
