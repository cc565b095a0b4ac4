"""The way to Redis: short time-outs, and a pause that grows while it does not answer."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError, RedisError, ResponseError, TimeoutError

from service.errors import StoreUnavailable
from service.store.damage import Unreadable

log = logging.getLogger("ntm.store")

CONNECTIONS = 64
AGAIN = 2  # a kept connection that a restart of Redis broke is found out by using it
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds in which nobody is kept waiting for Redis
LOST = (ConnectionError, TimeoutError, OSError, asyncio.TimeoutError)
Argument = str | bytes | int | float


ANOTHER_KIND = "the store of traces and sessions holds something else under a key"
# What a script says that meets another type, nothing where a number should be, or text
OF_ANOTHER_KIND = ("WRONGTYPE", "attempt to compare", "attempt to concatenate", "not an integer")


class Link:
    """Runs scripts. While Redis is away all are refused at once but one now and then."""

    def __init__(
        self, url: str, timeout: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: redis://, rediss:// or unix://
            timeout: seconds that Redis may take
            clock: seconds, never going back
        Raises:
            ValueError: the URL is none
        """
        self._url, self._timeout, self._clock = url, timeout, clock
        self._client: Redis | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pause = 0.0
        self._closed_until = 0.0
        self._connect()

    async def run(self, script: str, arguments: Sequence[Argument]) -> Any:
        """What a script answers; it may be run twice, so it must do the same then.

        Raises:
            StoreUnavailable: Redis does not answer in time, or refuses
            Unreadable: what lies under a key is no trace or session
        """
        now = self._clock()
        if self._pause:
            if now < self._closed_until:
                raise self._unavailable(self._closed_until - now)
            self._closed_until = now + self._timeout  # the others wait for what this one finds
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._here().register_script(script)(args=arguments)
        except ResponseError as error:
            if any(sign in str(error) for sign in OF_ANOTHER_KIND):
                log.error("Redis holds something else: %s", error)
                raise Unreadable(ANOTHER_KIND) from error
            # it is there: full, loading, a replica that reads only
            log.error("Redis refused: %s", error)
            raise self._unavailable(FIRST_PAUSE) from error
        except (*LOST, RedisError) as error:
            self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
            self._closed_until = self._clock() + self._pause
            why = f"{type(error).__name__} {error}"  # a time-out says nothing but its name
            log.error("Redis does not answer, next try in %g s: %s", self._pause, why)
            raise self._unavailable(self._pause) from error
        except asyncio.CancelledError:
            self._closed_until = min(self._closed_until, self._clock())  # nothing was found out
            raise
        if self._pause:
            log.warning("Redis answers again")
            self._pause = 0.0
        return answer

    async def close(self) -> None:
        """Let the connections go."""
        if self._client is not None and self._loop is asyncio.get_running_loop():
            with suppress(RedisError, OSError):
                await self._client.aclose()

    def _here(self) -> Redis:
        """The client of the running event loop; connections belong to the one they were made on."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client, self._loop = self._connect(), loop
        return self._client

    def _connect(self) -> Redis:
        pool = BlockingConnectionPool.from_url(
            self._url,
            max_connections=CONNECTIONS,
            timeout=self._timeout,
            socket_timeout=self._timeout,
            socket_connect_timeout=self._timeout / 2,
            retry=Retry(ExponentialBackoff(cap=0.05, base=0.01), AGAIN),
        )
        return Redis.from_pool(pool)

    def _unavailable(self, wait: float) -> StoreUnavailable:
        return StoreUnavailable(
            "the store of traces and sessions does not answer", retry_after=max(1, math.ceil(wait))
        )
