"""API keys: no way round them, and each sees only its own traces and sessions."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.bodies import body, draw
from tests.service.running import Server, serving
from tests.service.sessions.streams import begin, send

ALICE, BOB = "alice-key", "bøb key"


@pytest.fixture(scope="module")
def guarded(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with two keys."""
    folder = tmp_path_factory.mktemp("guarded")
    with serving(repository, folder, api_keys=f"{ALICE}, {BOB},,") as server:
        yield server


@pytest.fixture
def alice(guarded: Server) -> Iterator[httpx.Client]:
    """Asks as the specification of bearer tokens says."""
    with guarded.client(headers={"Authorization": f"Bearer {ALICE}"}) as client:
        yield client


@pytest.fixture
def bob(guarded: Server) -> Iterator[httpx.Client]:
    """Asks with the other header."""
    with guarded.client(headers={"X-API-Key": BOB.encode()}) as client:
        yield client


@pytest.fixture
def stranger(guarded: Server) -> Iterator[httpx.Client]:
    """Has no key."""
    with guarded.client() as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/predict",
        "/predict/",
        "//predict",
        "/./predict",
        "/v2/health/../../predict",
        "/v2/health/live/../../../models",
        "/v2/health/live/",
        "//v2/health/live",
        "/v2/health/live%2f..%2f..%2f..%2fmodels",
        "/v2/health/LIVE",
        "/V2/health/live",
        "/v2",
        "/v2/models/copy",
        "/models",
        "/models/",
        "/models/copy/example",
        "/trace",
        "/trace/x",
        "/sessions",
        "/sessions/x/steps",
        "/metrics",
        "/docs/",
        "/docs/operations",
        "/docs/oauth2-redirect",
        "/redoc",
        "/openapi.json",
        "/nothing",
        "*",
        "http://elsewhere/v2/health/live/../ready/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE", "TRACE"])
def test_every_route_needs_a_key(guarded: Server, method: str, path: str) -> None:
    """Over a socket, because clients tidy paths up before they send them."""
    url = httpx.URL(guarded.url)
    with socket.create_connection((url.host, url.port or 0), timeout=300) as connection:
        request = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        status = connection.makefile("rb").readline()
    assert status.split()[1] in (b"401", b"400"), status  # 400 where it is no HTTP at all
    if path.startswith("/"):
        assert status.split()[1] == b"401", status


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/v2/health/ready?x=1"])
def test_probes_need_none(stranger: httpx.Client, path: str) -> None:
    assert stranger.get(path).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": ALICE},
        {"Authorization": f"Basic {ALICE}"},
        {"Authorization": f"Bearer {ALICE}x"},
        {"Authorization": f"Bearer {ALICE[:-1]}"},
        {"Authorization": f"Bearer {ALICE},{ALICE}"},
        {"X-API-Key": ""},
        {"X-API-Key": f"{ALICE}, {BOB}".encode()},
        {"X-API-Key": ALICE.upper()},
        {"X-API-Key": b"\xff\xfe"},
        {"Cookie": f"key={ALICE}"},
    ],
)
def test_a_wrong_key_is_refused(stranger: httpx.Client, headers: dict[str, str]) -> None:
    answer = stranger.get("/models", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert ALICE not in answer.text


def test_the_page_of_the_api_opens_and_holds_nothing_before_it_has_a_key(
    stranger: httpx.Client, alice: httpx.Client
) -> None:
    page = stranger.get("/docs")
    assert page.status_code == 200
    assert "/predict" not in page.text
    assert "POST /predict" in alice.get("/docs/operations").text


def test_the_document_says_which_header_a_key_travels_in(alice: httpx.Client) -> None:
    told = alice.get("/openapi.json").json()
    schemes = told["components"]["securitySchemes"]
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    assert (schemes["api_key"]["in"], schemes["api_key"]["name"]) == ("header", "X-API-Key")
    assert told["security"] == [{"bearer": []}, {"api_key": []}]
    open_to_all = {
        path
        for path, methods in told["paths"].items()
        for operation in methods.values()
        if operation.get("security") == []
    }
    assert open_to_all == {"/v2/health/live", "/v2/health/ready"}


def test_a_key_in_the_query_is_no_key(stranger: httpx.Client) -> None:
    assert stranger.get(f"/models?api_key={ALICE}").status_code == 401


def test_either_header_and_either_key_is_let_in(alice: httpx.Client, bob: httpx.Client) -> None:
    for client in (alice, bob):
        for path in ("/models", "/metrics", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200


def test_a_key_sees_only_its_own_traces(alice: httpx.Client, bob: httpx.Client) -> None:
    trace = alice.post("/predict", json=body()).json()["trace_id"]
    assert alice.get(f"/trace/{trace}").status_code == 200
    assert trace in alice.get("/trace").text
    for refused in (bob.get(f"/trace/{trace}"), bob.delete(f"/trace/{trace}")):
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_trace")
    assert trace not in bob.get("/trace").text
    assert alice.delete(f"/trace/{trace}").status_code == 204


def test_a_key_sees_only_its_own_sessions(alice: httpx.Client, bob: httpx.Client) -> None:
    session = begin(alice)
    assert send(alice, session, draw(4)).status_code == 200
    for refused in (
        bob.get(f"/sessions/{session}"),
        send(bob, session, draw(4)),
        bob.delete(f"/sessions/{session}"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_session")
    assert bob.get(f"/trace/{session}").status_code == 404
    assert alice.get(f"/sessions/{session}").json()["position"] == 4
    assert alice.get(f"/trace/{session}").status_code == 200


def test_refusals_are_counted(alice: httpx.Client, stranger: httpx.Client) -> None:
    stranger.get("/models")
    assert 'code="unauthorized"' in alice.get("/metrics").text


def test_keys_are_told_nowhere(guarded: Server, alice: httpx.Client) -> None:
    alice.get("/models")
    assert ALICE not in guarded.log.read_text()
