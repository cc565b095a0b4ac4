# /// script
# dependencies = [
#   "fastapi==0.165.0", "uvicorn[standard]>=0.32", "orjson==3.13.0", "numpy>=2,<3",
#   "onnxruntime==1.32.0",
# ]
# ///
"""FastAPI and ONNX Runtime: two workers, a thread a request, pydantic in and orjson out."""

import numpy as np
import orjson
from fastapi import FastAPI, Response
from pydantic import BaseModel
from unrolled import Unrolled

app, model = FastAPI(), Unrolled()


class Asked(BaseModel):
    """A sequence [T, I]."""

    sequence: list[list[float]]
    weightings: bool = False


@app.post("/predict")
def predict(asked: Asked) -> Response:
    """Its outputs, and where the heads were."""
    (answer,) = model.walk([np.array(asked.sequence, np.float32)], asked.weightings)
    body = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json")
