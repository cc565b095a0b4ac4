"""A defect of ours costs its request an answer of 500, and no other request anything."""

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import Response
from fastapi.responses import StreamingResponse

from tests.service.bodies import body
from tests.service.connections import listening, read_answer, request

JSON = {"content-type": "application/json"}


async def crash() -> Response:
    raise RuntimeError("a defect")


async def crash_midway() -> Response:
    def parts() -> Iterator[bytes]:
        yield b"half of it"
        raise RuntimeError("a defect in the middle")

    return StreamingResponse(parts())


@pytest.mark.parametrize("is_at_once", [False, True])
def test_the_next_request_on_a_connection_is_answered(
    repository: Path, tmp_path: Path, is_at_once: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it comes before the answer or after it."""
    sent = [
        request("/crash", {}, b"", "GET"),
        request("/predict", JSON, json.dumps(body()).encode()),
    ]

    async def main() -> None:
        async with listening(repository, tmp_path) as server:
            server.app.add_api_route("/crash", crash)
            reader, writer = await server.connect()
            if is_at_once:
                writer.writelines(sent)
            for status, one in zip((500, 200), sent, strict=True):
                if not is_at_once:
                    writer.write(one)
                answer = await read_answer(reader)
                assert answer.status == status
                assert "connection" not in answer.fields
            writer.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["a defect"]


def test_half_an_answer_ends_with_its_connection(repository: Path, tmp_path: Path) -> None:
    """Or the client would take it for a whole one."""

    async def main() -> bytes:
        async with listening(repository, tmp_path) as server:
            server.app.add_api_route("/crash", crash_midway)
            reader, writer = await server.connect()
            writer.write(request("/crash", {}, b"", "GET"))
            got = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return got

    got = asyncio.run(main())
    assert b"half of it" in got
    assert not got.endswith(b"0\r\n\r\n")
