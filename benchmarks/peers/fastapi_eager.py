# /// script
# dependencies = [
#   "fastapi==0.165.0", "uvicorn[standard]>=0.32", "orjson==3.13.0", "numpy>=2,<3",
#   "torch==2.13.0", "safetensors>=0.5", "pydantic-settings>=2.6",
# ]
# ///
"""FastAPI and the PyTorch model as it was trained: two workers, a thread each."""

import os
from pathlib import Path

import orjson
import torch
from fastapi import FastAPI, Response
from pydantic import BaseModel

from ntm.repository import checkpoint, folders

app = FastAPI()
model = checkpoint.load(folders.find(Path(os.environ["MODELS"], "copy"))).eval()
torch.set_num_threads(1)


class Asked(BaseModel):
    """A sequence [T, I]."""

    sequence: list[list[float]]
    weightings: bool = False


@app.post("/predict")
def predict(asked: Asked) -> Response:
    """Its outputs, and where the heads were."""
    state, steps = model.initial_state(1), []
    with torch.inference_mode():
        for x in torch.tensor(asked.sequence)[:, None]:
            output, state = model(x, state)
            steps.append((output, state.read_weightings, state.write_weightings))
    names = ("outputs", "read_weightings", "write_weightings")[: 3 if asked.weightings else 1]
    answer = {
        name: torch.cat(values).numpy()
        for name, values in zip(names, zip(*steps, strict=True), strict=False)
    }
    body = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json")
