"""Accept headers: what is refused is not chosen, and the highest quality is."""

from typing import Any

import httpx
import pytest

from service.http.compression import accepts_gzip
from service.http.negotiation import preferred
from tests.service.bodies import body

SAFE = "application/vnd.safetensors"
KINDS = {"application/json": "json", SAFE: "safetensors"}

CHOICES = {
    "": "json",
    "*/*": "json",
    SAFE: "safetensors",
    f"{SAFE}, */*": "safetensors",
    f"*/*, {SAFE}": "safetensors",
    f"{SAFE};q=0": "json",
    f"{SAFE}; Q=0.000, */*": "json",
    f"{SAFE};q=0.5, application/json": "json",
    f"{SAFE};q=0.5, */*;q=0.8": "json",
    f"application/json;q=0.2, {SAFE};q=0.3": "safetensors",
    "application/json;q=0, */*": "safetensors",
    "text/html": "json",
    f"{SAFE};q=nonsense": "safetensors",
    f"text/html;q=0, {SAFE};v=1;q=0.1": "safetensors",
}


@pytest.mark.parametrize("accept", CHOICES)
def test_the_highest_quality_is_chosen(accept: str) -> None:
    assert preferred(accept, KINDS, "json") == CHOICES[accept]


@pytest.mark.parametrize(
    ("header", "accepts"),
    [("gzip", True), ("br, gzip;q=0.1", True), ("gzip;q=0", False), ("gzip; q=0.0", False)],
)
def test_codings_have_qualities_too(header: str, accepts: bool) -> None:
    assert accepts_gzip(header) is accepts


@pytest.mark.parametrize("accept", [f"{SAFE};q=0", f"{SAFE};q=0.5, application/json"])
def test_a_refused_kind_is_not_what_comes(client: httpx.Client, accept: str) -> None:
    headers = {"accept": accept}
    answer = client.post("/predict", json=body(3), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    trace: Any = client.get(f"/trace/{answer.json()['trace_id']}", headers=headers)
    assert (trace.status_code, trace.headers["content-type"]) == (200, "application/json")
