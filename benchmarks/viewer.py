"""The page with 2000 steps x 1024 slots in headless Chromium: python benchmarks/viewer.py

What is timed is what a person waits for: from a request to a painted run, from a moved pointer or a
cursor to the painted frame, from a zoom to the painted frame. Scripts are timed inside the page
(its own performance.measure); frames from outside it, by requestAnimationFrame.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import results
import server
from playwright.sync_api import sync_playwright

HEADING = "## The page"
LENGTH = 999  # vectors to copy: 2000 steps
SLOTS = 1024
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
MEASURED = "(name) => performance.getEntriesByName(name).map((each) => each.duration)"
ENDED = "(name) => performance.getEntriesByName(name).map((e) => e.startTime + e.duration)"
MOVES = """async ([count, type]) => {
  const handle = document.querySelector('[data-track="read.0"] .handle');
  const box = handle.getBoundingClientRect();
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const spent = [];
  for (let i = 0; i < count; i++) {
    const at = { clientX: box.left + (box.width * (i + 0.5)) / count, clientY: box.top + 40 };
    await painted();
    const start = await new Promise((done) => requestAnimationFrame(() => done(performance.now())));
    const buttons = type === "pointerdown" ? 1 : 0;
    const told = { ...at, bubbles: true, pointerId: 1, pointerType: "touch", button: 0, buttons };
    if (type === "pointermove") told.pointerType = "pen";
    handle.dispatchEvent(new PointerEvent(type, told));
    await painted();
    spent.push(performance.now() - start);
  }
  return spent;
}"""

Row = list[str]


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=60, help="of the pointer and of the cursor")
    parser.add_argument("--zooms", type=int, default=12)
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server.reference_model(folder / "models")
        with server.serving(folder / "models", folder / "service") as service:
            rows = watch(service.url, told.moves, told.zooms)
    header = ["what", "median", "p95", "slowest", "bound"]
    section = "\n".join([HEADING, "", describe(told), "", *results.table(header, rows)])
    print(section)
    if not told.no_write:
        results.write(HEADING, section)


def watch(url: str, moves: int, zooms: int) -> list[Row]:
    """Open a long run, move about in it, zoom; milliseconds of each."""
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        request = client.get(f"/models/copy/example?length={LENGTH}").json()
        request["memory_slots"] = SLOTS
        trace = client.post("/predict", json=request).json()["trace_id"]
    with sync_playwright() as running:
        chromium = shutil.which("chromium")
        browser = running.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        opened = [open_run(page, f"{url}/?trace={trace}&slots=all") for _ in range(3)]
        page.wait_for_selector(".findings")
        page.evaluate(f"({FRAMES})()")
        page.locator('[data-track="read.0"]').scroll_into_view_if_needed()
        hover = page.evaluate(MOVES, [moves, "pointermove"])
        cursor = page.evaluate(MOVES, [moves, "pointerdown"])
        scripts = page.evaluate(MEASURED, "ntm-cursor")
        stages = page.evaluate(MEASURED, "ntm-microscope")
        page.evaluate("performance.clearMeasures('ntm-zoom')")
        for turn in range(zooms):
            name = "zoom in" if turn % 6 < 3 else "zoom out"
            page.get_by_role("button", name=name).click()
            page.evaluate(f"({FRAMES})()")
        zoom = page.evaluate(MEASURED, "ntm-zoom")
        browser.close()
    return [
        row("from opening to the painted run", opened, ""),
        row("pointer to painted frame, hover", hover, "16 and the wait for a frame"),
        row(
            "pointer to painted frame, cursor and all that follows it",
            cursor,
            "16 and the wait for a frame",
        ),
        row("script of a frame, cursor or hover", scripts, "16"),
        row("script of a frame, the stages at the cursor", stages, "16"),
        row("script of a frame, zoom", zoom, "100"),
    ]


def open_run(page: Any, address: str) -> float:
    """Milliseconds until the overview is painted."""
    page.goto(address)
    page.wait_for_selector("ntm-track-stack")
    page.evaluate(f"({FRAMES})()")
    return float(page.evaluate(f"Math.max(...({ENDED})('ntm-zoom'))"))


def row(name: str, spent: list[float], bound: str) -> Row:
    """Milliseconds as a row of the table."""
    ordered = sorted(spent)
    late = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return [name, f"{statistics.median(ordered):.1f}", f"{late:.1f}", f"{ordered[-1]:.1f}", bound]


def describe(told: argparse.Namespace) -> str:
    """When, where and what."""
    return (
        f"`python benchmarks/viewer.py`, {datetime.now(UTC):%Y-%m-%d}: {results.processor()}, "
        f"{os.cpu_count()} cores for browser and service, Chromium without a GPU, 1280 x 900; "
        f"a run of {2 * LENGTH + 2} steps on {SLOTS} slots, all slots shown; {told.moves} moves, "
        f"{told.zooms} zooms; milliseconds."
    )


if __name__ == "__main__":
    main()
