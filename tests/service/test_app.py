"""The application itself: nothing is made ready by the first request."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from service.app import create_app
from service.settings import Settings


def test_the_first_request_of_all_does_no_more_than_the_next(
    repository: Path, tmp_path: Path
) -> None:
    """Counted are calls of Python functions; to make routes and their models takes many."""
    app = create_app(Settings(models=repository, data=tmp_path, engine="onnx"))
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    async def ask() -> int:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/v2/health/live",
            "query_string": b"",
            "headers": [(b"host", b"x")],
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        before = calls
        sys.setprofile(count)
        try:
            await app(scope, receive, send)
        finally:
            sys.setprofile(None)
        assert [message.get("status") for message in sent] == [200, None]
        return calls - before

    async def main() -> tuple[int, int]:
        async with app.router.lifespan_context(app):
            return await ask(), await ask()

    first, second = asyncio.run(main())
    assert second > 50
    assert first < 10 * second
