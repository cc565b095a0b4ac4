"""Sequences of bits read straight from a body's text.

They are most of what is sent to such a model. Text as libraries write it, rows of as many one-digit
numbers each, is a table of characters: to look at the table as a whole takes a tenth of the time
that a Python number for every digit does.
"""

import re

import numpy as np
from numpy.typing import NDArray

NAME = b'"sequence"'
BEGIN = re.compile(NAME + rb":( ?)\[\[")
STAND_IN = b"[]"  # what is left in the place of a sequence that was cut out
ZERO = ord("0")


def cut_out(body: bytes) -> tuple[bytes, NDArray[np.uint8]] | None:
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
    width, step = text.index(between), 1 + len(comma)
    zeros = (b"0" + comma) * (width // step) + b"0" + between  # a row of them
    if end < 0 or not width or len(text) % len(zeros):
        return None
    table = np.frombuffer(text, np.uint8).reshape(-1, len(zeros))
    digits = table[:, :width:step] - np.uint8(ZERO)
    others = table.copy()
    others[:, :width:step] = ZERO
    if digits.max() > 9 or not (others == np.frombuffer(zeros, np.uint8)).all():
        return None
    return body[: start - len(b"[[")] + STAND_IN + body[end + len(b"]]") :], digits
