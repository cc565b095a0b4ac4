"""A histogram in plain numbers: observations by bucket, and their sum.

Several are counted in every request. One of prometheus-client's takes five times as many
instructions to count with; it is told of these when it is asked (`telemetry/metrics.py`).
"""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts numbers; whoever counts on several threads holds a lock."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` are the buckets' largest numbers, ascending; one more has what is larger."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, number: float) -> None:
        """Count one number."""
        self.counts[bisect_left(self.bounds, number)] += 1
        self.sum += number
