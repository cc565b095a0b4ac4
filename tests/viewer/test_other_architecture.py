"""The page with an architecture that it knows nothing of: its rows follow from the stage table."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from ntm.export.write import export_onnx
from ntm.repository import checkpoint
from ntm.tasks import Copy
from tests import toy_architecture
from tests.service.running import CLEAN, serving
from tests.toy_architecture import Ring, RingConfig
from tests.viewer.conftest import Windows

TASK = Copy(bits=2)


def test_a_model_without_heads_has_what_goes_in_and_out(
    windows: Windows, api: httpx.Client
) -> None:
    example = api.get("/models/lstm-copy/example?seed=1").json()
    page = windows.open(f"/?trace={api.post('/predict', json=example).json()['trace_id']}")
    tracks = page.locator("#overview [data-track]").all()
    assert [track.get_attribute("data-track") for track in tracks] == [
        "inputs", "outputs", "target",
    ]  # fmt: skip
    page.get_by_text("This model has no heads").wait_for()
    assert page.get_by_role("button", name="Ablate the head").is_hidden()


def test_every_row_of_a_dnc_has_the_same_time_axis(windows: Windows, api: httpx.Client) -> None:
    example = api.get("/models/dnc-copy/example?length=2&seed=1").json()
    page = windows.open(f"/?trace={api.post('/predict', json=example).json()['trace_id']}")
    page.locator("#overview [data-track]").first.wait_for()
    boxes = [plot.bounding_box() for plot in page.locator("#overview [data-track] canvas").all()]
    assert len(boxes) > 10
    assert {(box["x"], box["width"]) for box in boxes} == {(boxes[0]["x"], boxes[0]["width"])}
    told = page.locator('[data-track="read.0.read_mode"] .value').inner_text()
    assert [line.split()[0] for line in told.splitlines()] == ["backward", "content", "forward"]


def test_two_architectures_stand_on_one_time_axis(windows: Windows, api: httpx.Client) -> None:
    example = api.get("/models/copy/example?length=6&seed=1").json()
    ids = [
        api.post("/predict", json={**example, "model": name, "memory_slots": 128}).json()[
            "trace_id"
        ]
        for name in ("copy", "transformer-copy-feedback")
    ]
    page = windows.open(f"/?view=compare&trace={ids[0]}&other={ids[1]}", wait="#compare")
    told = api.get(f"/trace/{ids[0]}/difference/{ids[1]}").json()["answers"]
    tracks = page.locator("#compare [data-track]")
    tracks.first.wait_for()
    assert [track.get_attribute("data-track") for track in tracks.all()] == [
        "inputs", "A.outputs", "B.outputs", f"A.{told['heads'][0]}", f"B.{told['heads'][1]}",
    ]  # fmt: skip
    rows = page.get_by_role("region", name="where answers come from").locator("tbody tr")
    assert rows.count() == 6
    for row, text in zip(told["steps"], rows.all_inner_texts(), strict=True):
        assert all(side["step"] == row["heard"] for side in row["sides"])  # both copy it rightly
        assert text.count(f"step {row['heard']}") == 3
    page.get_by_role("button", name="Comparison as PNG").wait_for()
    assert windows.errors == []


def test_it_draws_what_the_table_says(browser: Any, tmp_path: Path) -> None:
    toy_architecture.register()
    torch.manual_seed(1)
    folder, package = tmp_path / "ring", tmp_path / "package"
    package.mkdir()
    config = RingConfig(input_size=TASK.input_size, output_size=TASK.output_size)
    export_onnx(checkpoint.save(folder / "models" / "ring" / "1", Ring(config), TASK, {"seed": 1}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CLEAN, "PYTHONPATH", toy_architecture.installed(package))
        with serving(folder / "models", folder) as server, server.client() as client:
            example = client.get("/models/ring/example?length=3").json()
            runs = [
                client.post("/predict", json={**example, "interventions": items}).json()["trace_id"]
                for items in ([], [{"steps": 2, "head": "read.0", "set": {"match": "uniform"}}])
            ]
            windows = Windows(browser, server.url)
            page = windows.open(f"/?trace={runs[0]}")
            tracks = page.locator("#overview [data-track]")
            names = [track.get_attribute("data-track") for track in tracks.all()]
            assert names == [
                "inputs", "outputs", "target",
                "write.0", "write.0.vector", "read.0", "read.0.vector",
            ]  # fmt: skip
            assert page.locator("#microscope").is_hidden()
            assert page.locator("#memory").is_hidden()
            page.locator("ntm-findings .findings, ntm-findings .note").first.wait_for()
            page.get_by_role("button", name="Ablate the head").click()
            page.get_by_role("button", name="Run again with this").click()
            page.get_by_text("They part at").wait_for()
            other = windows.open(f"/?view=compare&trace={runs[0]}&other={runs[1]}", wait="#compare")
            other.get_by_role("button", name="step 2", exact=True).first.wait_for()
            assert windows.errors == []
            for context in windows.contexts:
                context.close()
