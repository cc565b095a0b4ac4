"""A typed client of the service: predictions, traces, sessions, questions in words.

    from ntm.client import Client

    with Client("http://localhost:8000") as client:
        example = client.example("copy", length=20)
        answer = client.predict("copy", example.sequence, target=example.target)
        print(answer.wrong_bits, client.trace(answer.trace_id))

`AsyncClient` has the same methods to await. Neither torch nor the service is imported.
"""

from ntm.client.answers import Example, ModelSummary, Piece, Prediction
from ntm.client.asynchronous import AsyncClient, AsyncSession
from ntm.client.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    ServiceError,
    TimedOut,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from ntm.client.retries import Retries
from ntm.client.synchronous import Client, Session

__all__ = [
    "AsyncClient",
    "AsyncSession",
    "Client",
    "Conflict",
    "Example",
    "InvalidRequest",
    "ModelSummary",
    "NotFound",
    "Piece",
    "Prediction",
    "Retries",
    "ServiceError",
    "Session",
    "TimedOut",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
]
