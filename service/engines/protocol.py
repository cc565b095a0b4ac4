"""The one interface between the scheduler and whatever computes."""

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ntm.signature import Signature, State

Kind = Literal["predict", "inspect"]
Values = dict[str, NDArray[np.float32]]
Pins = dict[str, NDArray[Any]]


class Engine(Protocol):
    """Runs chunks of steps for a batch of sequences that share N.

    A row of the batch never depends on the other rows, nor a step on how chunks were cut: bit for
    bit on one machine.
    """

    name: str
    device: str
    signature: Signature
    digest: str  # a SHA-256 of the signature and every exported file
    batches: bool  # whether rows together cost less than one after the other
    replays_memory: bool  # whether `ntm.replay.memories` gives the bits of its memory

    def initial_state(self, slots: int) -> State:
        """The state before the first step for a batch of one, N = `slots`."""
        ...

    def longest(self, kind: Kind, steps: int) -> int:
        """The longest chunk of at most `steps` steps (`steps` >= 1) that runs at once."""
        ...

    def run(
        self, kind: Kind, x: NDArray[np.float32], state: State, pins: Pins | None = None
    ) -> tuple[Values, State]:
        """Run one chunk.

        Args:
            kind: `predict` gives outputs and weightings, `inspect` outputs and every stage
            x: [K, B, I] with K a length that `longest` gave
            state: the signature's state tensors
            pins: for `inspect`, `pin.<stage>` and `pinned.<stage>`; nothing is pinned without
        Returns:
            outputs [K, B, O] and weightings or stages [K, B, ...] by name, and the new state
        """
        ...
