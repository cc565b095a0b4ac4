"""The whole API asked at random by its own OpenAPI document: no 5xx, and what comes is declared."""

import re
import warnings
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from service.api.documents.responses import SAFETENSORS
from tests.service.bodies import body, draw
from tests.service.running import Server

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
EXAMPLES = {schemathesis.GenerationMode.POSITIVE: 20, schemathesis.GenerationMode.NEGATIVE: 10}
TENSOR = {"name": "sequence", "shape": [4, 6], "datatype": "FP32", "data": draw(4).tolist()}


@schemathesis.serializer(SAFETENSORS)
def as_bytes(ctx: Any, value: Any) -> Any:
    """A binary body as it is."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    """The document that the running service tells."""
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


@pytest.fixture(scope="module")
def real(client: httpx.Client) -> dict[str, str]:
    """Parts of paths that name something."""
    return {
        "model": "copy",
        "name": "copy",
        "version": "1",
        "trace_id": client.post("/predict", json=body(5)).json()["trace_id"],
        "other_id": client.post("/predict", json=body(7, seed=2)).json()["trace_id"],
        "session_id": client.post("/sessions", json={"model": "copy"}).json()["session_id"],
    }


def operations(document: Any) -> list[Any]:
    """Every operation of it whose answer ends."""
    found = [each.ok() for each in document.get_all_operations()]
    return [operation for operation in found if not operation.path.endswith("/events")]


def ask_often(operation: Any, ask: Callable[[Any], None], mode: Any) -> None:
    """Ask with random requests, the same ones at every run."""

    @seed(1)
    @settings(
        max_examples=EXAMPLES[mode],
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        ask(case)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run()


def test_every_route_is_in_the_document(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method, told in methods.items():
            assert told["description"], (method, path)
            for status, answer in told["responses"].items():
                assert status == "204" or answer["content"], (method, path, status)
    assert {"/predict", "/trace/{trace_id}", "/sessions/{session_id}/steps", "/v2"} <= set(paths)
    assert "HTTPValidationError" not in client.get("/openapi.json").text


def test_operations_have_names_that_a_generated_client_can_use(client: httpx.Client) -> None:
    told = client.get("/openapi.json").json()
    ids = [o["operationId"] for methods in told["paths"].values() for o in methods.values()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in ids), ids
    assert {"predict", "get_trace", "list_models", "get_example", "infer"} <= set(ids)
    assert "servers" not in told
    assert "securitySchemes" not in told["components"]  # no key is needed here


def test_bodies_have_names_that_a_generated_client_can_use(client: httpx.Client) -> None:
    told = client.get("/openapi.json").json()
    named = {
        operation["operationId"]: operation["requestBody"]["content"]["application/json"]["schema"]
        for methods in told["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    }
    expected = {
        "predict": ["PredictRequest", "TextPredictRequest"],
        "open_session": ["SessionRequest"],
        "post_steps": ["PieceRequest", "TextPieceRequest"],
        "infer": ["InferBody"],
        "infer_of_version": ["InferBody"],
        "repository_index": ["IndexRequest"],
        "load_model": ["LoadRequest"],
        "unload_model": ["LoadRequest"],
        "put_log_level": ["LogLevel"],
    }
    schemas = told["components"]["schemas"]
    for operation, names in expected.items():
        references = [{"$ref": f"#/components/schemas/{name}"} for name in names]
        assert named[operation] == ({"oneOf": references} if len(names) > 1 else references[0])
        assert set(names) <= schemas.keys()
    assert named.keys() == expected.keys()
    assert "gate" in schemas["PredictRequest"]["properties"]["include"]["items"]["enum"]
    assert schemas["PieceRequest"]["required"] == ["sequence"]
    assert "sequence" not in schemas["TextPieceRequest"]["properties"]


def test_an_example_declares_the_sizes_of_the_tasks_served(client: httpx.Client) -> None:
    told = client.get("/openapi.json").json()["paths"]["/models/{name}/example"]["get"]
    declared = {parameter["name"]: parameter for parameter in told["parameters"]}
    sizes = client.get("/models/copy").json()["example_sizes"]
    assert sizes
    assert declared.keys() == {"name", "seed", "version", *sizes}
    for name, size in sizes.items():
        schema = declared[name]["schema"]
        assert (schema["minimum"], schema["maximum"]) == (size["low"], size["high"])
        assert size["meaning"] in declared[name]["description"]
        asked = client.get("/models/copy/example", params={name: size["low"]})
        assert asked.status_code == 200


def test_requests_that_fit_the_document(document: Any) -> None:
    for operation in operations(document):
        ask_often(
            operation,
            lambda case: case.call_and_validate(checks=CHECKS),
            schemathesis.GenerationMode.POSITIVE,
        )


def test_requests_that_do_not_fit_the_document(document: Any, real: dict[str, str]) -> None:
    def ask(case: Any) -> None:
        case.call_and_validate(checks=[*CHECKS, negative_data_rejection])
        case.path_parameters = {name: real[name] for name in case.path_parameters or {}}
        case.call_and_validate(checks=CHECKS)

    for operation in operations(document):
        if operation.body or operation.query:  # else there is nothing to get wrong
            ask_often(operation, ask, schemathesis.GenerationMode.NEGATIVE)


def test_requests_that_reach_a_model(document: Any, real: dict[str, str]) -> None:
    """Random requests mostly name no model, trace or session that is there: put in one that is."""
    sound = {"model": "copy", "sequence": draw(4).tolist(), "inputs": [TENSOR]}
    sound["timeout"] = 30  # one of next to nothing is rightly answered with 504
    reached: dict[str, set[int]] = {}

    def aim(case: Any) -> None:
        if case.method == "DELETE":
            return
        case.path_parameters = {name: real[name] for name in case.path_parameters or {}}
        if isinstance(case.body, dict):
            fields = case.body
            for name, value in sound.items():
                if name in fields:
                    fields[name] = value
            for name in ("version", "target", "memory_slots", "position"):
                if len(str(fields)) % 2:  # a coin that falls the same way at every run
                    fields.pop(name, None)
        answer = case.call_and_validate(checks=CHECKS)
        reached.setdefault(case.operation.label, set()).add(answer.status_code)

    for operation in operations(document):
        ask_often(operation, aim, schemathesis.GenerationMode.POSITIVE)
    for label, statuses in reached.items():
        if "/log-level" in label or "/v2/repository/models" in label:
            assert statuses == {403}, (label, statuses)  # they need an operator's key
        elif label.endswith("/margin"):
            assert statuses == {422}, (label, statuses)  # no slot of this model is a sentence
        else:
            assert statuses & {200, 201}, (label, statuses)
