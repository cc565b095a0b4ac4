"""Numbers as text: they read back exactly, with the fewest digits, and are written as by orjson."""

import json

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from ntm.compiled.json_numbers import BLOCK, to_json, write

Array = NDArray[np.float32]

INFINITE = 0x7F800000


def drawn(count: int = 200_000) -> Array:
    """Finite numbers of all magnitudes, both signs."""
    bits = np.random.default_rng(0).integers(0, INFINITE, count, dtype=np.uint32)
    return (bits | (np.arange(count, dtype=np.uint32) % 2 << 31)).view(np.float32)


def edges() -> Array:
    """Both zeros, and of every exponent the first two and last two numbers and the middle ones."""
    fractions = np.array([0, 1, 2**22 - 1, 2**22, 2**23 - 2, 2**23 - 1], np.uint32)
    exponents = np.arange(255, dtype=np.uint32)
    return np.concatenate([b.view(np.float32) for b in (exponents[:, None] << 23 | fractions)])


def decimals() -> Array:
    """Numbers that have few digits, of all magnitudes."""
    wholes, powers = np.arange(1, 1100), np.arange(-45, 36)
    return np.array([float(f"{w}e{p}") for p in powers for w in wholes], np.float32)


SORTS = {"drawn": drawn, "edges": edges, "decimals": decimals}


def digits_of(text: str) -> str:
    """Those that count."""
    return text.partition("e")[0].replace(".", "").strip("-0")


@pytest.mark.parametrize("sort", SORTS)
def test_what_is_written_reads_back_exactly(sort: str) -> None:
    numbers = SORTS[sort]()
    read = np.array(json.loads(to_json(numbers).tobytes()), np.float32)
    assert np.array_equal(read.view(np.uint32), numbers.view(np.uint32))


@pytest.mark.parametrize("sort", SORTS)
def test_it_is_what_orjson_writes(sort: str) -> None:
    numbers = SORTS[sort]()
    assert to_json(numbers).tobytes() == orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)


@pytest.mark.parametrize("sort", SORTS)
def test_digits_are_the_fewest_and_nearest(sort: str) -> None:
    numbers = SORTS[sort]()[:20_000]
    written = to_json(numbers).tobytes().decode()[1:-1].split(",")
    for number, text in zip(numbers, written, strict=True):
        # Steele and White's and Dragon4's, of NumPy
        expected = np.format_float_scientific(number, unique=True, trim="-")
        assert digits_of(text) == digits_of(expected), (number, text)


@pytest.mark.parametrize("shape", [(1,), (3, 1, 2), (1, 1, 1, 1), (2, BLOCK + 1), (BLOCK + 1, 1)])
def test_axes_are_nested_lists(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    assert np.array_equal(np.array(json.loads(to_json(array).tobytes()), np.float32), array)


def test_a_view_is_written_as_what_it_shows() -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert json.loads(to_json(array[:, ::2, 1:3]).tobytes()) == array[:, ::2, 1:3].tolist()


def test_nothing_is_compiled_anew_for_what_cannot_be_written_to() -> None:
    array = np.frombuffer(bytes(8), np.float32)
    assert to_json(array).tobytes() == b"[0.0,0.0]"
    assert to_json(array.copy()).tobytes() == b"[0.0,0.0]"
    assert len(write.signatures) == 1


def test_what_is_not_finite_is_null() -> None:
    array = np.array([1, np.nan, np.inf, -np.inf, -np.nan], np.float32)
    assert to_json(array).tobytes() == b"[1.0,null,null,null,null]"


@pytest.mark.parametrize("number", [-0.00000123456789, 1e12, -1.2345678e-38, -0.0, np.nan])
@pytest.mark.parametrize("shape", [(1,), (BLOCK,), (7, 1, 1)])
def test_nothing_is_written_behind_its_room(number: float, shape: tuple[int, ...]) -> None:
    array = np.full(shape, number, np.float32)
    room = to_json(array).base
    assert room is not None
    sizes = np.array([np.prod(shape[axis:]) for axis in reversed(range(len(shape)))])
    guarded = np.full(len(room) + 64, 7, np.uint8)
    bits = array.reshape(-1).view(np.uint32)
    bits.flags.writeable = False
    write(bits, sizes, np.empty((2, BLOCK), np.uint64), guarded[: len(room)])
    assert (guarded[len(room) :] == 7).all()
