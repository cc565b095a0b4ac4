"""Which of the slots are drawn: those that a head looks at, on the circle that they lie on."""

from collections.abc import Iterable

import numpy as np

from ntm.figures.canvas import Array, Panel

FOCUS = 0.25  # a slot with this much of a weighting is one that a head looks at


def window(weightings: Iterable[Array]) -> tuple[int, int]:
    """The shortest stretch of the circle of slots that every focus lies in, with a slot around.

    Slots are counted from the first to one past the last; a negative one lies before slot 0, so
    that -1 is the last slot.

    Args:
        weightings: [T, H, N] each
    """
    all_of_them = list(weightings)
    if not all_of_them:
        return 0, 0
    slots = all_of_them[0].shape[-1]
    looked_at = np.max([w.max(axis=(0, 1), initial=0) for w in all_of_them], axis=0) > FOCUS
    focused = np.flatnonzero(looked_at)
    gaps = np.diff(focused, append=focused[:1] + slots)
    if gaps.max(initial=0) <= 3:  # nowhere, or all around
        return 0, slots
    widest = int(gaps.argmax())
    stop = int(focused[widest]) + 2
    return stop - (slots - int(gaps[widest]) + 3), stop


def panel(name: str, weighting: Array, shown: tuple[int, int], **scale: object) -> Panel:
    """The map of one head's weighting, or of what else there is for every slot.

    Args:
        name: of the map
        weighting: [T, N]
        shown: the window of slots to draw
        scale: further fields of the panel
    """
    rows = weighting.T.take(range(*shown), axis=0, mode="wrap")
    circle = weighting.shape[-1]
    return Panel(
        name,
        rows,
        first_row=shown[0],
        circle=circle,
        label="slot",
        **scale,  # type: ignore[arg-type]
    )
