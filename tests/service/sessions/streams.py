"""Sessions as a client drives them."""

from typing import Any

import httpx
import numpy as np

from tests.service.bodies import Float, array


def begin(client: httpx.Client, **fields: Any) -> str:
    """A new session's id."""
    answer = client.post("/sessions", json={"model": "copy", "version": 1, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


def send(client: httpx.Client, session: str, piece: Float, **fields: Any) -> httpx.Response:
    """One piece."""
    return client.post(f"/sessions/{session}/steps", json={"sequence": piece.tolist(), **fields})


def outputs(answer: httpx.Response) -> Float:
    """The outputs of an answer that went well."""
    assert answer.status_code == 200, answer.text
    return array(answer.json()["outputs"])


def at_once(client: httpx.Client, sequence: Float, **fields: Any) -> Float:
    """What one request gives."""
    body = {"model": "copy", "version": 1, "sequence": sequence.tolist(), "record": False}
    return outputs(client.post("/predict", json=body | fields))


def cut(sequence: Float, *places: int) -> list[Float]:
    """A sequence in pieces."""
    return list(np.split(sequence, places))
