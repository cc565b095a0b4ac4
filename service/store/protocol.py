"""What a store of traces and sessions does, whichever holds them: SQLite or Redis.

Whoever asks sees only what is theirs. Every method may raise StoreUnavailable.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ntm.signature import State
from service.records.session import Piece, Session
from service.records.trace import Trace


class Traces(Protocol):
    """Traces by id, newest first; bounded by age and bytes."""

    async def put(self, trace: Trace) -> None:
        """Keep a trace; once this returns it survives a kill of the process."""
        ...

    def put_at_once(self, traces: Sequence[Trace], owner: str) -> bool:
        """Keep traces of one model and moment as `put` does, where that keeps nobody waiting."""
        ...

    async def get(self, trace_id: str) -> Trace:
        """A trace by id.

        Raises:
            UnknownTrace: there is none, or no longer
        """
        ...

    async def delete(self, trace_id: str) -> None:
        """Forget a trace.

        Raises:
            UnknownTrace: there is none
        """
        ...

    async def page(
        self, model: str | None, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Traces without their tensors, newest first, and the cursor of the next page.

        Raises:
            ServiceError: the cursor is not one that this gave
        """
        ...

    async def usage(self) -> tuple[int, int]:
        """How many traces are kept, and their bytes."""
        ...


class Sessions(Protocol):
    """Sessions by id; bounded by idle time, number and bytes."""

    async def open(self, session: Session) -> None:
        """Keep a new session.

        Raises:
            SessionsFull: there are as many as are allowed
        """
        ...

    async def get(self, session_id: str) -> Session:
        """A session with its states.

        Raises:
            UnknownSession: there is none, or no longer
        """
        ...

    async def advance(
        self, session: Session, piece: Piece, inputs: NDArray[np.float32], state: State
    ) -> bool:
        """Keep a piece, unless another one came first; see the SQLite store.

        Raises:
            UnknownSession: it was deleted meanwhile
            SessionsFull: no room for its state or inputs
        """
        ...

    async def delete(self, session_id: str) -> None:
        """Forget a session.

        Raises:
            UnknownSession: there is none
        """
        ...

    async def trace(self, session_id: str) -> Trace:
        """All pieces so far as one sequence, each with the digest that its replay must give.

        Raises:
            UnknownTrace: there is no such session
            Unreplayable: it has no steps yet
        """
        ...

    async def usage(self) -> tuple[int, int]:
        """How many sessions are kept, and their bytes."""
        ...
