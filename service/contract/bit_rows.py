"""Sequences of bits read straight from a body's text.

They are most of what is sent to such a model. In text as libraries write it, rows of as many
one-digit numbers each, nothing differs from a table of zeros but the digits: to find that out for
the text as a whole takes a tenth of the time that a Python number for every digit does.
"""

import re

import numpy as np
from numpy.typing import NDArray

NAME = b'"sequence"'
BEGIN = re.compile(NAME + rb":( ?)\[\[")
STAND_IN = b"[]"  # what is left in the place of a sequence that was cut out
AS_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
AS_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))

Cut = tuple[bytes, NDArray[np.uint8]]  # what is left of a body, and the bits [T, width]


def cut_out(body: bytes) -> Cut | None:
    """A body without its sequence, and that as [T, width]; None where it is written otherwise.

    Whether what was cut out is the sequence, and not something inside another field, shows where
    the rest is parsed: there STAND_IN is the sequence.
    """
    begin = BEGIN.search(body)
    # a name written twice, or with an escape, may be another's; in JSON the last one counts
    if begin is None or body.count(NAME) > 1 or b"\\" in body:
        return None
    start, end, space = begin.end(), body.find(b"]]", begin.end()), begin[1]
    between, comma = b"]," + space + b"[", b"," + space
    text = body[start:end] + between
    width = text.index(between)
    numbers = 1 + width // (1 + len(comma))
    zeros = comma.join([b"0"] * numbers) + between  # a row of them
    if end < 0 or not width or text.translate(AS_ZEROS) != zeros * (len(text) // len(zeros)):
        return None
    digits = np.frombuffer(text.translate(AS_VALUES, between), np.uint8)
    rest = body[: start - len(b"[[")] + STAND_IN + body[end + len(b"]]") :]
    return rest, digits.reshape(-1, numbers)
