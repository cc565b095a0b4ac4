"""Bodies that come compressed, and answers that go so."""

import asyncio
import gzip
import zlib
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import MalformedBody
from service.http import bodies
from service.http.compression import WORTH, accepts_gzip
from tests.service.bodies import body
from tests.service.running import Server

LIMIT = 2**20  # of the server that tests share


def pack(data: bytes, encoding: str) -> bytes:
    """Compressed as a client would."""
    return gzip.compress(data) if encoding == "gzip" else zlib.compress(data)


def unpack(parts: list[bytes], encoding: str) -> list[bytes]:
    """The inflated pieces of a body that comes in these parts."""

    async def run() -> list[bytes]:
        inflater = bodies.Inflater(encoding)
        pieces = [piece for part in parts async for piece in inflater.pieces(part)]
        inflater.end()
        return pieces

    return asyncio.run(run())


@given(
    st.binary(max_size=200).map(lambda data: data * 5000),
    st.integers(min_value=1, max_value=2000),
    st.sampled_from(["gzip", "deflate"]),
)
def test_any_body_in_any_parts_is_inflated_in_bounded_pieces(
    data: bytes, size: int, encoding: str
) -> None:
    packed = pack(data, encoding)
    pieces = unpack([packed[i : i + size] for i in range(0, len(packed), size)], encoding)
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= bodies.PIECE


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed + b"x",
        lambda packed: packed + packed,
        lambda packed: packed[:-3] + bytes([packed[-3] ^ 1]) + packed[-2:],
        lambda packed: b"plain",
        lambda packed: b"",
    ],
)
def test_damaged_data_is_refused(encoding: str, damage: Any) -> None:
    with pytest.raises(MalformedBody):
        unpack([damage(pack(b"some text" * 100, encoding))], encoding)


def send(client: httpx.Client, content: bytes, encoding: str) -> tuple[int, Any]:
    """Status and JSON of a prediction."""
    headers = {"content-encoding": encoding, "content-type": "application/json"}
    answer = client.post("/predict", content=content, headers=headers)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_packed_body_is_answered_as_the_plain_one(client: httpx.Client, encoding: str) -> None:
    asked = body(30, record=False)
    status, answer = send(client, pack(orjson.dumps(asked), encoding), encoding)
    assert (status, answer) == (200, client.post("/predict", json=asked).json())


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_the_inflated_size_is_bounded(client: httpx.Client, encoding: str) -> None:
    exact = b'{"model":"nope","sequence":[]}'
    fitting = exact + b" " * (LIMIT - len(exact))
    assert send(client, pack(fitting, encoding), encoding)[1]["code"] == "unknown_model"
    status, answer = send(client, pack(fitting + b" ", encoding), encoding)
    assert (status, answer["code"]) == (413, "body_too_large")


def test_a_bomb_is_refused_before_it_is_inflated(client: httpx.Client, server: Server) -> None:
    machine = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(2**24)
    bomb = b"".join(machine.compress(zeros) for _ in range(6)) + machine.flush()
    assert len(bomb) < LIMIT
    for path in ("/predict", "/v2/models/copy/infer", "/sessions"):
        headers = {"content-encoding": "gzip", "content-type": "application/json"}
        before = server.processor_seconds()
        answer = client.post(path, content=bomb, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert server.processor_seconds() - before < 2


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x"])
def test_an_unknown_encoding_is_415(client: httpx.Client, encoding: str) -> None:
    status, answer = send(client, b"{}", encoding)
    assert (status, answer["code"]) == (415, "unsupported_content_encoding")
    headers = {"content-encoding": encoding}
    answer = client.post("/v2/models/copy/infer", content=b"{}", headers=headers).json()
    assert answer["code"] == "unsupported_content_encoding"


def test_a_damaged_body_is_400(client: httpx.Client) -> None:
    assert send(client, b"{}", "gzip")[0] == 400


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("deflate", False),
        ("x-gzipped", False),
        ("", False),
    ],
)
def test_gzip_is_for_those_who_accept_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def test_large_answers_are_packed_and_small_ones_are_not(client: httpx.Client) -> None:
    asked = body(300, include=["read_weightings"], record=False)
    packed = client.post("/predict", json=asked, headers={"accept-encoding": "gzip"})
    plain = client.post("/predict", json=asked, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert WORTH < len(plain.content) == int(plain.headers["content-length"])
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    small = client.get("/v2/health/live", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in small.headers
