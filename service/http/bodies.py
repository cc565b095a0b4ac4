"""Reading a request's body: bounded as it came and as it inflates, plain, gzip or deflate."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from fastapi import Request

from service.errors import BodyTooLarge, ClientGone, MalformedBody, UnsupportedContentEncoding
from service.http.headers import header
from service.memory import Share

WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
COPIES = 2  # a body, and what is made of it
PIECE = 2**18  # bytes inflated before others get their turn


async def read_body(request: Request, limit: int) -> bytes:
    """A request's body, inflated, refused as soon as it is too large.

    Args:
        request: whose body has not been read
        limit: bytes allowed, both as sent and inflated
    Raises:
        BodyTooLarge: it has more than `limit` bytes, or than ever have room; no more are ever held
        ClientGone: the client left before it was there
        MalformedBody: it is not what its Content-Encoding says
        Overloaded: there is no room for it beside what else is in flight
        UnsupportedContentEncoding: it is encoded in another way than gzip or deflate
    """
    encoding = (header(request.scope, b"content-encoding") or "identity").strip().lower()
    if encoding not in ("identity", "", *WINDOWS):
        raise UnsupportedContentEncoding(
            f"content-encoding should be gzip, deflate or identity, got '{encoding:.40}'"
        )
    share: Share = request.scope["state"]["share"]
    limit = min(limit, share.limit // COPIES)
    announced = header(request.scope, b"content-length") or "0"
    if announced.isdecimal() and int(announced) > limit:
        raise too_large(limit)
    if announced.isdecimal():
        share.refuse_if_full("bodies", COPIES * int(announced))
    parts = sent(request, limit, share)
    if encoding not in WINDOWS:
        return b"".join([part async for part in parts])
    body = bytearray()
    async for part in inflated(parts, encoding):
        share.take("bodies", COPIES * len(part))
        body += part
        if len(body) > limit:
            raise too_large(limit)
    return bytes(body)


async def sent(request: Request, limit: int, share: Share) -> AsyncIterator[bytes]:
    """The parts of a body as they come; what is announced and does not come takes no room.

    Raises:
        Overloaded: there is no room for more
        BodyTooLarge: together they have more than `limit` bytes
        ClientGone: the client left before the last
    """
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("the client left in the middle of the body")
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size > limit:
            raise too_large(limit)
        share.take("bodies", COPIES * len(part))
        yield part


async def inflated(parts: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """The plain parts, none larger than PIECE whatever they are inflated from.

    Raises:
        MalformedBody: they are damaged, cut short, or go on after their end
    """
    machine = zlib.decompressobj(WINDOWS[encoding])
    async for part in parts:
        while part:
            try:
                piece = machine.decompress(part, PIECE)
            except zlib.error:
                raise MalformedBody(f"the body is not {encoding}") from None
            if machine.unused_data:
                raise MalformedBody(f"the body goes on after the end of its {encoding} data")
            yield piece
            part = machine.unconsumed_tail
            await asyncio.sleep(0)
    if not machine.eof:
        raise MalformedBody(f"the body ends in the middle of its {encoding} data")


def too_large(limit: int) -> BodyTooLarge:
    """The error for a body beyond its limit."""
    return BodyTooLarge(f"the body should have at most {limit} bytes, also when inflated")
