"""JSON objects whose long arrays stay text until they are read, some elements at a time.

One call of a JSON parser holds the interpreter until it is done, and makes an object of every
number: a body of 24 MB would stop the event loop for seconds, and take twenty times its size. Here
a body is searched for its long arrays, piece by piece; what is beside them is parsed at once, and
they are parsed in pieces by whoever needs them.
"""

import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from service.errors import BodyTooLarge, MalformedBody

PIECE = 2**16  # bytes that are looked at, or parsed, at once
FEW = 2  # pieces; between two cuts there is one element, or no more text than that
LONG = 2**14  # bytes from which an array stays text
MOST_BESIDE = 2**20  # bytes of an object without its long arrays
MOST_OBJECTS = 16  # one inside another

QUOTE, BACKSLASH, COMMA = b'"\\,'
DEEPER = np.zeros(256, np.int8)  # how much deeper it is behind a character
DEEPER[list(b"[{")], DEEPER[list(b"]}")] = 1, -1


def flags(characters: bytes) -> bytes:
    """A table for `bytes.translate` that leaves 1 for these characters, 0 for others."""
    return bytes(character in characters for character in range(256))


OF_ARRAYS, OF_ELEMENTS = flags(b"[]"), flags(b"[]{},")

Bytes = NDArray[np.uint8]


class Cut(NamedTuple):
    """A comma between two elements of an array."""

    at: int
    before: int  # how many elements lie before it


class LongArray:
    """An array as text; its elements are parsed when they are asked for."""

    def __init__(self, text: memoryview, start: int = 0) -> None:
        """Count the elements.

        Args:
            text: from bracket to bracket
            start: where it is in the body, for messages
        Raises:
            MalformedBody: its brackets do not fit
        """
        self._text, self._start = text, start
        self._cuts = list(cuts(text))

    def __len__(self) -> int:
        return self._cuts[-1].before

    @property
    def size(self) -> int:
        """Bytes of its text."""
        return len(self._text)

    @property
    def is_nested(self) -> bool:
        """Whether its first element is an array."""
        return bytes(self._text[1:PIECE]).lstrip()[:1] == b"["

    def pieces(self) -> Iterator[tuple[int, list[Any]]]:
        """Elements, about PIECE bytes of them at a time, with the place of their first.

        An array or object that is longer than a piece is a LongArray or has some.

        Raises:
            MalformedBody: it is not JSON
        """
        start, first = 1, 0
        for cut in self._cuts:
            yield first, self._parse(start, cut, cut.before - first)
            start, first = cut.at + 1, cut.before

    def to_list(self) -> list[Any]:
        """All elements, and the elements of those that are long, as lists."""
        return [to_lists(element) for _, piece in self.pieces() for element in piece]

    def _parse(self, start: int, cut: Cut, expected: int) -> list[Any]:
        text, place = self._text[start : cut.at], self._start + start
        if len(text) > FEW * PIECE:
            return [long_element(text, place)]
        elements: list[Any] = loads(b"[%b]" % bytes(text), place - 1)
        if len(elements) != expected:
            raise MalformedBody(f"the body is not JSON: an element is missing (char {place})")
        return elements


def long_element(text: memoryview, start: int) -> Any:
    """An element of an array that is longer than a piece.

    Raises:
        MalformedBody: it is not JSON
        BodyTooLarge: too much of it is in no array
    """
    plain = bytes(text).lstrip()
    begin, element = start + len(text) - len(plain), plain.rstrip()
    if element[:1] == b"[" and element[-1:] == b"]":
        return LongArray(memoryview(element), begin)
    if element[:1] not in (b"{", b'"'):
        raise MalformedBody(f"the body is not JSON (char {begin})")
    return load(element, begin)


def to_lists(value: Any) -> Any:
    """The same with lists for long arrays."""
    if isinstance(value, LongArray):
        return value.to_list()
    if isinstance(value, dict):
        return {name: to_lists(inner) for name, inner in value.items()}
    return value


def load(text: bytes | memoryview, start: int = 0) -> Any:
    """What JSON text is, with LongArray for the long arrays of an object.

    Raises:
        MalformedBody: what is beside those is not JSON
        BodyTooLarge: there is too much beside them
    """
    whole, name = memoryview(text), secrets.token_hex()
    parts, arrays = list[bytes | memoryview](), dict[str, LongArray]()
    end = 0
    for begin, stop in outermost(whole):
        stand_in = f"{name}{len(arrays)}"  # no text that a client can send is equal to it
        arrays[stand_in] = LongArray(whole[begin:stop], start + begin)
        parts += [whole[end:begin], b'"%b"' % stand_in.encode()]
        end = stop
    parts.append(whole[end:])
    if sum(map(len, parts)) > MOST_BESIDE:
        raise BodyTooLarge(
            f"the body should have at most {MOST_BESIDE} bytes beside arrays of numbers"
        )
    return put_back(loads(b"".join(parts), start), arrays, MOST_OBJECTS)


def put_back(value: Any, arrays: dict[str, LongArray], depth: int) -> Any:
    """The same with arrays in the place of their stand-ins."""
    if isinstance(value, str):
        return arrays.get(value, value)
    if isinstance(value, dict):
        if not depth:
            raise MalformedBody(f"objects should be at most {MOST_OBJECTS} inside one another")
        return {name: put_back(inner, arrays, depth - 1) for name, inner in value.items()}
    return value


def loads(text: bytes, start: int) -> Any:
    """What a short JSON text is.

    Raises:
        MalformedBody: nothing
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        place = start + error.pos
        raise MalformedBody(f"the body is not JSON: {error.msg} (char {place})") from None


def outermost(text: memoryview) -> Iterator[tuple[int, int]]:
    """Where the long ones of the arrays begin and end that are in no other array.

    Raises:
        MalformedBody: one ends that has not begun, or the last one does not end
    """
    depth, begins = 0, np.empty(0, np.int64)
    for places, characters in outside_strings(text, OF_ARRAYS):
        change = DEEPER[characters]
        depths = np.cumsum(change, dtype=np.int64) + depth
        if depths.min(initial=0) < 0:
            raise MalformedBody("the body is not JSON: an array ends that has not begun")
        depth = int(depths[-1]) if len(depths) else depth
        ends = places[(change < 0) & (depths == 0)] + 1
        begins = np.append(begins, places[(change > 0) & (depths == 1)])
        for place in np.flatnonzero(ends - begins[: len(ends)] > LONG):
            yield int(begins[place]), int(ends[place])
        begins = begins[len(ends) :]
    if depth:
        raise MalformedBody("the body is not JSON: an array does not end")


def cuts(text: memoryview) -> Iterator[Cut]:
    """Where to cut an array: at its last comma in every piece of the text, and at its end.

    An element that spans pieces is cut off alone.


    Raises:
        MalformedBody: its brackets do not fit
    """
    depth, commas, cut, last = 0, 0, 0, len(text) - 1
    for places, characters in outside_strings(text, OF_ELEMENTS):
        depths = np.cumsum(DEEPER[characters], dtype=np.int64) + depth
        depth = int(depths[-1]) if len(depths) else depth
        if depths[places < last].min(initial=1) < 1:
            raise MalformedBody("the body is not JSON: brackets do not fit")
        between = places[(characters == COMMA) & (depths == 1)]
        if len(between):
            if len(between) > 1 and between[0] - cut > (FEW - 1) * PIECE:
                yield Cut(int(between[0]), commas + 1)
            commas += len(between)
            cut = int(between[-1])
            yield Cut(cut, commas)
    is_empty = not commas and not bytes(text[1:last]).strip()
    yield Cut(last, 0 if is_empty else commas + 1)


def outside_strings(text: memoryview, wanted: bytes) -> Iterator[tuple[NDArray[np.int64], Bytes]]:
    """Some characters of a text that are in no string, and their places, piece by piece.

    Args:
        text: of JSON
        wanted: a table, as `flags` makes it
    """
    inside = escaped = False
    for at in range(0, len(text), PIECE):
        piece = bytes(text[at : at + PIECE])
        characters = np.frombuffer(piece, np.uint8)
        found = np.frombuffer(piece.translate(wanted), np.bool_)
        if inside or escaped or b'"' in piece or b"\\" in piece:
            quotes, slashes = characters == QUOTE, characters == BACKSLASH
            hidden, escaped = behind_backslashes(slashes, escaped)
            strings = np.logical_xor.accumulate(quotes & ~hidden) ^ inside
            inside, found = bool(strings[-1]), found & ~strings
        places = np.flatnonzero(found)
        yield places + at, characters[places]


def behind_backslashes(slashes: NDArray[np.bool_], escaped: bool) -> tuple[NDArray[np.bool_], bool]:
    """Which characters a backslash takes its meaning from.

    Args:
        slashes: where backslashes are, of which every second one in a row is such a character
        escaped: whether the first character is
    Returns:
        which are, and whether the one behind the last is
    """
    places = np.arange(len(slashes))
    free = slashes.copy()
    free[0] &= not escaped
    begins = free.copy()
    begins[1:] &= ~free[:-1]
    in_a_row = places - np.maximum.accumulate(np.where(begins, places, 0))
    escaping = free & (in_a_row % 2 == 0)
    hidden = np.empty_like(slashes)
    hidden[0], hidden[1:] = escaped, escaping[:-1]
    return hidden, bool(escaping[-1])
