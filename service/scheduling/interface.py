"""The interface between routes and a scheduler: one in this process, or replicas elsewhere."""

from typing import Protocol

from service.scheduling.walk import Terms, Walk, Walked


class Walker(Protocol):
    """Walks sequences of one model version."""

    @property
    def queued_steps(self) -> int:
        """Steps admitted and not yet computed."""
        ...

    async def walk(self, walk: Walk, terms: Terms) -> Walked:
        """Walk a sequence to its end; when the caller is cancelled its place is freed at once.

        Raises:
            QueueFull: no room for that many more steps
            Draining: the scheduler is closed
            DeadlineExceeded: the timeout passed first; the place is freed
        """
        ...

    def refuse_if_full(self, steps: int) -> None:
        """Say no to so many steps before any time is spent on reading them, where it is known.

        Raises:
            QueueFull: no room for them now
        """
        ...

    def close(self) -> None:
        """Refuse new work and finish what is there."""
        ...
