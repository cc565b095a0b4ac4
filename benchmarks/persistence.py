"""Clients that try again: what they were answered, how often they had to, and what was lost."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

LONGEST = 60.0  # seconds until a request counts as lost


@dataclass
class Count:
    """What clients met. `failed` has the times of tries that got no 2xx answer."""

    answered: int = 0
    not_kept: int = 0  # predictions without a trace
    lost: int = 0  # requests never answered, pieces or traces that are not what was answered
    failed: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self) -> None:
        """One try."""
        with self.lock:
            self.failed.append(time.perf_counter())


class Client(threading.Thread):
    """Feeds one session piece by piece, with predictions in between."""

    def __init__(self, url: str, number: int, count: Count) -> None:
        super().__init__()
        self._url, self._count = url, count
        self._random = np.random.default_rng(number)
        self.enough = threading.Event()
        self._inputs, self._outputs = list[Any](), list[Any]()
        self._traces = list[tuple[str, Any]]()

    def run(self) -> None:
        """Until it is told that it is enough; then check all of it."""
        with httpx.Client(timeout=30, trust_env=False) as self._http:
            session = self._persist("POST", "/sessions", {"model": "copy"})["session_id"]
            while not self.enough.is_set():
                piece = self._draw(10)
                told = {"sequence": piece, "position": len(self._inputs)}
                got = self._persist("POST", f"/sessions/{session}/steps", told)
                self._inputs += piece
                self._outputs += got["outputs"]
                asked = {"model": "copy", "sequence": self._draw(42)}
                made = self._persist("POST", "/predict", asked)
                if made["trace_id"] is None:
                    self._count.not_kept += 1
                else:
                    self._traces.append((made["trace_id"], made["outputs"]))
            self._check(session)

    def _check(self, session: str) -> None:
        whole = {"model": "copy", "sequence": self._inputs, "record": False}
        if self._persist("POST", "/predict", whole)["outputs"] != self._outputs:
            self._count.lost += 1
        if self._persist("GET", f"/sessions/{session}")["position"] != len(self._inputs):
            self._count.lost += 1
        for trace, outputs in self._traces:
            if self._persist("GET", f"/trace/{trace}?include=outputs")["outputs"] != outputs:
                self._count.lost += 1

    def _draw(self, steps: int) -> list[list[float]]:
        return self._random.integers(0, 2, (steps, 10)).astype(float).tolist()

    def _persist(self, method: str, path: str, body: Any = None) -> Any:
        deadline = time.perf_counter() + LONGEST
        while time.perf_counter() < deadline:
            try:
                answer = self._http.request(method, self._url + path, json=body)
                if answer.is_success:
                    self._count.answered += 1
                    return answer.json()
            except httpx.TransportError:
                pass
            self._count.fail()
            time.sleep(0.1)
        self._count.lost += 1
        raise RuntimeError(f"{method} {path} was never answered")
