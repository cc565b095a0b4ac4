"""FastAPI and uvicorn as they come, for hostile.py: the same requests, without any limit.

It computes nothing, so that all that is measured is what a server does with its clients.
"""

from typing import Any

import numpy as np
import orjson
from fastapi import FastAPI, Response
from pydantic import BaseModel

app = FastAPI()
WIDTH = 8


class Asked(BaseModel):
    """What the service takes."""

    model: str
    sequence: list[list[float]]
    memory_slots: int = 128
    include: list[str] = []


@app.get("/v2/health/live")
async def live() -> dict[str, bool]:
    """The probe."""
    return {"live": True}


@app.post("/predict")
def predict(asked: Asked) -> Response:
    """As many numbers as the service answers with."""
    steps = len(asked.sequence)
    told: dict[str, Any] = {"outputs": np.zeros((steps, WIDTH), np.float32)}
    rng = np.random.default_rng(0)
    for name in asked.include:
        told[name] = rng.random((steps, 1, asked.memory_slots), np.float32)
    body = orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json")
