"""Requests in flight: counted while they run, refused under overload and while draining."""

from starlette.types import Scope

from service.errors import Draining, Overloaded
from service.http.keys import OPEN_PATHS
from service.http.socket_age import has_waited_too_long

ALWAYS_OPEN = OPEN_PATHS | {"/metrics"}


class InFlight:
    """How many requests there are, and whether more are let in."""

    def __init__(self) -> None:
        self.running = 0  # requests that are not probes
        self.draining = False

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
        if scope["method"] == "POST" and has_waited_too_long(scope):
            raise Overloaded("requests come faster than they can be read", retry_after=1)
        return True
