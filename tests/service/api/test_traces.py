"""GET /trace and /trace/{id}: every number of a request again, in every form, and why."""

import io
import json
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import load as load_safetensors

from tests import reference, small_models
from tests.service.bodies import array, body, draw, same
from tests.service.running import Server

BOTH = ["read_weightings", "write_weightings"]
EVERYTHING = (
    "inputs,outputs,target,read_weightings,write_weightings,addressing,writes,reads,controller,"
    "memory"
)


@pytest.fixture(scope="module", params=["copy", "wide", "odd", "learned"])
def asked(request: Any) -> dict[str, Any]:
    """A request with a target."""
    target = [[0, 1, None, 1] if t % 3 else None for t in range(21)]
    return body(21, seed=5, model=request.param, target=target, include=BOTH)


@pytest.fixture(scope="module")
def answer(client: httpx.Client, asked: dict[str, Any]) -> dict[str, Any]:
    """What came of it."""
    told: dict[str, Any] = client.post("/predict", json=asked).json()
    return told


@pytest.fixture(scope="module")
def everything(client: httpx.Client, answer: dict[str, Any]) -> dict[str, Any]:
    """All that its trace tells."""
    told: dict[str, Any] = client.get(f"/trace/{answer['trace_id']}?include={EVERYTHING}").json()
    return told


def test_a_trace_has_the_default_four_fields(
    client: httpx.Client, answer: dict[str, Any], asked: dict[str, Any]
) -> None:
    told = client.get(f"/trace/{answer['trace_id']}").json()
    for name in ("trace_id", "model", "version", "steps", "memory_slots"):
        assert told[name] == answer[name]
    model = small_models.make(asked["model"]).config
    assert told["heads"] == {"read": model.num_reads, "write": model.num_writes}
    assert same(array(told["inputs"]), array(asked["sequence"]))
    for name in ("outputs", *BOTH):
        assert told[name] == answer[name]
    assert told.keys() & {"target", "addressing", "writes", "reads", "memory"} == set()


def test_a_trace_with_everything_equals_the_answer_bit_for_bit(
    answer: dict[str, Any], asked: dict[str, Any], everything: dict[str, Any]
) -> None:
    for name in ("outputs", *BOTH):
        assert everything[name] == answer[name]
    assert same(array(everything["inputs"]), array(asked["sequence"]))
    assert everything["target"] == [row or [None] * 4 for row in asked["target"]]


def test_every_stage_has_the_shape_it_promises(
    asked: dict[str, Any], everything: dict[str, Any]
) -> None:
    config = small_models.make(asked["model"]).config
    steps, slots, width = 21, config.N, config.M
    for kind, heads in (("read", config.num_reads), ("write", config.num_writes)):
        stages = {n: np.shape(v) for n, v in everything["addressing"][kind].items()}
        assert stages == {
            "key": (steps, heads, width),
            "key_strength": (steps, heads),
            "content_weighting": (steps, heads, slots),
            "gate": (steps, heads),
            "gated_weighting": (steps, heads, slots),
            "shift": (steps, heads, config.shift_range),
            "shifted_weighting": (steps, heads, slots),
            "sharpening": (steps, heads),
        }
    writes = {n: np.shape(v) for n, v in everything["writes"].items()}
    assert writes == dict.fromkeys(("erase", "add"), (steps, config.num_writes, width))
    assert np.shape(everything["reads"]) == (steps, config.num_reads, width)
    assert np.shape(everything["memory"]) == (steps, slots, width)
    names = {"hidden", "cell"} if config.controller == "lstm" else {"hidden"}
    assert everything["controller"].keys() == names
    assert np.shape(everything["controller"]["hidden"]) == (steps, config.controller_size)


def test_every_stage_follows_from_the_ones_before_by_the_equations(
    everything: dict[str, Any],
) -> None:
    memory = np.array(everything["memory"])
    stages = ("content_weighting", "gated_weighting", "shifted_weighting")
    for kind in ("read", "write"):
        told = {name: np.array(v) for name, v in everything["addressing"][kind].items()}
        weightings = np.array(everything[f"{kind}_weightings"])
        for head in range(weightings.shape[1]):
            previous = np.eye(memory.shape[1])[0]
            for t in range(len(memory)):
                expected = reference.address(
                    memory[t],
                    told["key"][t, head],
                    told["key_strength"][t, head],
                    told["gate"][t, head],
                    told["shift"][t, head],
                    told["sharpening"][t, head],
                    previous,
                )
                given = [told[stage][t, head] for stage in stages] + [weightings[t, head]]
                for theirs, ours in zip(given, expected, strict=True):
                    np.testing.assert_allclose(theirs, ours, atol=2e-5)
                previous = weightings[t, head]


def test_memory_reads_and_writes_follow_by_the_equations(everything: dict[str, Any]) -> None:
    memory = np.array(everything["memory"])
    reading, writing = (np.array(everything[name]) for name in BOTH)
    erase, add = (np.array(everything["writes"][name]) for name in ("erase", "add"))
    reads = np.array(everything["reads"])
    for t in range(len(memory)):
        for head, weighting in enumerate(reading[t]):
            expected = reference.read(memory[t], weighting)
            np.testing.assert_allclose(reads[t, head], expected, atol=1e-5)
        if t + 1 < len(memory):
            after = reference.write(memory[t], writing[t], erase[t], add[t])
            np.testing.assert_allclose(memory[t + 1], after, atol=1e-5)


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (3, 9), (20, 21), (None, 4), (17, None)])
def test_a_slice_of_steps_is_a_slice_of_everything(
    client: httpx.Client,
    answer: dict[str, Any],
    everything: dict[str, Any],
    start: int | None,
    stop: int | None,
) -> None:
    span = f"{'' if start is None else start}:{'' if stop is None else stop}"
    url = f"/trace/{answer['trace_id']}?include={EVERYTHING}&steps={span}"
    told = client.get(url).json()
    assert told["steps"] == 21
    assert told["range"] == [start or 0, stop or 21]
    for name in ("inputs", "outputs", "target", *BOTH, "reads", "memory"):
        assert told[name] == everything[name][start:stop], name
    for kind in ("read", "write"):
        for name, value in told["addressing"][kind].items():
            assert value == everything["addressing"][kind][name][start:stop], name
    assert told["controller"]["hidden"] == everything["controller"]["hidden"][start:stop]


def test_chosen_heads_are_all_that_is_told(client: httpx.Client) -> None:
    trace_id = client.post("/predict", json=body(9, model="wide")).json()["trace_id"]
    whole = client.get(f"/trace/{trace_id}?include={EVERYTHING}").json()
    url = f"/trace/{trace_id}?include={EVERYTHING}&heads=write.1,read.0"
    told = client.get(url).json()
    assert told["selected_heads"] == {"read": [0], "write": [1]}
    assert told["heads"] == {"read": 2, "write": 2}
    assert same(array(told["read_weightings"]), array(whole["read_weightings"])[:, :1])
    assert same(array(told["write_weightings"]), array(whole["write_weightings"])[:, 1:])
    assert same(array(told["writes"]["add"]), array(whole["writes"]["add"])[:, 1:])
    assert same(array(told["reads"]), array(whole["reads"])[:, :1])
    key = array(whole["addressing"]["write"]["key"])
    assert same(array(told["addressing"]["write"]["key"]), key[:, 1:])
    one = client.get(f"/trace/{trace_id}?heads=write.0").json()
    assert array(one["read_weightings"]).shape == (9, 0)


def flat(told: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects by dotted names."""
    found: dict[str, Any] = {}
    for name, value in told.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


@pytest.mark.parametrize("by", ["query", "accept"])
@pytest.mark.parametrize(
    ("form", "media"),
    [("npz", "application/x-npz"), ("safetensors", "application/vnd.safetensors")],
)
def test_binary_forms_hold_the_same_bits(
    client: httpx.Client,
    answer: dict[str, Any],
    everything: dict[str, Any],
    form: str,
    media: str,
    by: str,
) -> None:
    url = f"/trace/{answer['trace_id']}?include={EVERYTHING}"
    if by == "query":
        given = client.get(f"{url}&format={form}")
    else:
        given = client.get(url, headers={"accept": f"text/html, {media};q=0.9, */*;q=0.8"})
    assert given.headers["content-type"] == media
    if form == "npz":
        with np.load(io.BytesIO(given.content), allow_pickle=False) as archive:
            tensors = {name: archive[name] for name in archive.files}
        facts = json.loads(str(tensors.pop("facts")))
        assert facts["trace_id"] == answer["trace_id"]
    else:
        tensors = load_safetensors(given.content)
    expected = flat(everything)
    assert len(tensors) == 2 + 1 + 2 + 16 + 2 + 1 + 1 + len(everything["controller"])
    for name, tensor in tensors.items():
        assert tensor.dtype == np.float32
        assert np.array_equal(tensor, array(expected[name]), equal_nan=True), name


def test_pictures_are_pictures(client: httpx.Client, answer: dict[str, Any]) -> None:
    png = client.get(f"/trace/{answer['trace_id']}?format=png")
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(b"\x89PNG\r\n\x1a\n")
    at, compressed = 8, b""
    while at < len(png.content):
        size = int.from_bytes(png.content[at : at + 4], "big")
        if png.content[at + 4 : at + 8] == b"IDAT":
            compressed += png.content[at + 8 : at + 8 + size]
        at += 12 + size
    width, height = (int.from_bytes(png.content[i : i + 4], "big") for i in (16, 20))
    assert len(set(zlib.decompress(compressed))) > 20
    assert width > 500
    assert height > 300
    svg = client.get(f"/trace/{answer['trace_id']}", headers={"accept": "image/svg+xml"})
    assert svg.headers["content-type"] == "image/svg+xml"
    assert "<svg" in svg.text
    assert svg.text.rstrip().endswith("</svg>")


@pytest.mark.parametrize("query", ["heads=read.0", "heads=write.0", "steps=4:5", "include=memory"])
def test_a_part_of_a_trace_is_drawn_too(client: httpx.Client, query: str) -> None:
    trace_id = client.post("/predict", json=body(6)).json()["trace_id"]
    answer = client.get(f"/trace/{trace_id}?format=svg&{query}")
    assert answer.status_code == 200, answer.text


def test_traces_are_listed_newest_first_page_by_page(client: httpx.Client) -> None:
    made = [client.post("/predict", json=body(2, model="odd")).json()["trace_id"] for _ in "12345"]
    seen, cursor, pages = [], "", 0
    while pages < 100:
        page = client.get(f"/trace?model=odd&limit=2{cursor}").json()
        assert page.keys() == {"traces", "next"}
        assert len(page["traces"]) <= 2
        seen += page["traces"]
        pages += 1
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    ids = [trace["trace_id"] for trace in seen]
    assert ids[:5] == made[::-1]
    assert len(set(ids)) == len(ids)
    times = [trace["created_at"] for trace in seen]
    assert times == sorted(times, reverse=True)
    assert {trace["model"] for trace in seen} == {"odd"}
    assert seen[0].keys() == {
        "trace_id",
        "model",
        "version",
        "steps",
        "memory_slots",
        "created_at",
    }


def test_a_page_that_starts_before_new_traces_came_is_not_disturbed(client: httpx.Client) -> None:
    made = [client.post("/predict", json=body(2)).json()["trace_id"] for _ in "1234"]
    first = client.get("/trace?limit=2").json()
    client.post("/predict", json=body(2))
    second = client.get(f"/trace?limit=2&cursor={first['next']}").json()
    ids = [trace["trace_id"] for trace in first["traces"] + second["traces"]]
    assert ids == made[::-1]


def test_a_deleted_trace_is_gone(client: httpx.Client) -> None:
    trace_id = client.post("/predict", json=body(2)).json()["trace_id"]
    answer = client.delete(f"/trace/{trace_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(f"/trace/{trace_id}").json()["code"] == "unknown_trace"
    assert client.delete(f"/trace/{trace_id}").status_code == 404
    listed = client.get("/trace?limit=1000").json()["traces"]
    assert trace_id not in [trace["trace_id"] for trace in listed]


def test_a_trace_that_is_too_large_is_refused_and_the_advice_works(client: httpx.Client) -> None:
    asked = body(600, memory_slots=128)
    trace_id = client.post("/predict", json=asked).json()["trace_id"]
    url = f"/trace/{trace_id}?include=memory,write_weightings"
    refusal = client.get(url)
    assert (refusal.status_code, refusal.json()["code"]) == (413, "response_too_large")
    advice = refusal.json()["error"].rpartition("steps=")[2]
    sliced = client.get(f"{url}&steps={advice}")
    assert sliced.status_code == 200
    steps = len(sliced.json()["memory"])
    assert advice == f"0:{steps}"
    one_more = client.get(f"{url}&steps=0:{steps + 1}")
    assert one_more.status_code == 413
    assert client.get(f"/trace/{trace_id}?format=png").status_code in (200, 413)


def database(server: Server) -> Path:
    """Where the service keeps its traces."""
    return server.log.parent / "data" / "traces.sqlite"


@pytest.mark.parametrize(
    "change",
    [
        "model = 'removed'",
        "version = 7",
        "model_digest = 'of other files'",
        "traces = json_set(traces, '$[0][3]', 'of other outputs')",
    ],
)
def test_a_trace_that_cannot_be_computed_again_is_a_conflict(
    server: Server, client: httpx.Client, change: str
) -> None:
    trace_id = client.post("/predict", json=body(2)).json()["trace_id"]
    assert client.get(f"/trace/{trace_id}").status_code == 200  # it is in its place from now on
    with sqlite3.connect(database(server), timeout=300) as connection:
        connection.execute(f"UPDATE bundles SET {change} WHERE first_id = ?", (trace_id,))
    connection.close()
    told = client.get(f"/trace/{trace_id}")
    assert (told.status_code, told.json()["code"]) == (409, "unreplayable")
    assert trace_id in told.json()["error"]
    assert client.delete(f"/trace/{trace_id}").status_code == 204


def test_a_trace_of_a_copy_of_bits_is_a_few_kilobytes(server: Server, client: httpx.Client) -> None:
    example = client.get("/models/copy/example?length=490").json()
    trace_id = client.post("/predict", json=example).json()["trace_id"]
    assert client.get("/trace").status_code == 200  # what it lists is in its place
    with sqlite3.connect(database(server), timeout=300) as connection:
        query = "SELECT bytes FROM bundles WHERE first_id = ?"
        (size,) = connection.execute(query, (trace_id,)).fetchone()
    connection.close()
    assert size < 10_000


def test_inputs_that_float32_cannot_hold_come_back_as_they_were_used(client: httpx.Client) -> None:
    asked = body(sequence=[[0.1, 1e-50, 16777217, -0.0, 1e30, 1 / 3]])
    told = client.get(f"/trace/{client.post('/predict', json=asked).json()['trace_id']}").json()
    assert same(array(told["inputs"]), array(asked["sequence"]))
    assert told["inputs"] != draw(1).tolist()


def test_controls_are_addressing_without_its_weightings(
    client: httpx.Client, answer: dict[str, Any], everything: dict[str, Any]
) -> None:
    told = client.get(f"/trace/{answer['trace_id']}?include=controls&steps=3:9").json()
    for kind in ("read", "write"):
        controls = told["addressing"][kind]
        assert controls.keys() == {"key", "key_strength", "gate", "shift", "sharpening"}
        for name, value in controls.items():
            assert value == everything["addressing"][kind][name][3:9], name


def test_controls_and_addressing_may_be_asked_together(
    client: httpx.Client, answer: dict[str, Any], everything: dict[str, Any]
) -> None:
    told = client.get(f"/trace/{answer['trace_id']}?include=addressing,controls").json()
    assert told["addressing"] == everything["addressing"]
