"""Running an example, looking at it: what the page shows is what the API tells."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.viewer.conftest import STEP, Windows, number, track, until

FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def at(page: Any, name: str, step: int, row: int, steps: int, first: int, count: int) -> None:
    """Move the pointer to a cell of a map, once the map has come to rest."""
    canvas, before = track(page, name).locator("canvas"), None
    while (box := canvas.bounding_box()) != before:
        before = box
        page.evaluate(FRAMES)
    x = box["x"] + box["width"] * (step + 0.5) / steps
    y = box["y"] + box["height"] * (1 - (row - first + 0.5) / count)
    page.mouse.move(x, y)


def readout(page: Any, name: str) -> str:
    """The numbers beside a track, once the frame is drawn."""
    page.evaluate(FRAMES)
    return track(page, name).locator(".value").inner_text()


def test_an_example_is_run_and_shown(windows: Windows) -> None:
    page = windows.open()
    page.wait_for_selector("#size-length")
    page.fill("#size-length", "7")
    page.fill("#run-seed", "3")
    page.fill("#run-slots", "40")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_selector("ntm-track-stack")
    said = page.inner_text("#summary")
    assert "copy/1 ran 16 steps on 40 memory slots: no wrong bit" in said
    assert "trace=" in page.url
    assert page.locator("ntm-heat-track").count() == 7
    assert page.locator("ntm-curve-track").count() == 4


def test_the_numbers_under_the_pointer_are_those_of_the_api(
    windows: Windows, api: httpx.Client, trace: str
) -> None:
    page = windows.open(f"/?trace={trace}&slots=all")
    page.locator("#size-length").wait_for()  # the form above has its height, rows their places
    readout(page, "inputs")
    told = api.get(f"/trace/{trace}?include=outputs,read_weightings,write_weightings").json()
    for step in (0, 1, STEP, 41):
        for name, values in (("read.0", "read_weightings"), ("write.0", "write_weightings")):
            weighting = np.array(told[values])[step, 0]
            slot = int(weighting.argmax())
            page.evaluate(
                f"document.querySelector('[data-track=\"{name}\"]').scrollIntoView({{block:'center'}})"
            )
            at(page, name, step, slot, 42, 0, 128)
            shown = readout(page, name)
            # 128 slots share 104 pixels: the pointer may stand on the neighbour.
            near = int(shown.split(":")[0].removeprefix("slot "))
            assert abs(near - slot) <= 1
            assert number(shown) == pytest.approx(weighting[near], rel=1e-3, abs=1e-9)
        at(page, "outputs", step, 5, 42, 0, 8)
        shown = readout(page, "outputs")
        assert shown.startswith("bit 5: ")
        assert number(shown) == pytest.approx(told["outputs"][step][5], rel=1e-3)


def test_the_stages_are_those_of_the_api(
    windows: Windows, trace: str, stages: dict[str, Any]
) -> None:
    page = windows.open(f"/?trace={trace}&step={STEP}&head=read.0")
    page.wait_for_selector("ntm-microscope:not([data-loading]) .said:not(:empty)")
    told = stages["addressing"]["read"]
    slot = int(np.argmax(stages["read_weightings"][0][0]))
    names = {
        "content": told["content_weighting"],
        "gated": told["gated_weighting"],
        "shifted": told["shifted_weighting"],
        "weighting": stages["read_weightings"],
    }
    for name, values in names.items():
        plot = page.locator(f'[data-stage="{name}"] ntm-slot-plot')
        text = plot.get_attribute("aria-valuetext")
        assert text.startswith(f"slot {slot}: ")
        assert number(text) == pytest.approx(values[0][0][slot], rel=1e-3), name
    for name, control in (
        ("content", "key_strength"),
        ("gated", "gate"),
        ("weighting", "sharpening"),
    ):
        shown = page.locator(f'[data-stage="{name}"] output').inner_text()
        assert float(shown) == pytest.approx(told[control][0][0], rel=1e-3)
    key, memory = np.array(told["key"][0][0]), np.array(stages["memory"][0])
    cosine = memory[slot] @ key / np.linalg.norm(memory[slot]) / np.linalg.norm(key)
    text = page.locator('[data-stage="similarity"] ntm-slot-plot').get_attribute("aria-valuetext")
    assert number(text) == pytest.approx(cosine, rel=1e-3)
    moved = f"Moves focus by +1 with {100 * told['shift'][0][0][2]:.0f} %."
    assert moved in page.inner_text('[data-stage="shifted"]')


def test_the_memory_is_that_of_the_api(
    windows: Windows, api: httpx.Client, trace: str, stages: dict[str, Any]
) -> None:
    page = windows.open(f"/?trace={trace}&step={STEP}&head=read.0")
    cell = page.get_by_role("slider", name="Memory that the reads see")
    page.wait_for_selector("ntm-memory:not([data-loading]) .sources")
    cell.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    slot = int(np.argmax(stages["read_weightings"][0][0]))
    text = cell.get_attribute("aria-valuetext")
    assert text.startswith(f"slot {slot}, column 3: ")
    assert number(text) == pytest.approx(stages["memory"][0][slot][3], rel=1e-3)
    asked = "include=memory&steps={}:{}"
    after = api.get(f"/trace/{trace}?{asked.format(STEP + 1, STEP + 2)}").json()["memory"][0]
    change = page.evaluate(
        """async ([trace, step]) => {
          const { load } = await import("/viewer/parts/run.js");
          const { written } = await import("/viewer/architectures/ntm/memory.js");
          const run = await load(trace, new AbortController().signal);
          const page = await run.fetchPage(step);
          return [...written(run, step, page.memory(step)).after];
        }""",
        [trace, STEP],
    )
    assert np.abs(np.reshape(change, (128, 20)) - np.array(after)).max() < 1e-6


def test_provenance_and_findings_jump(windows: Windows, api: httpx.Client, trace: str) -> None:
    page = windows.open(f"/?trace={trace}&step={STEP}&head=read.0")
    told = api.get(f"/trace/{trace}/provenance?step={STEP}&head=read.0").json()["parts"][0]
    page.locator(".sources button").first.click()
    page.wait_for_url(f"**step={told['step']}&head={told['head']}*")
    found = api.get(f"/trace/{trace}/findings").json()["findings"]
    page.wait_for_selector(".findings li")
    assert page.locator(".findings li").count() == len(found)
    page.locator(".findings li").last.locator("button").first.click()
    page.wait_for_url(f"**step={found[-1]['steps'][0][0]}&*")


def test_a_deep_link_restores_the_view(windows: Windows, trace: str) -> None:
    page = windows.open(f"/?trace={trace}&step=30&head=write.0&range=20:40&slots=all")
    page.wait_for_selector("ntm-microscope:not([data-loading]) .said:not(:empty)")
    assert page.input_value('[aria-label="go to step"]') == "30"
    assert page.input_value('[aria-label="first step shown"]') == "20"
    assert page.input_value('[aria-label="last step shown"]') == "39"
    assert page.input_value('[aria-label="slots shown"]') == "all"
    assert page.inner_text('.choices [aria-pressed="true"]') == "write.0"
    assert "At step 30, write.0" in page.inner_text("ntm-microscope .said")
    page.click('.choices [data-head="read.0"]')
    page.wait_for_url("**head=read.0*")
    page.get_by_role("button", name="show all steps").click()
    assert "range=" not in page.url
    page.go_back()
    page.wait_for_url("**range=20:40*")
    page.go_back()
    page.wait_for_url("**head=write.0*")
    until(page, "document.querySelector('ntm-microscope .said').textContent.includes('write.0')")
    page.go_forward()
    page.wait_for_url("**head=read.0*")


def test_playing_and_zooming(windows: Windows, trace: str) -> None:
    page = windows.open(f"/?trace={trace}&step=38")
    page.get_by_role("button", name="play").click()
    page.wait_for_url("**step=41*")
    page.get_by_role("button", name="play").wait_for()  # it stops at the end
    note = track(page, "read.0").locator(".note")
    in_use = note.inner_text()
    assert re.fullmatch(r"slots \d+–\d+ of 128", in_use)
    page.get_by_role("button", name="zoom in").click()
    page.wait_for_url("**range=*")
    box = page.locator("ntm-track-stack .ruler").bounding_box()
    page.get_by_role("button", name="show all steps").click()
    y = box["y"] + 20
    page.mouse.move(box["x"] + box["width"] * 10.2 / 42, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 19.8 / 42, y, steps=4)
    page.mouse.up()
    page.wait_for_url("**range=10:20*")
    assert note.inner_text() != in_use  # those in use in the steps shown


def test_a_wrong_bit_is_marked(
    windows: Windows, api: httpx.Client, example: dict[str, Any]
) -> None:
    target = [row and [*row] for row in example["target"]]
    target[30][2] = 1 - target[30][2]
    trace = api.post("/predict", json={**example, "target": target}).json()["trace_id"]
    page = windows.open(f"/?trace={trace}&step=30")
    assert "slots: 1 wrong bit." in page.inner_text("#summary")
    handle = track(page, "outputs").get_by_role("slider")
    handle.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert handle.get_attribute("aria-valuetext").endswith(" wrong")


def test_numbers_that_are_no_bits_are_told_as_numbers(windows: Windows, api: httpx.Client) -> None:
    sequence = api.get("/models/priority-sort/example").json()["sequence"]
    sequence[0][8], sequence[1][8], sequence[2][8] = 0.65, 0.23, -0.7
    answer = api.post("/predict", json={"model": "priority-sort", "sequence": sequence}).json()
    page = windows.open(f"/?trace={answer['trace_id']}")
    bits = "".join(str(int(bit)) for bit in sequence[0][:8])
    assert readout(page, "inputs") == f"{bits} 0.65 {sequence[0][9]:.0f}"
    assert "1 number, −1 to 1" in track(page, "inputs").locator(".note").first.inner_text()
    page.fill('[aria-label="go to step"]', "2")
    page.keyboard.press("Enter")
    page.wait_for_url("**step=2*")
    assert " −0.7 " in readout(page, "inputs")
    handle = track(page, "inputs").get_by_role("slider")
    handle.focus()
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    assert handle.get_attribute("aria-valuetext").endswith(": −0.7")
    assert "number" in handle.get_attribute("aria-valuetext")
    page.keyboard.press("Enter")  # no bit to flip: its number is asked for
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")
    assert page.locator(".changes li").count() == 1


def test_the_legend_tells_every_scale(windows: Windows, api: httpx.Client) -> None:
    example = api.get("/models/repeat-copy/example?length=4&repeats=9").json()
    largest = np.max(example["sequence"])
    trace = api.post("/predict", json=example).json()["trace_id"]
    page = windows.open(f"/?trace={trace}")
    legend = page.inner_text("ntm-legend")
    assert largest > 1
    assert f"input: 0 {largest:.3f}" in " ".join(legend.split())
    assert f"0 to {largest:.3f}" in track(page, "inputs").locator(".note").first.inner_text()
    step = int(np.argmax(np.max(example["sequence"], axis=1)))
    page.goto(f"{page.url.split('?')[0]}?trace={trace}&step={step}")
    page.wait_for_selector("ntm-track-stack")
    assert f"{largest:.2f}" in readout(page, "inputs")


def test_the_form_names_the_model_of_the_run(windows: Windows, api: httpx.Client) -> None:
    example = api.get("/models/repeat-copy/example").json()
    trace = api.post("/predict", json=example).json()["trace_id"]
    page = windows.open(f"/?trace={trace}")
    until(page, "document.querySelector('#run-model').value === 'repeat-copy'")
    page.locator("#size-repeats").wait_for()


def test_a_warning_of_the_service_is_shown(windows: Windows) -> None:
    page = windows.open()
    page.wait_for_selector("#size-length")

    def warned(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "warning": "verified up to 512"})

    page.route("**/predict", warned)
    page.get_by_role("button", name="Run this example").click()
    page.wait_for_selector("ntm-track-stack")
    assert page.inner_text("#warning") == "verified up to 512"


def test_many_steps_are_drawn_by_their_mean(windows: Windows, api: httpx.Client) -> None:
    width = len(api.get("/models/copy/example").json()["sequence"][0])
    sequence = np.random.default_rng(1).integers(0, 2, (2000, width)).astype(float).tolist()
    answer = api.post("/predict", json={"model": "copy", "sequence": sequence}).json()
    page = windows.open(f"/?trace={answer['trace_id']}")
    readout(page, "inputs")
    label = track(page, "inputs").locator(".label").inner_text()
    assert "mean in each pixel" in label
    assert "largest in each pixel" in track(page, "read.0").locator(".label").inner_text()
    page.get_by_role("button", name="zoom in").click()
    drawn = """([code]) => {
      const canvas = document.querySelector('[data-track="inputs"] canvas');
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let yellow = 0;
      for (let i = 0; i < data.length; i += 4) yellow += Number(data[i] > 200 && data[i + 1] > 200);
      return yellow / (data.length / 4);
    }"""
    page.get_by_role("button", name="show all steps").click()
    readout(page, "inputs")
    assert page.evaluate(drawn, [0]) < 0.4  # by the largest nearly everything would be a 1


def test_downloads_and_commands(windows: Windows, trace: str, tmp_path: Path) -> None:
    page = windows.open(f"/?trace={trace}")
    page.get_by_label("figure to download").select_option("addressing")
    starts = {"PNG": b"\x89PNG", "SVG": b"<?xml", "NPZ": b"PK"}
    for name, start in starts.items():
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        assert download.value.suggested_filename == f"{trace}.{name.lower()}"
        assert Path(download.value.path()).read_bytes().startswith(start)
    page.get_by_role("button", name="Copy as Python").click()
    page.get_by_text("Copied.").wait_for()
    script = tmp_path / "again.py"
    script.write_text(page.evaluate("navigator.clipboard.readText()"))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("42 steps\n")
    page.get_by_role("button", name="Copy as curl").click()
    until(page, "navigator.clipboard.readText().then((text) => text.includes('curl'))")
    commands = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(["bash", "-ec", commands], capture_output=True, cwd=tmp_path, check=True)
    assert b'"steps":42' in done.stdout
    assert (tmp_path / f"{trace}.npz").read_bytes().startswith(b"PK")
    page.get_by_role("button", name="Copy link").click()
    until(page, f"navigator.clipboard.readText().then((text) => text.endsWith('{trace}'))")


def test_states_say_what_to_do(windows: Windows) -> None:
    page = windows.open()
    assert page.get_by_role("button", name="Run this example").is_visible()
    windows.expected = ("404",)
    page = windows.open("/?trace=nothing", "[data-state-of=failed]:not([hidden])")
    said = page.inner_text("[data-state-of=failed]")
    assert "nothing" in said
    assert "Run an example above" in said
    windows.expected = ("404", "422")
    page = windows.open()
    page.wait_for_selector("#size-length")
    page.fill("#run-slots", "99999999")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("memory_slots should be").wait_for()


def test_colours_and_theme_are_kept(windows: Windows, trace: str) -> None:
    page = windows.open(f"/?trace={trace}", color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(20, 23, 27)"
    page.select_option("#theme", "light")
    page.select_option("#map", "grey")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.reload()
    page.wait_for_selector("ntm-track-stack")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    assert page.input_value("#map") == "grey"
