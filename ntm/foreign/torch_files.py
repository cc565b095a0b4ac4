"""PyTorch's files: state dicts by torch's weights-only reader, whole modules as inert shells."""

import math
import pickle
import struct
import warnings
import zipfile
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.foreign.errors import ForeignFile
from ntm.foreign.pickles import Function, RefusedGlobal, Shell, next_of, read
from ntm.repository.folders import read_file

Array = NDArray[Any]
Tensors = dict[str, Array]
STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
}
MODULES = 10_000  # in a saved one
SHARED = 16  # times the size of the file, of all its tensors together
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
# What reading a damaged file raises.
READING = (ValueError, TypeError, KeyError, OverflowError, struct.error, zipfile.BadZipFile)


def state_dict(path: Path) -> Tensors:
    """The tensors of a saved state dict by name.

    Raises:
        ForeignFile: it is no such file, is damaged, or holds more than tensors
    """
    import torch

    data = read_file(path)
    refuse_compressed(path, data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says of other protocols
            loaded = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ForeignFile(refusal(path, data, str(error))) from None
    except Exception as error:  # torch raises whatever a broken file brings about
        raise ForeignFile(f"{path} is no whole PyTorch file: {str(error)[:200]}") from None
    if not isinstance(loaded, dict):
        raise ForeignFile(f"{path} holds a {type(loaded).__name__}, expected a state dict")
    for wrapped in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded.get(wrapped), dict):
            loaded = loaded[wrapped]
    tensors: Tensors = {}
    size = 0
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise ForeignFile(f"{path} holds {str(name)[:60]!r}, which is no tensor by its name")
        size += value.numel() * value.element_size()
        if value.numel() * value.element_size() > len(data) or size > SHARED * len(data):
            raise ForeignFile(f"{path}: tensor {name} is larger than the file")
        tensors[name] = value.detach().cpu().float().numpy()
    return tensors


def refusal(path: Path, data: bytes, told: str) -> str:
    """Why torch's weights-only reader refused a file: the name in it that is no tensor."""
    try:
        saved_in(data, shells=False)
    except RefusedGlobal as error:
        return f"{path} wants {error}, which is no tensor: it is not read"
    except READING:
        pass
    # Torch's own words come first, and advise to let the file run what it likes.
    reason = told.rpartition("WeightsUnpickler error: ")[2].strip() or "it cannot be read as one"
    return f"{path} is no whole state dict: {reason.splitlines()[0][:200]}"


def refuse_compressed(path: Path, data: bytes) -> None:
    """Say no to an archive whose files grow when they are read."""
    if not zipfile.is_zipfile(BytesIO(data)):
        return
    try:
        entries = zipfile.ZipFile(BytesIO(data)).infolist()
    except zipfile.BadZipFile as error:
        raise ForeignFile(f"{path} is no whole archive: {error}") from None
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(data):
            raise ForeignFile(f"{path}: {entry.filename} is compressed, torch stores it as it is")


class Storage(NamedTuple):
    """Numbers that tensors are views of; read once the pickle has named them all."""

    key: str
    kind: str


class View(NamedTuple):
    """A tensor: where in which storage it lies."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def module_state(path: Path) -> Tensors:
    """The parameters and buffers of a module that was saved whole, by their names in it.

    Its classes are not looked for: what they are called decides nothing, and no code is run.

    Raises:
        ForeignFile: it is no such file, is damaged, or wants more than modules and tensors
    """
    data = read_file(path)
    refuse_compressed(path, data)
    try:
        saved, storages = saved_in(data, shells=True)
        return {name: array_of(view, storages) for name, view in views(saved)}
    except RefusedGlobal as error:
        raise ForeignFile(
            f"{path} wants {error}, which is no tensor or module: it is not read"
        ) from None
    except READING as error:
        raise ForeignFile(f"{path} is no whole PyTorch file: {str(error)[:200]}") from None


def names() -> dict[tuple[str, str], Any]:
    """What stands for torch's names in a pickle."""
    rebuild = Function(
        lambda storage, offset, shape, strides, *_: view(storage, offset, shape, strides)
    )
    parameter = Function(lambda data, *_: data)
    found: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor"): rebuild,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild,
        ("torch._utils", "_rebuild_parameter"): parameter,
        ("torch.nn.parameter", "Parameter"): parameter,
        ("__builtin__", "set"): Function(lambda *_: None),  # of names, which nobody needs
        ("builtins", "set"): Function(lambda *_: None),
        ("torch.nn.backends.thnn", "_get_thnn_function_backend"): Function(lambda: None),
    }
    return found | {("torch", name): name for name in STORAGES}


def view(storage: Any, offset: Any, shape: Any, strides: Any) -> View:
    """A tensor as its pickle tells it."""
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without a storage")
    return View(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def persistent(pid: Any) -> Any:
    """The storage, or the class, that a persistent identifier names."""
    if isinstance(pid, tuple) and pid[:1] == ("module",) and len(pid) > 1:
        return pid[1]
    if not isinstance(pid, tuple) or pid[:1] != ("storage",) or len(pid) < 5:
        raise ValueError("a persistent identifier that is no storage")
    if pid[1] not in STORAGES:
        raise ValueError(f"a storage of {pid[1]!r}")
    return Storage(str(pid[2]), STORAGES[pid[1]])


def saved_in(data: bytes, shells: bool) -> tuple[Any, dict[str, bytes]]:
    """What a file of torch holds, and its storages by key; see `pickles.Inert` for shells."""
    read_form = archived if zipfile.is_zipfile(BytesIO(data)) else legacy
    return read_form(data, shells)


def archived(data: bytes, shells: bool) -> tuple[Any, dict[str, bytes]]:
    """What a file of torch 1.6 or later holds, and its storages by key."""
    archive = zipfile.ZipFile(BytesIO(data))
    inside = [entry.filename for entry in archive.infolist()]
    at = next((name for name in inside if name.endswith("/data.pkl")), None)
    if at is None:
        raise ValueError("there is no data.pkl in it")
    saved = read(archive.read(at), names=names(), shells=shells, persistent=persistent)
    below = at.removesuffix(".pkl") + "/"
    storages = {n.removeprefix(below): archive.read(n) for n in inside if n.startswith(below)}
    return saved, storages


def legacy(data: bytes, shells: bool) -> tuple[Any, dict[str, bytes]]:
    """What a file of an earlier torch holds, and its storages by key."""
    file: BinaryIO = BytesIO(data)
    if (next_of(file), next_of(file)) != (MAGIC, PROTOCOL):
        raise ValueError("it does not begin as torch's files do")
    next_of(file)  # the sizes of C's types, which every machine of today shares
    kinds: dict[str, str] = {}

    def noted(pid: Any) -> Any:
        found = persistent(pid)
        if isinstance(found, Storage):
            kinds[found.key] = found.kind
        return found

    saved = next_of(file, names=names(), shells=shells, persistent=noted)
    storages: dict[str, bytes] = {}
    for key in next_of(file):
        (count,) = struct.unpack("<q", file.read(8))
        size = np.dtype(kinds[str(key)]).itemsize * count
        if not 0 <= size <= len(data):
            raise ValueError(f"a storage of {count} numbers in a file of {len(data)} bytes")
        storages[str(key)] = file.read(size)
    return saved, storages


def array_of(view: View, storages: dict[str, bytes]) -> Array:
    """The tensor's numbers in float32, an array of its own."""
    numbers = np.frombuffer(storages[view.storage.key], view.storage.kind)
    if math.prod(view.shape) > len(numbers) or len(view.shape) != len(view.strides):
        raise ValueError(f"a tensor of shape {list(view.shape)} in {len(numbers)} numbers")
    last = view.offset + sum((n - 1) * s for n, s in zip(view.shape, view.strides, strict=True))
    if view.offset < 0 or min(view.strides, default=0) < 0 or last >= len(numbers):
        raise ValueError("a tensor that leaves its storage")
    places = np.full(view.shape, view.offset)
    for axis, (size, stride) in enumerate(zip(view.shape, view.strides, strict=True)):
        shape = [1] * len(view.shape)
        shape[axis] = size
        places = places + (np.arange(size) * stride).reshape(shape)
    return np.asarray(numbers[places], np.float32)


def views(saved: Any) -> list[tuple[str, View]]:
    """Parameters and buffers of a module and those in it, as `state_dict` names them."""
    if isinstance(saved, dict):  # a state dict after all
        return [(str(name), value) for name, value in saved.items() if isinstance(value, View)]
    found: list[tuple[str, View]] = []
    waiting, seen = [("", saved)], 0
    while waiting:
        prefix, module = waiting.pop(0)
        seen += 1
        state = getattr(module, "state", None) if isinstance(module, Shell) else None
        if not isinstance(state, dict) or seen > MODULES:
            raise ValueError("it holds no module, or too many")
        for kind in ("_parameters", "_buffers"):
            for name, value in dict(state.get(kind, {})).items():
                if isinstance(value, View):
                    found.append((f"{prefix}{name}", value))
        for name, inner in dict(state.get("_modules", {})).items():
            if inner is not None:
                waiting.append((f"{prefix}{name}.", inner))
    return found
