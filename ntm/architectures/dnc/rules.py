"""Rules about a read head that frees slots and follows links in the order of writing."""

from collections.abc import Iterator, Mapping

import numpy as np

from ntm.architectures.dnc.config import READ_MODES
from ntm.measures.rules import Rule, Series, largest
from ntm.measures.stretches import Flags
from ntm.measures.thresholds import Thresholds
from ntm.measures.weightings import Array, Vector

CONTENT = READ_MODES.index("content")


class StageRules:
    """See `ntm.measures.rules.StageRules`."""

    stages = ("free_gate", "read_mode", "forward_weighting")
    definitions: Mapping[str, str] = {
        "unused_freeing": "the free gate of a read head stays at 0 for the whole run, so that what "
        "it reads is never free again",
        "unused_links": "the read mode of a head lets neither forward nor backward in",
        "unused_modes": "the largest of a head's read modes is the same at every step",
    }

    def measure(self, stages: Mapping[str, Array], weighting: Array) -> dict[str, Vector]:
        """Free gate, how much of a read follows links, and the number of the largest mode."""
        modes = stages["read_mode"].astype(np.float64)
        return {
            "free_gate": stages["free_gate"].astype(np.float64),
            "followed": 1 - modes[..., CONTENT],
            "mode": modes.argmax(axis=-1).astype(np.float64),
        }

    def rules(self, series: Series, slots: int, limits: Thresholds) -> Iterator[Rule]:
        """What a head could do and does at no step of the run."""
        margin, names = limits.unused_margin, ("unused_margin", "unused_steps")
        yield Rule(
            "unused_freeing",
            throughout(series["free_gate"] <= margin),
            limits.unused_steps,
            lambda flags: largest(series["free_gate"], flags),
            "{head} never frees a slot: its free gate is at most {value:.3f} {at}.",
            names,
        )
        yield Rule(
            "unused_links",
            throughout(series["followed"] <= margin),
            limits.unused_steps,
            lambda flags: largest(series["followed"], flags),
            "{head} never follows a link: forward and backward have at most {value:.3f} of its "
            "read mode {at}.",
            names,
        )
        mode = READ_MODES[int(series["mode"][0])]
        yield Rule(
            "unused_modes",
            throughout(series["mode"] == series["mode"][0]),
            limits.unused_steps,
            lambda flags: float(flags.sum()),
            f"{{head}} never changes its read mode: it is {mode} at all {{value:.0f}} steps, "
            f"{{at}}.",
            names[1:],
        )


def throughout(flags: Flags) -> Flags:
    """All of them where all are set, else none."""
    return flags if flags.all() else np.zeros_like(flags)
