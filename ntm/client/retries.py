"""Retries: exponential backoff with full jitter, and Retry-After where the service says it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import httpx

AGAIN = (429, 503)  # statuses of a request that was not begun


@dataclass(frozen=True)
class Retries:
    """How often and how long a request is tried again that met 429 or 503, or lost its answer.

    That is safe: a prediction gives the same answer again, and a piece of a session carries its
    position, by which the service knows it.
    """

    most: int = 5  # tries after the first
    first: float = 0.1  # seconds, doubled at every further try
    longest: float = 10.0  # seconds that a pause may take, whatever Retry-After says
    draw: Callable[[], float] = random.random  # in [0, 1)

    def pause(self, tried: int, response: httpx.Response | None) -> float | None:
        """Seconds until the next try; None when the request is given up.

        Args:
            tried: tries so far, at least 1
            response: what the last one gave, None where nothing came
        """
        if tried > self.most or (response is not None and response.status_code not in AGAIN):
            return None
        backoff = min(self.longest, self.first * 2.0 ** (tried - 1)) * self.draw()
        return min(self.longest, max(backoff, _retry_after(response)))


def _retry_after(response: httpx.Response | None) -> float:
    """Seconds that the service asks for; none where it asks for nothing that is a number."""
    told = "" if response is None else response.headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else 0.0
