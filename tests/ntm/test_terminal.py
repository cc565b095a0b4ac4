"""Runs drawn in the terminal."""

import numpy as np
import pytest

from ntm.commands.example import sizes_of
from ntm.terminal import draw

NAN = float("nan")


def test_every_cell_stands_where_its_step_and_channel_are() -> None:
    lines = list(
        draw(
            {
                "inputs": np.array([[1, 0], [0, 0], [0, 0.5]], np.float32),
                "target": np.array([[NAN], [1], [0]], np.float32),
                "outputs": np.array([[0.9], [0.8], [0.7]], np.float32),
                "write_weightings": np.eye(3, 5, 1, dtype=np.float32)[:, None],
                "read_weightings": np.eye(3, 5, dtype=np.float32)[:, None],
            }
        )
    )
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


def test_sizes_are_read_from_options_of_any_name() -> None:
    assert sizes_of(["--length", "12", "--num-items=3"]) == {"length": 12, "num_items": 3}


@pytest.mark.parametrize("arguments", [["length", "3"], ["--length"], ["--length", "x"]])
def test_what_is_no_size_is_refused(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match="sizes such as"):
        sizes_of(arguments)
