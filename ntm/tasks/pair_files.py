"""Pairs of inputs and targets from somebody's files: NumPy archives, or folders of them.

Nothing is unpickled. What does not fit is told with the file, the array and what was expected.
"""

import zipfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.tasks.base import Float, unanswered
from ntm.tasks.origin import SourceError, files_in

ARRAYS = ("inputs", "targets")


class Arrays(NamedTuple):
    """S sequences, each as long as its `lengths` says; what comes after it is padding."""

    inputs: Float  # [S, T, I]; zeros after a sequence's end
    targets: Float  # [S, T, O]; NaN where the answer does not matter, and after the end
    lengths: NDArray[np.int64]  # [S]


def read(path: Path, sha256: str) -> Arrays:
    """The pairs of an archive, or of all archives in a folder.

    Args:
        path: of the file or folder
        sha256: of its content; the same content is read once
    Raises:
        SourceError: a file holds something else; the message names it
    """
    return _read(path.absolute(), path, sha256)


@cache
def _read(absolute: Path, path: Path, sha256: str) -> Arrays:
    if path.is_file():
        return read_archive(path)
    parts = [read_archive(file) for file in files_in(path)]
    if not parts:
        raise SourceError(f"{path} holds no files")
    widths = {(part.inputs.shape[2], part.targets.shape[2]) for part in parts}
    if len(widths) > 1:
        told = " and ".join(f"{i} and {o}" for i, o in sorted(widths))
        raise SourceError(
            f"the files in {path} should have the same channels of inputs and targets, got {told}"
        )
    return joined(parts)


def joined(parts: list[Arrays]) -> Arrays:
    """Pairs of several files, padded to the longest."""
    count, steps = sum(len(p.inputs) for p in parts), max(p.inputs.shape[1] for p in parts)
    inputs = np.zeros((count, steps, parts[0].inputs.shape[2]), np.float32)
    targets = unanswered(count, steps, parts[0].targets.shape[2])
    start = 0
    for part in parts:
        rows, long = slice(start, start + len(part.inputs)), part.inputs.shape[1]
        inputs[rows, :long], targets[rows, :long] = part.inputs, part.targets
        start = rows.stop
    return Arrays(inputs, targets, np.concatenate([part.lengths for part in parts]))


def read_archive(path: Path) -> Arrays:
    """The pairs of one .npz file.

    Raises:
        SourceError: it is no such file, or its arrays do not fit
    """
    try:
        if not zipfile.is_zipfile(path):
            raise SourceError(f"{path} is no NumPy archive: np.savez writes one")
        with np.load(path, allow_pickle=False) as stored:
            missing = [name for name in ARRAYS if name not in stored.files]
            if missing:
                raise SourceError(
                    f"{path} has no array {missing[0]}: expected inputs [S, T, I] and targets "
                    f"[S, T, O], got {', '.join(stored.files) or 'nothing'}"
                )
            arrays = [stored[name] for name in ARRAYS]
            lengths = stored["lengths"] if "lengths" in stored.files else None
    except SourceError:
        raise
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path} cannot be read: {error}") from None
    inputs, targets = (
        numbers(array, f"{path}: {name}") for name, array in zip(ARRAYS, arrays, strict=True)
    )
    return checked(inputs, targets, lengths, path)


def numbers(array: NDArray[np.generic], name: str) -> Float:
    """An array as float32.

    Raises:
        SourceError: it holds something else than numbers, or has not three axes
    """
    if not (np.issubdtype(array.dtype, np.bool_) or np.issubdtype(array.dtype, np.number)):
        raise SourceError(f"{name} should hold numbers, got {array.dtype}")
    if np.issubdtype(array.dtype, np.complexfloating):
        raise SourceError(f"{name} should hold real numbers, got {array.dtype}")
    if array.ndim != 3 or 0 in array.shape:
        raise SourceError(
            f"{name} should have three axes, sequences, steps and channels, none of them empty, "
            f"got shape {list(array.shape)}"
        )
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def checked(
    inputs: Float, targets: Float, lengths: NDArray[np.generic] | None, path: Path
) -> Arrays:
    """Inputs and targets that belong together, padded after their ends.

    Raises:
        SourceError: they do not
    """
    if inputs.shape[:2] != targets.shape[:2]:
        raise SourceError(
            f"{path}: inputs and targets should have as many sequences and steps, got "
            f"{list(inputs.shape[:2])} and {list(targets.shape[:2])}"
        )
    count, steps = inputs.shape[:2]
    if lengths is None:
        ends = np.full(count, steps, np.int64)
    else:
        whole = np.issubdtype(lengths.dtype, np.integer) and lengths.shape == (count,)
        if not whole or lengths.min() < 1 or lengths.max() > steps:
            raise SourceError(
                f"{path}: lengths should be {count} whole numbers from 1 to {steps}, one a sequence"
            )
        ends = lengths.astype(np.int64)
    padding = np.arange(steps) >= ends[:, None]
    inputs[padding], targets[padding] = 0, np.nan
    if not np.isfinite(inputs).all():
        s, t, i = np.argwhere(~np.isfinite(inputs))[0]
        raise SourceError(
            f"{path}: inputs should be finite numbers, got {inputs[s, t, i]} in sequence {s}, step "
            f"{t}, channel {i}; only targets may be NaN"
        )
    if np.isinf(targets).any():
        s, t, o = np.argwhere(np.isinf(targets))[0]
        raise SourceError(
            f"{path}: targets should be numbers or NaN, got {targets[s, t, o]} in sequence {s}, "
            f"step {t}, channel {o}"
        )
    silent = np.isnan(targets).all(axis=(1, 2))
    if silent.any():
        raise SourceError(
            f"{path}: targets of sequence {np.flatnonzero(silent)[0]} are NaN everywhere, so that "
            f"nothing can be learnt from it"
        )
    return Arrays(inputs, targets, ends)
