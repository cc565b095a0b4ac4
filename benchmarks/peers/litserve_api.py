# /// script
# dependencies = ["litserve==0.2.19", "orjson==3.13.0", "numpy>=2,<3", "onnxruntime==1.32.0"]
# ///
"""LitServe and ONNX Runtime: batches of 16 of any lengths, two workers."""

import os

import litserve
import numpy as np
import orjson
from fastapi import Response
from unrolled import Tensors, Unrolled

Asked = tuple[np.ndarray, bool]


class Copy(litserve.LitAPI):
    """A worker."""

    def setup(self, device: str) -> None:
        self._model = Unrolled()

    def decode_request(self, request: dict) -> Asked:
        return np.array(request["sequence"], np.float32), request["weightings"]

    def batch(self, inputs: list[Asked]) -> list[Asked]:
        return inputs

    def predict(self, batch: list[Asked]) -> list[Tensors]:
        sequences, weightings = zip(*batch, strict=True)
        return self._model.walk(sequences, any(weightings))

    def unbatch(self, output: list[Tensors]) -> list[Tensors]:
        return output

    def encode_response(self, output: Tensors) -> Response:
        body = orjson.dumps(output, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(body, media_type="application/json")


if __name__ == "__main__":
    api = Copy(max_batch_size=16, batch_timeout=0, api_path="/predict")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=2, fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
