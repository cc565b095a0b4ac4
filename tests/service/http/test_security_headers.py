"""What browsers are told with every answer."""

import re
from pathlib import Path

import httpx
import pytest

from tests.service.running import serving

ORIGIN = {"Origin": "https://example.org"}


@pytest.mark.parametrize("path", ["/models", "/docs", "/nothing", "/trace/none", "/metrics"])
def test_every_answer_has_them(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy


def test_the_docs_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "POST /predict" in page.text
    assert "POST /sessions/{session_id}/steps" in page.text
    assert not re.search(r"https?://|//[a-z]|<script|<link|<img|@import|url\(", page.text)


def test_no_other_origin_may_ask_by_default(client: httpx.Client) -> None:
    answer = client.get("/models", headers=ORIGIN)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = ORIGIN | {"Access-Control-Request-Method": "POST"}
    assert client.options("/predict", headers=preflight).status_code == 405


def test_a_listed_origin_may_ask(repository: Path, tmp_path: Path) -> None:
    given = {"cors_origins": "https://example.org", "api_keys": "key"}
    with serving(repository, tmp_path, **given) as server, server.client() as client:
        preflight = ORIGIN | {"Access-Control-Request-Method": "POST"}
        answer = client.options("/predict", headers=preflight)
        assert answer.headers["access-control-allow-origin"] == "https://example.org"
        assert client.get("/models", headers=ORIGIN).status_code == 401
        other = client.get("/models", headers={"Origin": "https://example.com"})
        assert "access-control-allow-origin" not in other.headers
