"""float32 numbers as JSON, character by character what orjson writes, in half the time.

First the digits of a block of numbers, in a loop that vectorises; then their text, one behind the
other. Digits and zeros are stored eight characters at once, of which those behind the number are
overwritten by what follows it.
"""

from functools import lru_cache
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ntm.compiled.arithmetic import compiled, leading_zeros, part
from ntm.compiled.decimals import shortest

U = np.uint64

REMEMBERED = 256  # shapes whose layout is not found again

BLOCK = 256  # numbers whose digits are found at once
LONGEST = 18  # characters of -0.00000123456789 and a comma; no store reaches further beyond
MOST_DIGITS = 9
COUNT_FROM, POINT_FROM, BYTE = U(8), U(16), U(0xFF)  # the bits behind a first digit's
BIAS = 64  # of a point, so that it is never negative
LEAST_POINT, GREATEST_POINT = -5, 13  # a number is written without an exponent up to them

TENS = np.array([10**digits for digits in range(MOST_DIGITS + 1)], U)
MAGNITUDE, INFINITE = U(0x7FFFFFFF), U(0x7F800000)
OPEN, CLOSE, COMMA, POINT = map(np.uint8, b"[],.")
MINUS, PLUS, E, ZERO = map(np.uint8, b"-+e0")


def eight(characters: bytes) -> np.uint64:
    """Up to eight characters as they are stored at once."""
    return U(int.from_bytes(characters, "little"))


ZEROS, BELOW_ONE, WHOLE, NULL = map(eight, (b"00000000", b"0.000000", b".0", b"null"))


def to_json(array: NDArray[np.float32]) -> NDArray[np.uint8]:
    """An array as the characters of nested lists; it has a number and an axis at least."""
    values = np.ascontiguousarray(array, np.float32)
    sizes, most = layout(values.shape)
    text = np.empty(most, np.uint8)
    bits = values.reshape(-1).view(np.uint32)
    bits.flags.writeable = False  # one type for the compiler, whatever it came from
    return text[: write(bits, sizes, np.empty((2, BLOCK), U), text)]


@lru_cache(REMEMBERED)
def layout(shape: tuple[int, ...]) -> tuple[NDArray[np.int64], int]:
    """How many numbers lie between each pair of brackets, innermost first, and the longest text."""
    sizes = list(accumulate(reversed(shape), mul))
    brackets = 2 * sum(sizes[-1] // size for size in sizes)
    return np.array(sizes), LONGEST * (sizes[-1] + 1) + brackets


def _put(context: Any, text: Any, end: Any, characters: Any) -> Any:
    signature = types.void(text, types.int64, types.uint64)

    def built(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, operands[0])
        place = builder.bitcast(builder.gep(array.data, [operands[1]]), ir.IntType(64).as_pointer())
        builder.store(operands[2], place, align=1)
        return context.get_dummy_value()

    return signature, built


put: Any = intrinsic(_put)  # put(text, end, characters): eight of them, the lowest byte first


@compiled
def write(values: NDArray[np.uint32], sizes: NDArray[np.int64], room: Any, text: Any) -> int:
    """Write an array as nested lists; what is not finite becomes null.

    Args:
        values: the bits of all its numbers
        sizes: how many numbers lie between a pair of brackets, innermost first
        room: [2, BLOCK] to work in
        text: room for the longest there can be
    Returns:
        how many characters it became
    """
    end = 0
    for _ in range(len(sizes)):
        text[end] = OPEN
        end += 1
    left = sizes[0]
    for start in range(0, len(values), BLOCK):
        some = values[start : start + BLOCK]
        find_digits(some, room)
        for i in range(len(some)):
            end = put_number(text, end, U(some[i]), room[0, i], room[1, i])
            text[end] = COMMA
            end += 1
            left -= 1
            if left == 0:
                left = sizes[0]
                end = put_brackets(text, end - 1, start + i + 1, sizes)
    return end


@compiled
def put_brackets(text: Any, end: int, done: int, sizes: Any) -> int:
    """Close the lists that end after so many numbers, and begin the next."""
    closed = 0
    while closed < len(sizes) and done % sizes[closed] == 0:
        text[end + closed] = CLOSE
        closed += 1
    end += closed
    if closed == len(sizes):
        return end
    text[end] = COMMA
    for _ in range(closed):
        end += 1
        text[end] = OPEN
    return end + 1


@compiled
def find_digits(values: Any, room: Any) -> None:
    """What is to be written of every number: it is 0.DIGITS * 10^point.

    Args:
        values: the bits; what is found of zero and of what is not finite means nothing
        room: [0]: the digits behind the first; [1]: the first, how many there are, and the point
    """
    for i in range(len(values)):
        d, k = shortest(U(values[i]) & MAGNITUDE)
        point = k + MOST_DIGITS
        for missing in (4, 4, 2, 1):
            if d < TENS[MOST_DIGITS - missing]:
                d, point = d * TENS[missing], point - missing
        first = (d * U(1441151881)) >> U(57)  # d // 10^8, for all of nine digits
        digits = eight_digits(d - first * TENS[8])
        count = U(MOST_DIGITS) - (leading_zeros(digits) >> U(3))
        room[0, i] = digits
        room[1, i] = first | (count << COUNT_FROM) | (U(point + BIAS) << POINT_FROM)


@part
def eight_digits(number: np.uint64) -> np.uint64:
    """The digits of a number below 10^8, one in each byte, the first in the lowest."""
    fours = (number * U(3518437209)) >> U(45)  # number // 10^4, for all below 10^8
    fours |= (number - fours * U(10_000)) << U(32)
    twos = ((fours * U(10486)) >> U(20)) & U(0x0000007F0000007F)
    twos |= (fours - twos * U(100)) << U(16)
    ones = ((twos * U(103)) >> U(10)) & U(0x000F000F000F000F)
    return ones | ((twos - ones * U(10)) << U(8))


@part
def put_number(text: Any, end: int, bits: np.uint64, digits: np.uint64, packed: np.uint64) -> int:
    """Write one number; where it ends."""
    magnitude = bits & MAGNITUDE
    if magnitude >= INFINITE:
        put(text, end, NULL)
        return end + 4
    text[end] = MINUS
    if bits != magnitude:
        end += 1
    if magnitude == U(0):
        put(text, end, BELOW_ONE)
        return end + 3
    first, digits = np.uint8(packed) + ZERO, digits | ZEROS
    count = np.int64((packed >> COUNT_FROM) & BYTE)
    point = np.int64(packed >> POINT_FROM) - BIAS
    if LEAST_POINT <= point <= 0:
        return put_below_one(text, end, first, digits, count, point)
    if 0 < point <= GREATEST_POINT:
        return put_above_one(text, end, first, digits, count, point)
    return put_with_exponent(text, end, first, digits, count, point - 1)


@part
def put_below_one(
    text: Any, end: int, first: np.uint8, digits: np.uint64, count: int, point: int
) -> int:
    """Such as 0.00123."""
    put(text, end, BELOW_ONE)
    end += 2 - point
    text[end] = first
    put(text, end + 1, digits)
    return end + count


@part
def put_above_one(
    text: Any, end: int, first: np.uint8, digits: np.uint64, count: int, point: int
) -> int:
    """Such as 12.3 or 1230.0."""
    text[end] = first
    put(text, end + 1, digits)
    put(text, end + MOST_DIGITS, ZEROS)
    if count <= point:
        put(text, end + point, WHOLE)
        return end + point + 2
    for place in range(end + count, end + point, -1):
        text[place] = text[place - 1]
    text[end + point] = POINT
    return end + count + 1


@part
def put_with_exponent(
    text: Any, end: int, first: np.uint8, digits: np.uint64, count: int, exponent: int
) -> int:
    """Such as 1.23e-9 or 1e+20."""
    text[end], text[end + 1] = first, POINT
    put(text, end + 2, digits)
    end += count + (count > 1)
    text[end], text[end + 1] = E, MINUS if exponent < 0 else PLUS
    tens, ones = divmod(abs(exponent), 10)
    end += 2
    text[end] = ZERO + np.uint8(tens)
    end += tens > 0
    text[end] = ZERO + np.uint8(ones)
    return end + 1
