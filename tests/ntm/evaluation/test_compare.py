"""Models of one task side by side, against numbers counted by hand."""

from pathlib import Path

import pytest
import torch
from rich.console import Console

from ntm import NTM
from ntm.architectures.lstm.model import LSTM
from ntm.commands.evaluate import comparison
from ntm.evaluation.compare import chance
from ntm.export.write import export_onnx
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder, digest, write_json
from ntm.tasks import Copy, DynamicNgrams

TASK = Copy(bits=2, max_length=3)

TRAINED = {
    "machine": {
        "sequences": 1234,
        "seeds_compared": [1, 2],
        "selection": {
            seed: [
                {"sizes": {"length": 5}, "mean": 0.0},
                {"sizes": {"length": 9}, "mean": mean},
            ]
            for seed, mean in (("1", 7.5), ("2", 0.25))
        },
    },
    "cells": {"sequences": 1234, "seeds_compared": [1], "selection": {}},
}


def row(length: int, slots: int, mean: float, perfect: float) -> dict[str, object]:
    """A row of an evaluation.json."""
    return {"sizes": {"length": length}, "memory_slots": slots, "mean": mean, "perfect": perfect}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Two models of one task, one of them exported, and one of another."""
    torch.manual_seed(0)
    sizes = {"input_size": 4, "output_size": 2}
    machine = NTM(**sizes, controller_size=5, N=6, M=3)
    rows = {
        "machine": [row(3, 6, 0.25, 0.75), row(9, 16, 1.5, 0.1)],
        "cells": [row(3, 0, 0.5, 0.5)],
    }
    for name, model in (("machine", machine), ("cells", LSTM(**sizes, size=5, layers=2))):
        version = checkpoint.save(tmp_path / name / "1", model.eval(), TASK, TRAINED[name])
        if name == "cells":
            export_onnx(version)
        told = {"results": rows[name], "checkpoint_sha256": digest(version.checkpoint)}
        write_json(version.evaluation, told)
    other = NTM(input_size=10, output_size=8, controller_size=4, N=4)
    checkpoint.save(tmp_path / "other" / "1", other, Copy(), {})
    return tmp_path


def test_errors_and_costs_stand_side_by_side(models: Path) -> None:
    table = comparison(VersionFolder(models / "machine" / "1"), 1, None, 1, False)
    console = Console(width=250, record=True, file=(models / "out").open("w"))
    console.print(table)
    lines = [line.split("│")[1:-1] for line in console.export_text().splitlines() if "│" in line]
    named = [[cell.strip() for cell in line] for line in lines]
    costs = {name: cells for name, *cells in named[:2]}
    errors = {name: cells for name, *cells in named[2:]}
    assert set(costs) == {"machine", "cells"}
    # 4 (input + hidden) + 4 biases, two layers, two biases; and the output
    lstm = 20 * (4 + 5) + 40 + 20 * (5 + 5) + 40 + 2 * 5 + 2
    assert costs["cells"][:3] == [f"{lstm:,}", "1,234", f"{2 * 2 * 5 * 4} B"]
    assert float(costs["cells"][3]) > 0
    assert costs["cells"][4] == "1"
    # memory 6 x 3, two weightings of 6, one read of 3, hidden and cell of 5
    assert costs["machine"][2:4] == [f"{4 * (18 + 12 + 3 + 10)} B", ""]
    assert costs["machine"][4] == "2, from 0.25 to 7.50 at length 9"
    assert errors == {
        "machine": ["0.25 (75%)", "1.50 (10%)"],
        "cells": ["0.50 (50%)", ""],
        "chance": ["3", "9"],
    }


def test_chance_is_known_for_bits_only() -> None:
    assert chance(Copy(), {"length": 120}) == 480
    assert chance(DynamicNgrams(), {"length": 20}) is None
