"""Rate limits: one token bucket a name, that holds what comes in a second."""

import math
from collections.abc import Callable

from service.errors import TooManyRequests

LONGEST = 86_400  # seconds to wait that are told, however small a rate is


class Rates:
    """Counts requests by name; a name may have several keys."""

    def __init__(self, clock: Callable[[], float], processes: int = 1) -> None:
        """Allow each of so many processes its share; `clock` gives seconds of any beginning."""
        self._clock, self._processes = clock, processes
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, and when there were as many

    def take(self, name: str, rate: float) -> None:
        """Count a request of somebody who may send so many a second.

        Raises:
            TooManyRequests: they were more
        """
        now, share = self._clock(), rate / self._processes
        most = max(1.0, share)
        tokens, then = self._buckets.get(name, (most, now))
        tokens = min(most, tokens + (now - then) * share)
        if tokens < 1:
            self._buckets[name] = tokens, now
            raise TooManyRequests(
                f"the key '{name}' may ask {rate:g} times a second, and has asked more often",
                retry_after=math.ceil(min(LONGEST, (1 - tokens) / share)),
            )
        self._buckets[name] = tokens - 1, now
