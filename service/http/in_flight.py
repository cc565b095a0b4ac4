"""Requests in flight: counted while they run, refused under overload and while draining."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Scope

from service.errors import Draining, Overloaded
from service.http.keys import OPEN_PATHS
from service.http.socket_age import seconds_unread

ALWAYS_OPEN = OPEN_PATHS | {"/metrics"}


class InFlight:
    """How many requests there are, and whether more are let in."""

    def __init__(self, unread_timeout: float = math.inf) -> None:
        """Refuse work that lay unread in its socket for more seconds than that."""
        self._unread_timeout = unread_timeout
        self.running = 0  # requests that are not probes
        self.draining = False

    @contextmanager
    def idle(self) -> Iterator[None]:
        """For a request that only waits inside this context: nobody waits for its end."""
        self.running -= 1
        try:
            yield
        finally:
            self.running += 1

    def counts(self, scope: Scope) -> bool:
        """Whether a request counts: probes and /metrics do not, and are always let in.

        Raises:
            Draining: the service is shutting down
            Overloaded: the request has waited too long to be looked at
        """
        if scope["path"] in ALWAYS_OPEN:
            return False
        if self.draining:
            raise Draining("the service is shutting down", retry_after=5)
        if scope["method"] == "POST" and seconds_unread(scope) > self._unread_timeout:
            raise Overloaded("requests come faster than they can be read", retry_after=1)
        return True
