"""Reading a request's body: bounded as it came and as it inflates, plain, gzip or deflate."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from starlette.types import Receive, Scope

from service.errors import BodyTooLarge, ClientGone, MalformedBody, UnsupportedContentEncoding
from service.http.headers import headers_of
from service.memory import Share

WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
PLAIN = ("", "identity")
COPIES = 2  # a body, and what is made of it
COMES_AT_ONCE = 2**14  # bytes of a body that may lie here before it is asked for
PIECE = 2**18  # bytes inflated before others get their turn


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """A request's body, inflated, refused as soon as it is too large.

    Args:
        scope: of a request whose body has not been read; its state has the `share` it counts on
        receive: of the request
        limit: bytes allowed, both as sent and inflated
    Raises:
        BodyTooLarge: it has more than `limit` bytes, or than ever have room; no more are ever held
        ClientGone: the client left before it was there
        MalformedBody: it is not what its Content-Encoding says
        Overloaded: there is no room for it beside what else is in flight
        UnsupportedContentEncoding: it is encoded in another way than gzip or deflate
    """
    share: Share = scope["state"]["share"]
    limit, headers = min(limit, share.limit // COPIES), headers_of(scope)
    encoding = headers.get(b"content-encoding")
    inflater = None if encoding is None else inflater_of(encoding)
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and (length := int(announced)) > COMES_AT_ONCE:
        if length > limit:
            raise too_large(limit)
        share.refuse_if_full("bodies", COPIES * length)
    parts: list[bytes] = []
    received, size, more = 0, 0, True
    while more:  # what is announced and does not come takes no room
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("the client left in the middle of the body")
        part, more = message.get("body", b""), message.get("more_body", False)
        received += len(part)
        if received > limit:
            raise too_large(limit)
        share.take("bodies", COPIES * len(part))
        if inflater is None:
            if received == len(part) and not more:  # most come as a whole
                return bytes(part)
            parts.append(part)
            continue
        async for piece in inflater.pieces(part):
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            share.take("bodies", COPIES * len(piece))
            parts.append(piece)
    if inflater is not None:
        inflater.end()
    return b"".join(parts)


def inflater_of(encoding: bytes) -> "Inflater | None":
    """What inflates a body of this Content-Encoding; None where it is plain.

    Raises:
        UnsupportedContentEncoding: it is neither gzip nor deflate
    """
    name = encoding.decode("latin-1").strip().lower()
    return None if name in PLAIN else Inflater(name)


class Inflater:
    """Inflates a body as its parts come."""

    def __init__(self, encoding: str) -> None:
        """Begin.

        Raises:
            UnsupportedContentEncoding: it is neither gzip nor deflate
        """
        if encoding not in WINDOWS:
            raise UnsupportedContentEncoding(
                f"content-encoding should be gzip, deflate or identity, got '{encoding:.40}'"
            )
        self._encoding, self._machine = encoding, zlib.decompressobj(WINDOWS[encoding])

    async def pieces(self, part: bytes) -> AsyncIterator[bytes]:
        """A part inflated, in pieces of at most PIECE bytes.

        Raises:
            MalformedBody: it is damaged, or goes on after the end of the data
        """
        machine = self._machine
        while part:
            try:
                piece = machine.decompress(part, PIECE)
            except zlib.error:
                raise MalformedBody(f"the body is not {self._encoding}") from None
            if machine.unused_data:
                raise MalformedBody(f"the body goes on after the end of its {self._encoding} data")
            yield piece
            part = machine.unconsumed_tail
            await asyncio.sleep(0)

    def end(self) -> None:
        """Check that nothing is missing.

        Raises:
            MalformedBody: the data has not ended
        """
        if not self._machine.eof:
            raise MalformedBody(f"the body ends in the middle of its {self._encoding} data")


def too_large(limit: int) -> BodyTooLarge:
    """The error for a body beyond its limit."""
    return BodyTooLarge(f"the body should have at most {limit} bytes, also when inflated")
