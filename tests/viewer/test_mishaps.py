"""What goes wrong, or is another case than the usual: lost answers, odd pairs, other tasks."""

import math
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.running import serving
from tests.viewer.conftest import ROOT, Windows, track, until


def trace_of(api: httpx.Client, request: dict[str, Any]) -> str:
    """The trace of a request."""
    told = api.post("/predict", json=request).json()
    return str(told["trace_id"])


def test_probabilities_have_a_cost_and_no_wrong_bits(windows: Windows, api: httpx.Client) -> None:
    trace = trace_of(api, api.get("/models/dynamic-ngrams/example?length=60&seed=2").json())
    told = api.get(f"/trace/{trace}?include=outputs,target").json()
    pairs = [
        (output[0], target[0])
        for output, target in zip(told["outputs"], told["target"], strict=True)
        if target is not None and target[0] is not None
    ]
    cost = -sum(math.log2(output if target else 1 - output) for output, target in pairs)
    page = windows.open(f"/?trace={trace}&step=40")
    said = page.inner_text("#summary")
    assert f"its predictions cost {cost:.1f} bits, a coin’s {len(pairs)}" in said
    assert "wrong" not in said
    assert "wrong" not in page.inner_text("ntm-legend")
    shown = track(page, "outputs").locator(".value").inner_text()
    assert float(shown) == pytest.approx(told["outputs"][40][0], rel=1e-3)


def test_each_task_is_told_and_fixed_slots_cannot_be_chosen(windows: Windows) -> None:
    page = windows.open()
    page.wait_for_selector("#size-length")
    assert "says it again" in page.inner_text("ntm-run-form")
    page.select_option("#run-model", "priority-sort")
    page.wait_for_selector("#size-items")
    assert "each with a priority" in page.inner_text("ntm-run-form")
    slots = page.locator("#run-slots")
    assert (slots.get_attribute("placeholder"), slots.is_disabled()) == ("auto, 64", False)
    page.select_option("#run-model", "dynamic-ngrams")
    page.wait_for_selector("#size-length")
    assert (slots.get_attribute("placeholder"), slots.is_disabled()) == ("64, fixed", True)
    page.get_by_role("button", name="Run this example").click()
    page.wait_for_selector("ntm-track-stack")
    assert "dynamic-ngrams/1 ran 199 steps on 64 memory slots" in page.inner_text("#summary")


def test_a_model_without_slots_has_nothing_to_address(windows: Windows) -> None:
    page = windows.open()
    page.wait_for_selector("#size-length")
    page.select_option("#run-model", "lstm-copy")
    page.wait_for_selector("#run-slots[placeholder=none]")
    page.fill("#size-length", "5")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_selector("ntm-track-stack")
    said = page.inner_text("#summary")
    assert "lstm-copy/1 ran 12 steps without memory slots, so there is nothing to address" in said


def test_runs_of_two_lengths_share_one_time_axis(
    windows: Windows, api: httpx.Client, trace: str
) -> None:
    short = trace_of(api, api.get("/models/copy/example?length=5&seed=1").json())
    page = windows.open(f"/?view=compare&trace={short}&other={trace}&step=30", ".columns")
    values = page.locator('.columns [data-track="outputs"] .value')
    until(page, "document.querySelector('.columns .value').textContent !== ''")
    assert values.nth(0).inner_text() == "–"
    assert len(values.nth(1).inner_text()) == 8


def test_two_runs_share_the_scale_of_their_colours(
    windows: Windows, api: httpx.Client, example: dict[str, Any], trace: str
) -> None:
    item = {"steps": "21:", "head": "read.0", "set": {"gate": 0}}
    other = trace_of(api, {**example, "interventions": [item]})
    page = windows.open(f"/?view=compare&trace={trace}&other={other}&step=22", ".columns")
    notes = page.locator('.columns [data-track="read.0.vector"] .note').all_inner_texts()
    assert len(notes) == 2
    assert notes[0] == notes[1]
    outputs = [
        api.get(f"/trace/{one}?include=outputs&steps=22:23").json()["outputs"][0]
        for one in (trace, other)
    ]
    apart = [a - b for a, b in zip(*outputs, strict=True)]
    bit = max(range(8), key=lambda i: abs(apart[i]))
    shown = page.locator('[data-track="difference.outputs"] .value').inner_text()
    assert shown.startswith(f"bit {bit}: ")


def test_the_rounding_of_another_engine_is_no_parting(
    browser: Any, tmp_path: Path, example: dict[str, Any]
) -> None:
    item = {"steps": "21:", "head": "read.0", "set": {"gate": 0}}
    with serving(ROOT / "models", tmp_path, engine="onnx") as server, server.client() as api:
        before = trace_of(api, example)
    with serving(ROOT / "models", tmp_path, engine="native") as server, server.client() as api:
        same = trace_of(api, example)
        changed = trace_of(api, {**example, "interventions": [item]})
        windows = Windows(browser, server.url)
        page = windows.open(f"/?view=compare&trace={before}&other={same}", ".columns")
        assert "The two runs are the same but for rounding." in page.inner_text(".headline")
        page = windows.open(f"/?view=compare&trace={before}&other={changed}", ".columns")
        said = page.inner_text(".headline")
        assert "They part at step 21" in said
        assert "two engines (onnx, native)" in said
        assert not windows.errors
        for context in windows.contexts:
            context.close()


def test_a_step_without_an_answer_is_fed_again(windows: Windows, api: httpx.Client) -> None:
    """One answer is lost after the service has computed it, another request never leaves."""
    windows.expected = ("ERR_FAILED",)
    page = windows.open("/?view=live", "#live-model option")
    page.get_by_role("button", name="Start a session").click()
    lost = []

    def lose(route: Any) -> None:
        lost.append(route.fetch() if len(lost) else None)
        route.abort()

    page.route("**/steps", lose, times=2)
    page.get_by_role("button", name="Feed an example").click()
    for _ in range(2):
        page.get_by_text("The service does not answer").wait_for()
        page.get_by_role("button", name="Go on with the example").click()
    until(page, "/ [3-9] steps so far/.test(document.querySelector('ntm-live .said').textContent)")
    page.get_by_role("button", name="Pause").click()
    session = page.inner_text("ntm-live .said").split()[1].rstrip(":")
    fed = api.get(f"/trace/{session}?include=inputs").json()["inputs"]
    wanted = api.get("/models/copy/example?seed=1").json()["sequence"]
    assert len(lost) == 2
    assert fed == wanted[: len(fed)]


def test_a_trace_that_cannot_be_deleted_says_so(windows: Windows, trace: str) -> None:
    windows.expected = ("ERR_FAILED",)
    page = windows.open(f"/?view=traces&trace={trace}", "ntm-traces tbody tr")
    page.route(f"**/trace/{trace}", lambda route: route.abort())
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name=f"Delete {trace}").click()
    page.get_by_text("could not be deleted: The service does not answer").wait_for()


def test_a_failed_trace_is_tried_again(windows: Windows, trace: str) -> None:
    windows.expected = ("ERR_FAILED",)
    page = windows.open("/?view=traces", "ntm-traces tbody tr")
    page.route("**/trace/**", lambda route: route.abort(), times=1)
    page.get_by_role("button", name=trace, exact=True).click()
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("ntm-track-stack")
    curve = page.locator("ntm-legend .curve").first
    assert curve.evaluate("(canvas) => [canvas.width, canvas.height]") == curve.evaluate(
        "(canvas) => [canvas.clientWidth, canvas.clientHeight]"
    )


def test_a_long_run_is_taken_away(windows: Windows, api: httpx.Client, tmp_path: Path) -> None:
    """One argument of a command holds 128 KiB, one answer 128 MiB; this run has more of both."""
    windows.expected = ("413",)
    request = api.get("/models/copy/example?length=2500").json()
    trace = trace_of(api, {**request, "memory_slots": 512})
    page = windows.open(f"/?trace={trace}&step=3000")
    page.get_by_role("button", name="NPZ", exact=True).click()
    page.get_by_text("zoom in, and the steps shown are saved").wait_for()
    page.get_by_label("figure to download").select_option("memory")
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG", exact=True).click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    page.get_by_role("button", name="Copy as curl").click()
    until(page, "navigator.clipboard.readText().then((text) => text.includes('curl'))")
    commands = page.evaluate("navigator.clipboard.readText()").splitlines(keepends=True)
    first = "".join(commands[: commands.index("END\n") + 1])
    assert len(first) > 128 * 1024
    done = subprocess.run(["bash"], input=first.encode(), capture_output=True, cwd=tmp_path)
    assert b'"steps":5002' in done.stdout
