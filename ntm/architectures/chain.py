"""How a head finds its place, one weighting after the other: what a figure of addressing draws."""

from typing import NamedTuple


class Link(NamedTuple):
    """One weighting of the chain, and the numbers that make it of the one before."""

    control: str  # the stage that it is made with: a number a step, or a distribution
    label: str  # of the control, with its symbol
    weighting: str  # the stage that is made
    title: str  # of the weighting, with how it is made
    low: float = 0.0  # of the control's axis
    high: float | None = None  # where it has an end
