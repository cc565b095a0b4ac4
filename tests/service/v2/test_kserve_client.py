"""KServe's own client against the service, in an environment of its own: `make kserve`."""

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.service.bodies import array, draw, same
from tests.service.running import Server

SCRIPT = Path(__file__).with_name("kserve_client.py")
PYTHON = Path(__file__).parents[3] / "build" / "kserve" / "bin" / "python"
BATCH, STEPS = 3, 11

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="KServe's client is not installed: make kserve"
)


def test_it_gets_what_predict_gives_in_json_and_binary(
    server: Server, client: httpx.Client
) -> None:
    sequences = [draw(STEPS, seed).tolist() for seed in range(BATCH)]
    run = subprocess.run(
        [PYTHON, SCRIPT, server.url],
        input=json.dumps(sequences).encode(),
        capture_output=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr.decode()
    told = json.loads(run.stdout)
    assert [told[name] for name in ("live", "ready", "model", "no model")] == [True] * 3 + [False]
    for kind in ("json", "binary"):
        assert told[f"{kind} id"] == "7"
        for row, sequence in enumerate(sequences):
            alone = client.post("/predict", json={"model": "copy", "sequence": sequence}).json()
            assert same(array(told[kind]["outputs"])[row], array(alone["outputs"]))
