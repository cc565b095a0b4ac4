"""A client that goes away takes its work with it."""

import asyncio
from types import TracebackType
from typing import Any

from starlette.types import Receive

from service.errors import ClientGone

SOON = 0.005  # seconds, less than a chunk takes


class Departure:
    """Tells those who work for a client that its connection has ended."""

    __slots__ = ("has_ended", "watching")

    def __init__(self) -> None:
        self.watching = set[WhileConnected]()
        self.has_ended = False

    def happen(self) -> None:
        """The connection has ended."""
        self.has_ended = True
        for each in tuple(self.watching):
            each.leave()


class WhileConnected:
    """`with WhileConnected(...)`: what is awaited inside is cancelled when the client leaves.

    A connection of ours tells of its end. Any other server has to be asked for it, after the
    request's body has been read, which is done for work that lasts longer than to ask.

    Raises:
        ClientGone: the client left
    """

    def __init__(self, state: dict[str, Any], receive: Receive) -> None:
        """Watch a request's client.

        Args:
            state: of the request; `departure` is its connection's, where that has one
            receive: of the request
        """
        self._departure: Departure | None = state.get("departure")
        self._receive = receive
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self._gone = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._earlier = task, task.cancelling()
        if self._departure is None:
            self._timer = asyncio.get_running_loop().call_later(SOON, self._begin)
        elif self._departure.has_ended:
            raise ClientGone("the client went away")
        else:
            self._departure.watching.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._departure is not None:
            self._departure.watching.discard(self)
        elif self._timer is not None:
            self._timer.cancel()
            if self._watch is not None:
                self._watch.cancel()
        if not self._gone:
            return
        others = self._task.uncancel() > self._earlier  # somebody else cancels as well
        if kind is asyncio.CancelledError and not others:
            raise ClientGone("the client went away") from None

    def _begin(self) -> None:
        self._watch = asyncio.create_task(self._wait_for_disconnect())

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.leave()

    def leave(self) -> None:
        """The client has gone."""
        self._gone = True
        self._task.cancel()
