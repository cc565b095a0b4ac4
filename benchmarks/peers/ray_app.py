# /// script
# dependencies = ["ray[serve]==2.60.0", "orjson==3.13.0", "numpy>=2,<3", "onnxruntime==1.32.0"]
# ///
"""Ray Serve and ONNX Runtime: @serve.batch with 16 of any lengths, two replicas."""

import os

import numpy as np
import orjson
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response
from unrolled import Tensors, Unrolled

Asked = tuple[np.ndarray, bool]


@serve.deployment(num_replicas=2, max_ongoing_requests=64, ray_actor_options={"num_cpus": 1})
class Copy:
    """A replica."""

    def __init__(self) -> None:
        self._model = Unrolled()

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0)
    async def walk(self, asked: list[Asked]) -> list[Tensors]:
        """Outputs of each, and where the heads were."""
        sequences, weightings = zip(*asked, strict=True)
        return self._model.walk(sequences, any(weightings))

    async def __call__(self, request: Request) -> Response:
        """POST /predict."""
        told = orjson.loads(await request.body())
        answer = await self.walk((np.array(told["sequence"], np.float32), told["weightings"]))
        body = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(body, media_type="application/json")


if __name__ == "__main__":
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Copy.bind(), route_prefix="/predict", blocking=True)
