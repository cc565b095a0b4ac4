"""From an example to a what-if and its difference; live sessions; the list of traces; keys."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.service.running import serving
from tests.viewer.conftest import ROOT, Windows, number, track, until


def changed_bits(api: httpx.Client, first: str, second: str) -> tuple[int, int]:
    """How many output bits two runs answer otherwise: of those the target asks for, and of all."""
    one, other = (
        api.get(f"/trace/{name}?include=outputs,target").json() for name in (first, second)
    )
    apart = (np.array(one["outputs"]) > 0.5) != (np.array(other["outputs"]) > 0.5)
    asked = ~np.isnan(np.array(one["target"], float))
    return int(apart[asked].sum()), int(apart.sum())


def test_the_whole_way(windows: Windows, api: httpx.Client) -> None:
    page = windows.open()
    page.wait_for_selector("#size-length")
    page.get_by_role("button", name="Run this example").click()
    page.wait_for_selector("ntm-track-stack")
    page.fill('[aria-label="go to step"]', "21")
    page.keyboard.press("Enter")
    page.wait_for_url("**step=21*")
    page.wait_for_selector("ntm-microscope:not([data-loading]) .said:not(:empty)")
    page.select_option("#scope", "on")
    gate = page.locator('[data-stage="gated"] input')
    gate.scroll_into_view_if_needed()
    box = gate.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.02, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 5, box["y"] + box["height"] / 2, steps=6)
    page.mouse.up()
    assert page.locator(".changes li").all_inner_texts() == ["read.0: gate = 1 from step 21 on×"]
    assert "1, was " in page.inner_text('[data-stage="gated"] output')
    assert "then" in page.inner_text('[data-stage="weighting"] .value')
    said = page.locator("ntm-microscope > .said")
    assert said.first.inner_text().startswith("As it ran: At step 21, read.0")
    assert said.last.inner_text().startswith(
        "With your change, all before it as it ran: At step 21"
    )
    gated = page.inner_text('[data-stage="gated"]')
    assert "With your change: Takes the content match" in gated
    assert "As it ran: Blends: takes 51 %" in gated
    assert "1 change is not run yet" in page.inner_text("#pending")
    page.get_by_role("button", name="Run again with this").click()
    page.wait_for_selector(".columns")
    first, second = (page.url.split(f"{name}=")[1].split("&")[0] for name in ("trace", "other"))
    told = api.get(f"/trace/{first}/difference/{second}").json()
    assert told["first"]["step"] == 21
    wrong = api.get(f"/trace/{second}?include=inputs&steps=0:1").json()["interventions"]
    assert (wrong[0]["steps"], wrong[0]["set"]["gate"]) == ("21:", 1)
    said = page.inner_text(".headline")
    assert "They part at step 21" in said
    asked, changed = changed_bits(api, first, second)
    assert (
        f"Of the output bits that the target asks for, {asked} differ; of all, {changed}." in said
    )
    assert asked < changed == told["changed_bits"]["count"]
    assert told["changed_bits"]["count"] > 10
    assert page.locator(".column").count() == 3
    gated = page.locator("tr", has_text="addressing.read.gate").first
    stage = next(each for each in told["stages"] if each["stage"] == "addressing.read.gate")
    assert float(gated.locator(".number").first.inner_text()) == pytest.approx(
        stage["maximum"], rel=1e-3
    )
    handle = page.locator('[data-track="difference.outputs"]').get_by_role("slider")
    handle.focus()
    page.keyboard.press("ArrowUp")
    outputs = [
        api.get(f"/trace/{one}?include=outputs&steps=21:22").json()["outputs"][0][1]
        for one in (first, second)
    ]
    text = handle.get_attribute("aria-valuetext")
    assert text.startswith("step 21, bit 1: ")
    assert number(text) == pytest.approx(outputs[0] - outputs[1], rel=1e-3, abs=1e-6)
    page.get_by_role("button", name="Watch B").click()
    until(page, "document.querySelector('#changed')?.textContent.includes('gate = 1')")
    page.go_back()
    page.wait_for_selector(".columns")


def test_changes_can_be_undone(windows: Windows, trace: str) -> None:
    page = windows.open(f"/?trace={trace}&step=25&head=read.0")
    page.wait_for_selector("ntm-microscope:not([data-loading]) .said:not(:empty)")
    page.get_by_role("button", name="Ablate the head").click()
    slider = page.locator('[data-stage="shifted"] input')
    slider.focus()
    page.keyboard.press("Home")
    assert page.locator(".changes li").count() == 2
    page.get_by_role("button", name="Undo").click()
    assert page.locator(".changes li").count() == 1
    page.keyboard.press("Control+z")
    assert page.locator(".changes li").count() == 0
    assert page.get_by_role("button", name="Run again with this").is_disabled()


def test_an_input_bit_and_a_memory_cell_are_changed(
    windows: Windows, api: httpx.Client, trace: str, example: dict[str, Any]
) -> None:
    page = windows.open(f"/?trace={trace}&step=3&head=read.0")
    page.wait_for_selector("ntm-memory:not([data-loading]) .sources")
    track(page, "inputs").get_by_role("slider").focus()
    page.keyboard.press("Enter")
    page.get_by_role("slider", name="Memory that the reads see").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")
    assert page.locator(".changes li").count() == 2
    page.get_by_role("button", name="Run again with this").click()
    page.wait_for_selector(".columns")
    other = page.url.split("other=")[1].split("&")[0]
    told = api.get(f"/trace/{other}?include=inputs,memory&steps=3:4").json()
    assert told["inputs"][0][0] == 1 - example["sequence"][3][0]
    slot = next(item["slot"] for item in told["interventions"] if item["set"].get("memory"))
    assert told["memory"][0][slot][0] == 0.5


def test_an_input_is_drawn(windows: Windows, api: httpx.Client) -> None:
    page = windows.open()
    page.wait_for_selector("#size-length")
    page.fill("#size-length", "3")
    page.get_by_role("button", name="Draw the input").click()
    cell = page.locator('[data-step="1"][data-bit="2"]')
    before = cell.get_attribute("aria-pressed")
    cell.click()
    assert cell.get_attribute("aria-pressed") != before
    page.keyboard.press("ArrowRight")
    right = page.locator('[data-step="2"][data-bit="2"]')
    was = right.get_attribute("aria-pressed")
    page.keyboard.press("Space")
    assert right.get_attribute("aria-pressed") != was
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_selector("ntm-track-stack")
    assert "2 wrong bits" in page.inner_text("#summary")  # it copies what was drawn
    trace = page.url.split("trace=")[1].split("&")[0]
    told = api.get(f"/trace/{trace}?include=inputs").json()["inputs"]
    assert told[1][2] == float(before == "false")
    assert told[2][2] == float(was == "false")


def test_recent_traces(windows: Windows, api: httpx.Client, trace: str) -> None:
    other = api.get("/models/repeat-copy/example").json()
    another = api.post("/predict", json=other).json()["trace_id"]
    page = windows.open(f"/?view=traces&trace={trace}", "ntm-traces tbody tr")
    page.select_option("#traces-model", "repeat-copy")
    until(page, "document.querySelectorAll('ntm-traces tbody tr').length === 1")
    page.select_option("#traces-model", "")
    page.fill("#traces-text", another)
    rows = page.locator("ntm-traces tbody tr:visible")
    rows.get_by_text("repeat-copy/1").wait_for()
    assert rows.count() == 1
    page.on("dialog", lambda dialog: dialog.accept())
    rows.get_by_role("button", name="Delete").click()
    until(page, f"!document.querySelector('ntm-traces').textContent.includes('{another}')")
    assert api.get(f"/trace/{another}").status_code == 404
    page.fill("#traces-text", trace)
    page.get_by_role("button", name=trace, exact=True).click()
    page.wait_for_selector("ntm-track-stack")


def test_a_session_is_watched_live(windows: Windows, api: httpx.Client) -> None:
    page = windows.open("/?view=live", "#live-model option")
    page.get_by_role("button", name="Start a session").click()
    page.get_by_role("button", name="Feed an example").click()
    until(page, "/ [4-9] steps so far/.test(document.querySelector('ntm-live .said').textContent)")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Feed the drawn steps").wait_for()
    session = page.inner_text("ntm-live .said").split()[1].rstrip(":")
    page.wait_for_timeout(500)
    position = api.get(f"/sessions/{session}").json()["position"]
    assert f" {position} steps so far" in page.inner_text("ntm-live .said")
    assert page.locator("ntm-live ntm-heat-track").count() == 4
    page.get_by_text("Draw the next steps").click()
    page.get_by_role("button", name="Feed the drawn steps").click()
    until(
        page,
        f"document.querySelector('ntm-live .said').textContent.includes(' {position + 4} steps')",
    )
    page.get_by_role("button", name="Open its trace").click()
    page.wait_for_selector("#summary strong")
    assert f"ran {position + 4} steps" in page.inner_text("#summary")
    page.go_back()
    page.get_by_role("button", name="End the session").click()
    page.get_by_text("has ended").wait_for()
    assert api.get(f"/sessions/{session}").status_code == 404


def test_a_service_with_keys_is_asked_with_one(
    browser: Any, tmp_path: Path, repository: Path
) -> None:
    with serving(ROOT / "models", tmp_path, api_keys="secret") as server:
        windows = Windows(browser, server.url)
        page = windows.open("/", "dialog[open]")
        page.fill("#api-key", "wrong")
        page.get_by_role("button", name="Use this key").click()
        until(page, "document.querySelector('#api-key').value === ''")
        page.fill("#api-key", "secret")
        page.get_by_role("button", name="Use this key").click()
        page.wait_for_selector("#size-length")
        page.get_by_role("button", name="Run this example").click()
        page.wait_for_selector("ntm-track-stack")
        assert "secret" not in page.url
        page.reload()  # the key is still there
        page.wait_for_selector("ntm-track-stack")
        for context in windows.contexts:
            context.close()


def test_the_description_of_the_api_opens_where_a_key_is_needed(
    browser: Any, tmp_path: Path, repository: Path
) -> None:
    with serving(repository, tmp_path, api_keys="secret", engine="onnx") as server:
        windows = Windows(browser, server.url)
        page = windows.open("/docs", "dialog[open]")
        assert "/predict" not in page.content()
        page.fill("#api-key", "secret")
        page.get_by_role("button", name="Use this key").click()
        page.get_by_role("heading", name="POST /predict").wait_for()
        page.get_by_role("link", name="openapi.json").click()
        page.wait_for_url("blob:**")
        assert "securitySchemes" in page.inner_text("body")
        for context in windows.contexts:
            context.close()
