"""Which role a request needs: to read, to predict, or to operate the service."""

import re

from starlette.types import Scope

from service.errors import Forbidden
from service.http.key_file import Role

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
GRPC = "/inference.GRPCInferenceService/"
# Spelled in any way that a route could be reached by: who may operate is asked there once more.
OPERATE = re.compile(
    rf"/*(log-level|v2/+repository/+models/.*|{GRPC.strip('/')}/RepositoryModel(Load|Unload))/*"
)
READ = frozenset(  # though they are POSTs
    (
        "/v2/repository/index",
        *(f"{GRPC}{name}" for name in ("ModelReady", "ServerMetadata", "ModelMetadata")),
        f"{GRPC}RepositoryIndex",
    )
)


def role_for(scope: Scope) -> Role:
    """The role that a request needs."""
    path = scope["path"]
    if OPERATE.fullmatch(path):
        return "operate"
    return "read" if scope.get("method") in SAFE or path in READ else "predict"


def refuse_unless_operator(scope: Scope) -> None:
    """Let nobody operate the service who may not.

    Raises:
        Forbidden: the key has not the role, or there are no keys with roles
    """
    if "operate" not in scope["state"].get("roles", ()):
        raise Forbidden("a key with the role 'operate' is needed, from the file of NTM_KEYS_FILE")
