"""How far the event loop is behind: in a flood, what waits in sockets for longer than in the queue.

A body has to be read before it can be told that the queue is full. Where bodies come faster than
that, they pile up before anybody has looked at them; then work is refused unread until the event
loop has caught up.
"""

import asyncio

BEAT = 0.1  # seconds from one look to the next
TOO_FAR = 1.0  # seconds


class Lag:
    """Watches the event loop that it is started on."""

    def __init__(self) -> None:
        self.seconds = 0.0  # how much later than it should the last beat came

    @property
    def is_too_far(self) -> bool:
        """Whether no more work should be read."""
        return self.seconds > TOO_FAR

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BEAT
            await asyncio.sleep(BEAT)
            self.seconds = loop.time() - due
