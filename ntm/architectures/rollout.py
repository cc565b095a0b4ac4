"""Where a read came from over all layers of a model: what the rollout of an architecture gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ntm.signature import Signature

Array = NDArray[Any]
Memories = Callable[[int], tuple[NDArray[np.bool_], Array] | None]  # see `Edits` of provenance


@dataclass(frozen=True)
class RolledPart:
    """What came from one step's input, from the memory before step 0, or from memory that was set.

    Shares are from 0 to 1 and sum to 1, unless a read saw nothing.
    """

    kind: Literal["input", "initial", "intervention"]
    step: int | None
    share: float


class Rollout(Protocol):
    """Goes back from one read through the steps before it, the latest first."""

    needs: tuple[str, ...]  # arrays of a trace

    def __init__(
        self, signature: Signature, memory: Array, head: int, step: int, edits: Memories | None
    ) -> None:
        """Stand at a read.

        Args:
            signature: of the model
            memory: that the read saw, [N, M]
            head: of the read
            step: of the read, t
            edits: where the memory was replaced before a step
        """
        ...

    def back(self, tensors: Mapping[str, Array]) -> None:
        """Go back through K more steps, [K, ...] each; the first ones end with step t."""
        ...

    def finish(self) -> list[RolledPart]:
        """All parts, the largest first."""
        ...
