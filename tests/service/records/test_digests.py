"""A digest tells arrays apart by their bits, and knows what earlier versions recorded."""

import hashlib

import numpy as np
import pytest

from service.errors import Unreplayable, WrongPosition
from service.inspection.replay import verify
from service.records.digests import digest_of, is_digest_of
from service.records.session import Piece, Session, is_repeated
from service.records.trace import Trace
from service.scheduling.walk import Walked
from tests.service.bodies import draw


def test_it_is_the_published_xxh3() -> None:
    """What the specification gives for no bytes at all."""
    assert digest_of(np.zeros((0, 8), np.float32)) == "99aa06d3014798d86001c324468d497f"


@pytest.mark.parametrize("array", [draw(5), draw(5)[:, :3], draw(6)[1:4], draw(4).T])
def test_it_is_of_the_numbers_however_they_lie(array: np.ndarray) -> None:
    assert digest_of(array) == digest_of(np.array(array.tolist(), np.float32))
    assert is_digest_of(digest_of(array), array)


def test_every_bit_counts() -> None:
    array = draw(3)
    bits = array.view(np.uint32)
    for place in range(bits.size):
        for bit in range(32):
            other = bits.copy()
            other.flat[place] ^= np.uint32(1 << bit)
            assert not is_digest_of(digest_of(array), other.view(np.float32))
    assert digest_of(np.float32([0.0])) != digest_of(np.float32([-0.0]))


def test_digests_of_earlier_versions_still_hold() -> None:
    array = draw(7)
    recorded = hashlib.sha256(array.astype("<f4").tobytes()).hexdigest()
    other = np.nextafter(array, np.float32(9))
    assert is_digest_of(recorded, array)
    assert not is_digest_of(recorded, other)
    trace = Trace("t", "copy", 1, "d", "onnx", 0.0, 16, array, None, recorded)
    verify(trace, Walked(array, {}))
    with pytest.raises(Unreplayable):
        verify(trace, Walked(other, {}))
    last = Piece(0, 7, recorded, "")
    session = Session("s", "copy", 1, "d", "onnx", 16, 0.0, 0.0, position=7, last=last)
    assert is_repeated(session, 0, array)
    with pytest.raises(WrongPosition):
        is_repeated(session, 0, other)
