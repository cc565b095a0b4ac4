"""Ask a model for an example of its task, and again with its read head held still."""

import sys

from ntm.client import Client

URL = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000"

with Client(URL) as client:
    for model in client.models():
        print(f"{model.name}: {model.architecture}, {model.memory_slots} slots, task {model.task}")

    example = client.example("copy", seed=2)
    answer = client.predict("copy", example.sequence, target=example.target)
    print(f"{answer.wrong_bits} wrong bits in {answer.steps} steps, by {answer.engine}")

    half = answer.steps // 2 + 1  # it listens up to there
    still = {"steps": f"{half}:", "head": "read.0", "set": {"gate": 0, "shift": [0, 1, 0]}}
    changed = client.predict("copy", example.sequence, target=example.target, interventions=[still])
    print(f"{changed.wrong_bits} wrong bits where the read head may not move on")
