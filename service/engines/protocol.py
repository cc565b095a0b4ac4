"""The interface between the scheduler and an inference engine."""

from collections.abc import Collection
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ntm.signature import Signature, State

Kind = Literal["predict", "inspect"]
Values = dict[str, NDArray[np.float32]]
Pins = dict[str, NDArray[Any]]


class EngineFacts(Protocol):
    """The properties of an engine, here or on another machine."""

    name: str
    device: str
    signature: Signature
    digest: str  # a SHA-256 of the signature and every exported file
    batches: bool  # whether rows together cost less than one after the other
    replays_memory: bool  # whether `memories` gives the bits of its memory

    def initial_state(self, slots: int) -> State:
        """The state before the first step for a batch of one, N = `slots`."""
        ...


class Engine(EngineFacts, Protocol):
    """Runs chunks of steps for a batch of sequences that share N.

    A row of the batch never depends on the other rows, nor a step on how chunks were cut: bit for
    bit on one machine.
    """

    ragged: bool  # whether a row may end before its chunk does

    def longest(self, kind: Kind, steps: int) -> int:
        """The longest chunk of at most `steps` steps (`steps` >= 1) that runs at once."""
        ...

    def run(
        self,
        kind: Kind,
        x: NDArray[np.float32],
        state: State,
        pins: Pins | None = None,
        lengths: NDArray[np.int64] | None = None,
        wanted: Collection[str] | None = None,
    ) -> tuple[Values, State]:
        """Run one chunk.

        Args:
            kind: `predict` gives outputs and what is wanted, `inspect` outputs and every stage
            x: [K, B, I] with K a length that `longest` gave
            state: the signature's state tensors
            pins: for `inspect`, `pin.<stage>` and `pinned.<stage>`; nothing is pinned without
            lengths: the steps [B] that each row walks, all K by default; only of a ragged engine.
                What is given for later steps is arbitrary, and the state is the one after the last
            wanted: of the signature's `sides`, all by default; `predict` may give others as well
        Returns:
            outputs [K, B, O] and weightings or stages [K, B, ...] by name, and the new state
        """
        ...

    def memories(self, memory: NDArray[np.float32], values: Values) -> NDArray[np.float32]:
        """The matrix that each step's reads see; of an architecture that has such a function.

        Args:
            memory: before the first step [N, M]
            values: weightings and stages of one row by name, [K, ...]
        Returns:
            [K, N, M]
        """
        ...
