"""The notebook, run in a kernel from its first cell to its last."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "ntm" / "walk.ipynb"


def test_every_cell_runs_and_what_is_shown_is_a_picture(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    ran = NotebookClient(
        notebook, timeout=300, record_timing=False, resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [output for cell in ran.cells for output in cell.get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 7
    assert not [output for output in shown if output.get("name") == "stderr"]
