"""When the event loop is far behind, work is refused unread and everything else is answered."""

import asyncio
import time
from typing import Any

import pytest

from service.drain import Gate, Work
from service.lag import BEAT, TOO_FAR, Lag


async def answered(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads the body and says yes."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def ask(method: str, path: str, behind: float) -> tuple[int, dict[bytes, bytes], bool]:
    """The status and headers of an answer, and whether the body was read."""
    lag, sent, read = Lag(), [], []
    lag.seconds = behind

    async def receive() -> dict[str, Any]:
        read.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": []}
    asyncio.run(Gate(answered, Work(), lag)(scope, receive, send))  # type: ignore[arg-type]
    return sent[0]["status"], dict(sent[0]["headers"]), bool(read)


@pytest.mark.parametrize(
    ("method", "path", "behind", "status"),
    [
        ("POST", "/predict", TOO_FAR + 1, 503),
        ("POST", "/predict", TOO_FAR / 2, 200),
        ("GET", "/models", TOO_FAR + 1, 200),
        ("GET", "/metrics", TOO_FAR + 1, 200),
    ],
)
def test_work_is_refused_unread(method: str, path: str, behind: float, status: int) -> None:
    given, headers, read = ask(method, path, behind)
    assert given == status
    assert read == (status == 200)
    assert headers.get(b"retry-after") == (b"1" if status == 503 else None)


def test_it_sees_an_event_loop_that_is_kept_and_one_that_has_caught_up() -> None:
    async def main() -> None:
        lag = Lag()
        watching = asyncio.create_task(lag.watch())
        await asyncio.sleep(0)
        time.sleep(BEAT + 0.5)
        await asyncio.sleep(BEAT / 2)
        assert lag.seconds >= 0.5
        while lag.seconds >= 0.5:
            await asyncio.sleep(BEAT)
        watching.cancel()

    asyncio.run(asyncio.wait_for(main(), 60))
