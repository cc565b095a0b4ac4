"""Walk an exported graph with ONNX Runtime alone: nothing of this project is imported."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "models/copy/1") / "onnx"
signature = json.loads((folder / "signature.json").read_text())["signature"]
session = onnxruntime.InferenceSession(str(folder / "predict_1.onnx"))  # one step

# The state before the first step, as the signature tells it: filled, or all on one slot.
sizes, state = {"batch": 1, "slots": signature["memory_slots"]}, {}
for tensor in signature["state"]:
    initial = tensor["initial"]
    shape = [sizes.get(size, size) for size in tensor["shape"]]
    value = np.full(shape, initial.get("value", 0.0), np.float32)
    if initial["kind"] == "one_hot":
        value[..., initial["slot"]] = 1
    state[tensor["name"]] = value

# Three random vectors between the markers, then silence.
width = signature["input_size"]
sequence = np.zeros((8, width), np.float32)
sequence[0, width - 2] = sequence[4, width - 1] = 1
sequence[1:4, : width - 2] = np.random.default_rng(1).integers(0, 2, (3, width - 2))

names = [entry.name for entry in session.get_outputs()]
for step, x in enumerate(sequence):
    fed = {f"state.{name}": value for name, value in state.items()}
    told = dict(zip(names, session.run(None, {"x": x[None, None], **fed}), strict=True))
    state = {name: told[f"next.{name}"] for name in state}
    slot = told["read_weightings"][0, 0, 0].argmax()
    print(f"step {step}: slot {slot}, output {told['outputs'][0, 0].round(2)}")
