"""Probes, metrics and the description of the API."""

import re

import httpx
import pytest

from tests.service.bodies import body


def value(text: str, metric: str) -> float:
    """One sample of /metrics, 0 if it is not there yet."""
    found = re.search(rf"^{re.escape(metric)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_probes_answer_in_json(client: httpx.Client) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/metrics", "/docs"])
def test_a_probe_may_ask_for_the_head_only(client: httpx.Client, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.get(path).headers["content-type"] == answer.headers["content-type"]


def test_metrics_count_requests_steps_and_errors(client: httpx.Client) -> None:
    good = 'ntm_requests_total{code="ok",model="odd",route="/predict",status="200"}'
    bad = 'ntm_requests_total{code="empty_sequence",model="",route="/predict",status="422"}'
    steps = 'ntm_steps_total{model="odd",version="1"}'
    before = client.get("/metrics").text
    client.post("/predict", json=body(17, model="odd"))
    client.post("/predict", json=body(sequence=[]))
    after = client.get("/metrics")
    assert after.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert value(after.text, good) == value(before, good) + 1
    assert value(after.text, bad) == value(before, bad) + 1
    assert value(after.text, steps) == value(before, steps) + 17
    told = 'ntm_model_info{device="cpu",engine="native",model="copy",version="1"}'
    assert value(after.text, told) == 1
    assert value(after.text, 'ntm_queued_steps{model="copy",version="1"}') == 0


def test_metrics_never_hold_what_a_client_typed(client: httpx.Client) -> None:
    client.get("/nothing-of-this-name")
    client.get("/trace/some-odd-trace")
    client.post("/predict", json=body(model="some-odd-model"))
    text = client.get("/metrics").text
    assert "odd-" not in text
    assert "nothing-of" not in text
    assert 'route="/trace/{trace_id}",status="404"' in text


def test_the_api_describes_itself(client: httpx.Client) -> None:
    assert "POST /predict" in client.get("/docs").text
    told = client.get("/openapi.json").json()
    assert told["paths"].keys() >= {
        "/predict",
        "/trace",
        "/trace/{trace_id}",
        "/models",
        "/models/{name}",
        "/models/{name}/example",
        "/v2/health/live",
        "/v2/health/ready",
        "/metrics",
    }
    asked = told["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert {"$ref": "#/components/schemas/PredictRequest"} in asked["schema"]["oneOf"]
    assert "sequence" in told["components"]["schemas"]["PredictRequest"]["properties"]


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/models", "/trace"])
def test_a_path_may_end_with_a_slash(client: httpx.Client, path: str) -> None:
    assert client.get(f"{path}/", follow_redirects=True).status_code == 200
