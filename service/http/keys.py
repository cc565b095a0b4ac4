"""API keys: who may ask, and whose traces and sessions an answer may show."""

import hmac
import logging
import time
from collections.abc import Collection, Iterable
from contextvars import ContextVar

from starlette.types import Scope

from service.errors import Forbidden, ServiceError, Unauthorized
from service.http.digests import digest, owner_name
from service.http.key_file import Key, KeyFile
from service.http.rates import Rates
from service.http.roles import refuse_unless_operator, role_for

audit = logging.getLogger("ntm.audit")

# Spelled exactly as probes ask; whatever is spelled in another way needs a key.
OPEN_PATHS = frozenset(
    (
        "/v2/health/live",
        "/v2/health/ready",
        "/inference.GRPCInferenceService/ServerLive",
        "/inference.GRPCInferenceService/ServerReady",
    )
)

# Whose request is being answered; nobody in particular without keys.
owner: ContextVar[str] = ContextVar("owner", default="")


class Keys:
    """Those that let a request in; with none, every request may enter but an operator's.

    The files of the viewer, which hold nothing of anybody, need none: a browser cannot send a key
    before it has the page that asks for it.
    """

    def __init__(
        self,
        keys: Iterable[str],
        pages: Collection[str] = (),
        file: KeyFile | None = None,
        rates: Rates | None = None,
    ) -> None:
        """Keep the keys' digests.

        Args:
            keys: any of which lets a request in
            pages: paths that anybody may GET, spelled exactly so
            file: of more keys, that may change
            rates: of those that have one
        """
        self._pages, self._file = pages, file
        self._rates = rates or Rates(time.monotonic)
        digests = [digest(key.encode()) for key in keys]
        self._keys = [Key(each, owner_name(each)) for each in digests]

    @property
    def are_needed(self) -> bool:
        """Whether not everybody may ask."""
        return bool(self._keys) or self._file is not None

    def owner_of(self, scope: Scope) -> str:
        """Whose request it is; nobody's in particular where it needs no key.

        The state of the scope gets the `roles` of the key, and its name as `key`.

        Raises:
            Unauthorized: it needs a key and has none of them
            Forbidden: the key has not the role that it needs
            TooManyRequests: the key has been used too often
        """
        try:
            return self._owner_of(scope)
        except ServiceError as error:
            tell_denied(scope, error)
            raise

    def _owner_of(self, scope: Scope) -> str:
        state = scope.setdefault("state", {})
        if self._is_open(scope):
            return ""
        role = role_for(scope)
        if not self.are_needed:
            if role == "operate":
                refuse_unless_operator(scope)
            return ""
        given = digest(key_of(scope))
        # Every key is compared, and digests at that: time tells nothing about any of them.
        everyone = self._keys if self._file is None else [*self._keys, *self._file.keys()]
        known = [key for key in everyone if hmac.compare_digest(given, key.digest)]
        if not known:
            raise Unauthorized("a key is needed: Authorization: Bearer <key>, or X-API-Key: <key>")
        key = known[-1]  # one that the file has, too, is what the file says
        state["roles"], state["key"] = key.roles, key.name
        if role not in key.roles:
            who = f"the key '{key.name}'" if key.name else "this key"
            raise Forbidden(f"{who} has no role '{role}', only {', '.join(sorted(key.roles))}")
        if key.rate is not None:
            self._rates.take(key.name, key.rate)
        return key.owner

    def _is_open(self, scope: Scope) -> bool:
        path = scope["path"]
        return path in OPEN_PATHS or (
            path in self._pages and scope.get("method") in ("GET", "HEAD")
        )


def tell_denied(scope: Scope, error: ServiceError) -> None:
    """One line for each request that is not let in."""
    facts = {
        "code": error.code,
        "key": scope["state"].get("key"),
        "needs": role_for(scope),
        "method": scope.get("method"),
        "path": scope["path"][:200],
        "client": (scope.get("client") or [None])[0],
    }
    audit.warning("denied", extra={"facts": facts})


def key_of(scope: Scope) -> bytes:
    """The key in `Authorization: Bearer` or else in `X-API-Key`; empty without one."""
    headers = dict(reversed(scope["headers"]))  # of a header sent twice, the first
    kind, _, key = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"bearer":
        return bytes(key.strip())
    return bytes(headers.get(b"x-api-key", b"").strip())
