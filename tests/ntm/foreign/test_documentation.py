"""What the page about other people's weights shows is run as it stands there, or marked."""

import re
from pathlib import Path

import numpy as np
import pytest

from ntm.foreign.mapping import mapped
from ntm.foreign.sources import SOURCES
from ntm.foreign.write import checked
from tests.foreign_projects import linear_shapes, random_tensors
from tests.ntm.foreign.test_projects import saved

PAGE = (Path(__file__).parents[3] / "docs" / "bring-your-weights.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(<!-- not run: .*? -->\n)?```(\w+)\n(.*?)```", PAGE, flags=re.DOTALL)


def test_every_block_is_run_or_marked() -> None:
    kinds = [(kind, bool(mark)) for mark, kind, _ in BLOCKS]
    assert kinds == [("console", True), ("yaml", False), ("console", True), ("python", False)]


def test_every_project_is_told_of() -> None:
    for source in SOURCES.values():
        assert f"`{source.name}`" in PAGE
        assert source.url in PAGE


def test_the_map_makes_a_model_of_such_a_file(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(next(text for _, kind, text in BLOCKS if kind == "yaml"))
    shapes: dict[str, tuple[int, ...]] = {
        "rnn.weight_ih": (24, 9),
        "rnn.weight_hh": (24, 6),
        "rnn.bias_ih": (24,),
        "rnn.bias_hh": (24,),
        **linear_shapes(fc=(3, 11), e=(5, 6), a=(5, 6)),
    }
    for head in "rw":
        for part, size in {"k": 5, "b": 1, "y": 1, "g": 1, "s": 3}.items():
            shapes |= linear_shapes(**{f"{head}{part}": (size, 6)})
    file = saved(tmp_path / "weights.pt", random_tensors(np.random.default_rng(1), shapes))
    converted, _ = mapped(file, tmp_path / "map.yaml")
    assert checked(converted)["heads.linear.weight"].shape == (32, 6)


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(next(text for _, kind, text in BLOCKS if kind == "python"), {})
    assert "wired in its own way" in capsys.readouterr().out
