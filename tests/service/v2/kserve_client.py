"""What KServe's own client gets, as JSON: run by a Python that has `kserve`, with a server's URL.

Its pins and ours cannot be had in one environment, so that it has one of its own.
"""

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

SHAPE = (3, 11, 6)


async def main(url: str) -> dict[str, Any]:
    """Everything that the test compares."""
    sequence = np.array(json.load(sys.stdin), np.float32).reshape(SHAPE)
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=60)) as client:
        told: dict[str, Any] = {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model": await client.is_model_ready(url, "copy"),
            "no model": await client.is_model_ready(url, "none"),
        }
        for kind in ("json", "binary"):
            tensor = InferInput("sequence", list(SHAPE), "FP32")
            tensor.set_data_from_numpy(sequence, binary_data=kind == "binary")
            request = InferRequest("copy", [tensor], request_id="7")
            answer = await client.infer(url, request, model_name="copy")
            told[kind] = {o.name: o.as_numpy().tolist() for o in answer.outputs}
            told[f"{kind} id"] = answer.id
    return told


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1]))))
