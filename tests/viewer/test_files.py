"""What the server sends for the page: its own files and nothing else, without a key."""

import re
import socket
from pathlib import Path

import httpx
import pytest

from service.api.viewer import FILES
from tests.service.running import serving
from tests.viewer.conftest import ROOT

VIEWER = ROOT / "service" / "viewer"


@pytest.fixture(scope="module")
def client(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> httpx.Client:
    """A client without a key of a service that wants one."""
    with (
        serving(repository, tmp_path_factory.mktemp("page"), api_keys="key") as server,
        server.client() as client,
    ):
        yield client


def test_every_file_comes_with_its_type_and_a_strict_policy(client: httpx.Client) -> None:
    assert len(FILES) > 20
    for path in FILES:
        answer = client.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/").text == (VIEWER / "index.html").read_text()
    assert client.get("/viewer/main.js").headers["content-type"].startswith("text/javascript")


def test_a_browser_that_has_a_file_gets_304(client: httpx.Client) -> None:
    first = client.get("/viewer/style.css")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/viewer/style.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/viewer/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200
    head = client.head("/viewer/style.css")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/viewer/",
        "/viewer",
        "/viewer/nothing.js",
        "/viewer/parts",
        "/viewer/parts/",
        "/viewer/parts/../../keys.py",
        "/viewer/../keys.py",
        "/viewer/..%2fkeys.py",
        "/viewer/%2e%2e/keys.py",
        "//viewer/main.js",
        "/viewer/MAIN.JS",
    ],
)
def test_nothing_else_is_open(client: httpx.Client, path: str) -> None:
    """Over a socket, because clients tidy paths up before they send them."""
    url = client.base_url
    with socket.create_connection((url.host, url.port or 0), timeout=300) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert connection.makefile("rb").readline().split()[1] == b"401"
    with_key = client.get(path, headers={"X-API-Key": "key"})
    assert (with_key.status_code, with_key.json()["code"]) == (404, "not_found")


def test_only_getting_is_open(client: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert client.request(method, "/").status_code == 401
        assert client.request(method, "/viewer/main.js").status_code == 401
    assert client.get("/models").status_code == 401


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    page = (VIEWER / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert re.findall(r"<script[^>]*>", page) == ['<script type="module" src="viewer/main.js">']
    for file in VIEWER.rglob("*"):
        if file.suffix in (".js", ".css", ".html"):
            text = file.read_text()
            assert not re.search(r"""(?:src|href|url|import|from)\W{1,3}(?:https?:)?//""", text), (
                file
            )
            assert "innerHTML" not in text


def test_every_module_is_loaded_from_the_first_of_a_page() -> None:
    seen, waiting = set(), [VIEWER / "main.js", VIEWER / "pages" / "docs.js"]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            imported = re.findall(r'from "(\.[\w./-]+\.js)"', module.read_text())
            waiting += [(module.parent / path).resolve() for path in imported]
    assert seen == set(VIEWER.rglob("*.js"))
