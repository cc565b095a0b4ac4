"""A real browser before the real service on the shipped models."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.running import Server, serving

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
STEP = 25  # of the run that most tests look at: the read head answers


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service as it is shipped."""
    with serving(ROOT / "models", tmp_path_factory.mktemp("viewer")) as server:
        yield server


@pytest.fixture(scope="module")
def api(service: Server) -> Iterator[httpx.Client]:
    """Asks the service what the page should show."""
    with service.client() as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. Of a module, not of the session: its event loop runs as long as it is open."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Windows:
    """Opens windows, and keeps what went wrong in them."""

    def __init__(self, browser: Any, url: str) -> None:
        self.browser, self.url = browser, url
        self.contexts: list[Any] = []
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.expected: tuple[str, ...] = ()  # what an error may say

    def open(
        self, path: str = "/", wait: str = "#begin:visible, ntm-track-stack:visible", **options: Any
    ) -> Any:
        """A page of a context of its own, once it shows something."""
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        context = self.browser.new_context(**options)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.url)
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(self.url + path)
        page.locator(wait).first.wait_for(state="attached" if " option" in wait else "visible")
        return page


@pytest.fixture
def windows(browser: Any, service: Server) -> Iterator[Windows]:
    """Windows; in the end no script has failed in them and no request has left the server."""
    windows = Windows(browser, service.url)
    yield windows
    for context in windows.contexts:
        context.close()
    told = [e for e in windows.errors if not any(each in e for each in windows.expected)]
    assert not told
    assert windows.requests
    inside = (service.url, "data:", f"blob:{service.url}")
    assert [url for url in windows.requests if not url.startswith(inside)] == []


@pytest.fixture(scope="module")
def example(api: httpx.Client) -> dict[str, Any]:
    """A request to copy 20 vectors."""
    return api.get("/models/copy/example?length=20&seed=1").json()


@pytest.fixture(scope="module")
def trace(api: httpx.Client, example: dict[str, Any]) -> str:
    """The trace of that."""
    return api.post("/predict", json=example).json()["trace_id"]


@pytest.fixture(scope="module")
def stages(api: httpx.Client, trace: str) -> dict[str, Any]:
    """Everything about its step STEP."""
    asked = "include=outputs,read_weightings,write_weightings,addressing,memory,reads"
    return api.get(f"/trace/{trace}?{asked}&steps={STEP}:{STEP + 1}").json()


def track(page: Any, name: str) -> Any:
    """A track by its id."""
    return page.locator(f'[data-track="{name}"]')


def until(page: Any, expression: str) -> None:
    """Wait until an expression holds; the page's policy lets nobody evaluate text inside it."""
    deadline = time.monotonic() + 120
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(30)


def number(text: str) -> float:
    """The number that a readout ends with."""
    return float(text.rpartition(": ")[2].replace("−", "-").split()[0])
