"""Errors a sequence that others reached on the same tasks, to set ours beside.

The paper's are read from its figures. The peers' were measured on the weights that each project
publishes, the best of them is given. The paper counts 200 predicted bits of an N-gram sequence, 5
of which nobody can predict; here 195 are counted, so its figures are given less 5. The DNC that
copies was trained on up to 10 vectors of 5 bits and ran with an N of 30 to 128 (Mostafa-Samir,
2017); one that reuses slots is a curve of up to 8 sub-sequences (Csordás and Schmidhuber, 2019).
"""

from typing import NamedTuple

from ntm.tasks import Sizes


class Published(NamedTuple):
    """What others reached on one setting, as people say it; empty where nothing is known."""

    paper: str = ""
    peer: str = ""


_RESULTS: dict[tuple[str, tuple[tuple[str, int], ...]], Published] = {
    ("copy", (("length", 10),)): Published("", "0 (DNC)"),
    ("copy", (("length", 20),)): Published("", "0 (DNC)"),
    ("copy", (("length", 50),)): Published("", "0 (DNC)"),
    ("copy", (("length", 120),)): Published("out of step (NTM)", "0 (DNC; 1 of 4 NTMs)"),
    ("repeat-copy", (("length", 5), ("repeats", 5))): Published("", "0"),
    ("repeat-copy", (("length", 10), ("repeats", 10))): Published("", "0.70"),
    ("repeat-copy", (("length", 20), ("repeats", 10))): Published("", "50"),
    ("repeat-copy", (("length", 10), ("repeats", 20))): Published("", "43 (1 of 4 seeds)"),
    ("associative-recall", (("items", 10),)): Published("", "0"),
    ("associative-recall", (("items", 12),)): Published("", "1.45"),
    ("associative-recall", (("items", 15),)): Published("< 1 (FF)", "6.15"),
    ("associative-recall", (("items", 20),)): Published("", "8.35"),
    ("dynamic-ngrams", (("length", 200),)): Published("128.5-129", ""),
    ("reuse-copy", (("length", 14), ("sub_sequences", 8))): Published("", "a curve near 0"),
    ("graph", (("edges", 32), ("path", 4), ("underground", 0))): Published(
        "98.8 % right, its own graphs", "none published"
    ),
    ("priority-sort", (("items", 20),)): Published("18 (LSTM), 20 (FF)", "none published"),
}


def published(task: str, sizes: Sizes) -> Published:
    """What others reached on a task at these sizes."""
    return _RESULTS.get((task, tuple(sorted(sizes.items()))), Published())
