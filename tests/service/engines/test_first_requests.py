"""Nothing is made ready on a request's way: the first of every kind costs about what others cost.

A service begins on empty folders and takes the native engine over once it is compiled, for every
shipped model, with real numbers: what is stored and read again is another array to a compiled
function than what a request brought. Measured is what the service computes, not how long it takes:
the machine may be busy with others.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import save

from ntm.repository.folders import VersionFolder
from service.engines.choose import has_kernel
from tests.compiled import compiling
from tests.service.running import Server, await_that, serving

MODELS = Path(__file__).parents[3] / "models"
NAMES = sorted(path.name for path in MODELS.iterdir())
EXPECTED = {
    name: "native" if has_kernel(VersionFolder(MODELS / name / "1").description()) else "onnx"
    for name in NAMES
}
FACTOR, SECONDS = 5, 0.5  # what is imported when it is first needed
DRAWING = 3.0  # matplotlib and its fonts come with the first figure
INCLUDES = (
    "inputs,outputs",
    "target",
    "read_weightings,write_weightings",
    "addressing",
    "controls",
    "writes",
    "reads",
    "controller",
    "memory",
)

Ask = Callable[[], httpx.Response]


def engines(client: httpx.Client) -> dict[str, str]:
    """What every model runs on."""
    return {model["name"]: model["engine"] for model in client.get("/v2").json()["models"]}


@pytest.fixture(scope="module")
def server(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The shipped models, where nothing was asked since native took over."""
    folder = tmp_path_factory.mktemp("first")
    native = folder / "native"
    with ExitStack() as running:
        with compiling(compiled, native):
            server = running.enter_context(serving(MODELS, folder / "own", compiled=str(native)))
            client = running.enter_context(server.client())
            assert engines(client) == dict.fromkeys(NAMES, "onnx")
        await_that(lambda: engines(client) == EXPECTED)
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of them."""
    with server.client() as client:
        yield client


def kinds_of_prediction(client: httpx.Client, model: str) -> dict[str, Ask]:
    """Every kind of request that computes something new, by name."""
    example = client.get(f"/models/{model}/example").json()
    sequence = example["sequence"]
    array = np.array(sequence, np.float32)
    change: list[dict[str, Any]] = [{"steps": "1:3", "set": {"input": [0.5] * len(sequence[0])}}]
    if EXPECTED[model] == "native":  # what only an NTM has
        change = [
            {"steps": "1:3", "head": "read.0", "set": {"gate": 0.5}},
            {"steps": 2, "head": "write.0", "set": {"weighting": "uniform"}},
        ]

    def predict(**fields: Any) -> Ask:
        asked = {"model": model, "sequence": sequence, **fields}
        return lambda: client.post("/predict", json=asked)

    def in_session() -> httpx.Response:
        session = client.post("/sessions", json={"model": model}).json()["session_id"]
        piece = {"sequence": sequence, "position": 0, "include": ["read_weightings"]}
        for _ in range(2):  # the second time from the state before it, which is stored
            answer = client.post(f"/sessions/{session}/steps", json=piece)
        return answer

    def infer(*rows: Any, **parameters: Any) -> Ask:
        entry = {"name": "sequence", "datatype": "FP32", "shape": np.shape(rows)}
        asked = {"inputs": [{**entry, "data": np.ravel(rows).tolist()}], "parameters": parameters}
        return lambda: client.post(f"/v2/models/{model}/infer", json=asked)

    return {
        "predict": predict(),
        "predict with target": predict(target=example["target"]),
        "predict not recorded": predict(record=False),
        "predict with weightings": predict(include=["read_weightings", "write_weightings"]),
        "predict with interventions": predict(interventions=change),
        "predict in safetensors": lambda: client.post(
            "/predict",
            content=save({"sequence": array}, {"model": model}),
            headers={
                "Content-Type": "application/vnd.safetensors",
                "Accept": "application/vnd.safetensors",
            },
        ),
        "session": in_session,
        "v2": infer(sequence),
        "v2 of a batch, in binary": infer(sequence, sequence, binary_data_output=True),
    }


def kinds_of_trace(client: httpx.Client, model: str, trace_ids: dict[str, str]) -> dict[str, Ask]:
    """Every kind of question about what was recorded, by name."""

    def ask(path: str) -> Ask:
        return lambda: client.get(path)

    plain, changed = trace_ids["predict"], trace_ids["predict with interventions"]
    kinds = {}
    for name, trace_id in trace_ids.items():
        kinds[f"trace of {name}"] = ask(f"/trace/{trace_id}")
        for include in INCLUDES:
            kinds[f"{include} of {name}"] = ask(f"/trace/{trace_id}?include={include}")
    for kind in ("npz", "safetensors", "png", "svg"):
        kinds[kind] = ask(f"/trace/{plain}?format={kind}")
    if EXPECTED[model] == "native":
        kinds["provenance"] = ask(f"/trace/{plain}/provenance?step=1&head=read.0")
        kinds["findings"] = ask(f"/trace/{plain}/findings")
    kinds["difference"] = ask(f"/trace/{plain}/difference/{changed}")
    return kinds


def seconds(server: Server, name: str, ask: Ask) -> float:
    """What the answer cost."""
    before = server.processor_seconds()
    answer = ask()
    spent = server.processor_seconds() - before
    assert answer.status_code == 200, f"{name}: {answer.text:.300}"
    return spent


def slow_at_first(server: Server, kinds: dict[str, Ask]) -> dict[str, str]:
    """What cost too much at first, with both costs, by name."""
    slow = {}
    for name, ask in kinds.items():
        first, second = seconds(server, name, ask), seconds(server, name, ask)
        allowed = FACTOR * second + (DRAWING if name in ("png", "svg") else SECONDS)
        if first > allowed:
            slow[name] = f"{first:.2f} s at first, then {second:.2f} s"
    return slow


@pytest.mark.parametrize("model", NAMES)
def test_the_first_request_of_a_kind_costs_no_more_than_the_next(
    server: Server, client: httpx.Client, model: str
) -> None:
    predictions = kinds_of_prediction(client, model)
    assert slow_at_first(server, predictions) == {}
    answers = {
        name: predictions[name]().json()
        for name in ("predict", "predict with target", "predict with interventions", "session")
    }
    trace_ids = {name: told.get("trace_id") or told["session_id"] for name, told in answers.items()}
    assert slow_at_first(server, kinds_of_trace(client, model, trace_ids)) == {}
