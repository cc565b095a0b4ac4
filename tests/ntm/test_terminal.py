"""Runs drawn in the terminal."""

import numpy as np
import pytest

from ntm.commands.example import sizes_of
from ntm.terminal import Focus, draw

NAN = float("nan")


def test_every_cell_stands_where_its_step_and_channel_are() -> None:
    write, read = Focus(), Focus()
    for step in range(3):
        write.add(np.eye(3, 5, 1, dtype=np.float32)[step : step + 1])
    read.add(np.eye(3, 5, dtype=np.float32))
    tensors = {
        "inputs": np.array([[1, 0], [0, 0], [0, 0.5]], np.float32),
        "target": np.array([[NAN], [1], [0]], np.float32),
        "outputs": np.array([[0.9], [0.8], [0.7]], np.float32),
    }
    lines = list(draw(tensors, {"write 0": write, "read 0": read}))
    assert [line.plain for line in lines] == [
        "   input │  ▒",
        "         │█  ",
        "",
        "  target │·█ ",
        "",
        "  output │·▓▓",
        "",
        " write 0 │  █",
        "         │ █ ",
        "         │█  ",
        "",
        "  read 0 │  █",
        "         │ █ ",
        "         │█  ",
        "",
    ]
    wrong = [span for line in lines for span in line.spans if "red" in str(span.style)]
    assert len(wrong) == 1
    assert lines[5].plain[wrong[0].start : wrong[0].end] == "▓"


def test_slots_are_those_that_were_looked_at() -> None:
    rng, focus = np.random.default_rng(1), Focus()
    weighting = rng.dirichlet(np.full(200, 0.02), size=30).astype(np.float32)
    for start in range(0, 30, 7):
        focus.add(weighting[start : start + 7])
    chosen = np.flatnonzero(weighting.max(axis=0) > 0.25)[:40]
    expected = np.where(weighting[:, chosen] > 0.125, weighting[:, chosen], 0)
    assert np.array_equal(focus.shown(), expected)


def test_sizes_are_read_from_options_of_any_name() -> None:
    assert sizes_of(["--length", "12", "--num-items=3"]) == {"length": 12, "num_items": 3}


@pytest.mark.parametrize("arguments", [["length", "3"], ["--length"], ["--length", "x"]])
def test_what_is_no_size_is_refused(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match="sizes such as"):
        sizes_of(arguments)
