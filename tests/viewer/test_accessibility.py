"""The page without a mouse, and as axe sees it."""

from typing import Any

import httpx
import pytest

from tests.viewer.conftest import Windows, until

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


def tab_to(page: Any, wanted: str) -> None:
    """Press Tab until what has the focus matches a selector."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"Tab does not get to {wanted}")


def test_keyboard_only(windows: Windows) -> None:
    page = windows.open()
    page.wait_for_selector("#size-length")
    tab_to(page, "#run-seed")
    page.keyboard.press("Enter")
    page.wait_for_selector("ntm-track-stack")
    tab_to(page, '[data-track="read.0"] [role=slider]')
    for key in ("End", "Home", "PageDown", "PageDown", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_url("**step=21*")
    handle = page.locator('[data-track="read.0"] [role=slider]')
    assert handle.get_attribute("aria-valuenow") == "21"
    page.keyboard.press("ArrowUp")
    up = handle.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowDown")
    down = handle.get_attribute("aria-valuetext")
    assert int(up.split()[3].rstrip(":")) == int(down.split()[3].rstrip(":")) + 1
    page.keyboard.press("Space")
    until(page, "Number(document.querySelector('.scrub').value) >= 23")
    page.keyboard.press("Space")
    tab_to(page, '[data-stage="gated"] input')
    page.keyboard.press("Home")
    tab_to(page, "ntm-what-if .primary")
    page.keyboard.press("Enter")
    page.wait_for_selector(".columns")
    tab_to(page, "[data-track='difference.read.0'] [role=slider]")


@pytest.fixture(scope="module")
def compared(api: httpx.Client, example: dict[str, Any], trace: str) -> str:
    """The same with a gate pinned."""
    item = {"steps": "21:", "head": "read.0", "set": {"gate": 0}}
    return api.post("/predict", json={**example, "interventions": [item]}).json()["trace_id"]


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["1280", "390"])
def test_axe_finds_nothing(
    windows: Windows, trace: str, compared: str, size: dict[str, int]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    windows.expected = ("404",)
    for path, wait in (
        ("/", "#size-length"),
        ("/?trace=nothing", "[data-state-of=failed]:not([hidden])"),
        (f"/?trace={trace}&step=25&head=read.0", ".sources"),
        (f"/?view=compare&trace={trace}&other={compared}&step=22", ".columns"),
        (f"/?view=traces&trace={trace}", "ntm-traces tbody tr"),
        ("/?view=story", "ntm-story .hop"),
        ("/?view=live", "#live-model option"),
    ):
        page = windows.open(path, wait, viewport=size)
        if "step=25" in path:
            page.get_by_role("button", name="Ablate the head").click()
            page.get_by_role("button", name="Draw the input").click()
            page.wait_for_selector(".bits-row")
            page.wait_for_selector(".findings")
        if "live" in path:
            page.get_by_role("button", name="Start a session").click()
            page.get_by_role("button", name="Feed the drawn steps").click()
            page.wait_for_selector("ntm-live ntm-heat-track")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_selector(f":root[data-theme={scheme}]")
            found = axe.run(page).response["violations"]
            told = [(each["id"], each["nodes"][0]["html"][:200]) for each in found]
            assert told == [], (path, scheme)
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len(set(ids)), path
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], path
