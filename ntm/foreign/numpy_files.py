"""NumPy's .npy with a pickled list of arrays, as Python 2 left it; nothing of it is run."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm.foreign.errors import ForeignFile
from ntm.foreign.pickles import Function, RefusedGlobal, read
from ntm.repository.folders import read_file

Array = NDArray[Any]
KINDS = "fiub"  # numbers
ARRAYS = 1000  # in one file


class Saved:
    """An array as its pickle tells it: shape, type, and bytes or a list of objects."""

    __slots__ = ("data", "dtype", "fortran", "shape")

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, self.fortran, self.data = state

    def objects(self) -> list[Any]:
        """The objects of an array of them.

        Raises:
            ValueError: it is an array of numbers
        """
        if not isinstance(self.data, list):
            raise ValueError("expected a list of arrays")
        return list(self.data)

    def array(self) -> Array:
        """The numbers.

        Raises:
            ValueError: its bytes are not of this shape, or no numbers
        """
        data = self.data.encode("latin1") if isinstance(self.data, str) else self.data
        kind = np.dtype(self.dtype.text)
        if kind.kind not in KINDS or not isinstance(data, bytes):
            raise ValueError(f"an array of {self.dtype.text!r} holds no numbers")
        shape = tuple(int(size) for size in self.shape)
        order = "F" if self.fortran else "C"
        return np.frombuffer(data, kind).reshape(shape, order=order)  # type: ignore[call-overload,no-any-return]


class Kind:
    """A dtype by its text, such as f8, and the order of its bytes."""

    __slots__ = ("text",)

    def __init__(self, text: str, *_: Any) -> None:
        self.text = str(text)

    def __setstate__(self, state: Any) -> None:
        order = str(state[1])
        self.text = (order if order in "<>" else "") + self.text


NAMES = {
    (f"numpy.{core}.multiarray", "_reconstruct"): Function(lambda *_: Saved())
    for core in ("core", "_core")
} | {
    # how Python 3 writes bytes for Python 2
    ("_codecs", "encode"): Function(lambda text, _: str(text).encode("latin1")),
    ("numpy", "ndarray"): Function(Saved),
    ("numpy", "dtype"): Function(Kind),
}


def arrays(path: Path) -> list[Array]:
    """The arrays of a list that `numpy.save` has pickled.

    Raises:
        ForeignFile: it is no such file, or wants more than arrays
    """
    file = BytesIO(read_file(path))
    try:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"format {version} of .npy")
        np.lib.format.read_array_header_1_0(file)
        saved = read(file.read(), names=NAMES, encoding="latin1")
        found = saved.objects() if isinstance(saved, Saved) else list(saved)
        if len(found) > ARRAYS:
            raise ValueError(f"{len(found)} arrays are more than a model has")
        return [array_of(one) for one in found]
    except RefusedGlobal as error:
        raise ForeignFile(f"{path} wants {error}, which is no array: it is not read") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ForeignFile(f"{path} is no .npy file with a list of arrays: {error}") from None


def array_of(saved: Any) -> Array:
    """One array of the list."""
    if not isinstance(saved, Saved):
        raise ValueError(f"a {type(saved).__name__} is no array")
    return saved.array()
