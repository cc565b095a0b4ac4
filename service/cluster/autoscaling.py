"""Autoscaling policy: the number of replicas of a model, by its queued steps."""

import math
from typing import Any, Protocol

STEPS_PER_REPLICA = 20_000


class Measured(Protocol):
    """As much of Ray Serve's AutoscalingContext as is used here."""

    current_num_replicas: int
    total_num_requests: float
    capacity_adjusted_min_replicas: int
    capacity_adjusted_max_replicas: int
    aggregated_metrics: dict[str, dict[Any, float]] | None


class QueuedSteps:
    """An autoscaling policy; Ray Serve applies its own delays before and after."""

    def __init__(self, steps_per_replica: int = STEPS_PER_REPLICA) -> None:
        """`steps_per_replica` may be queued before there should be one more."""
        self._steps = steps_per_replica

    def __call__(self, measured: Measured) -> tuple[int, dict[str, Any]]:
        """The number of replicas, and nothing to remember."""
        queued = sum((measured.aggregated_metrics or {}).get("queued_steps", {}).values())
        wanted = math.ceil(queued / self._steps)
        if measured.total_num_requests:  # some wait at an ingress, where steps are not counted
            wanted = max(1, wanted)
        low = measured.capacity_adjusted_min_replicas
        return min(max(wanted, low), measured.capacity_adjusted_max_replicas), {}
