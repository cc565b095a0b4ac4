"""A client that goes away takes its work with it."""

import asyncio
from types import TracebackType

from starlette.types import Receive

from service.errors import ClientGone

SOON = 0.005  # seconds, less than a chunk takes


class WhileConnected:
    """`async with WhileConnected(receive)`: what is awaited inside is cancelled at a disconnect.

    Nothing tells a handler that nobody waits for its answer any more unless it asks the server,
    which is done for work that lasts longer than to ask.
    The request's body must have been read, for what comes after it is the disconnect.

    Raises:
        ClientGone: the client left
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._earlier = task, task.cancelling()
        self._watch: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(SOON, self._begin)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        self._gone = True
        self._task.cancel()
