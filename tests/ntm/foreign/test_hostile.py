"""Files that want more than tensors, or lie about their sizes, are refused, and nothing is run."""

import builtins
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ntm.foreign.errors import ForeignFile
from ntm.foreign.numpy_files import arrays
from ntm.foreign.torch_files import MAGIC, PROTOCOL, module_state, state_dict

Reader = Callable[[Path], Any]


class Calls:
    """Pickles as a call of something."""

    def __init__(self, called: Any, *arguments: Any) -> None:
        self._call = called, arguments

    def __reduce__(self) -> Any:
        return self._call


def legacy(path: Path, payload: bytes) -> Path:
    """A file as torch wrote it before 1.6, whose object is this pickle."""
    heads = (pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, {}))
    path.write_bytes(b"".join(heads) + payload + pickle.dumps([], 2))
    return path


def archive(path: Path, payload: bytes) -> Path:
    """A file as torch writes it now."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", payload)
        file.writestr("archive/version", "3\n")
        file.writestr("archive/byteorder", "little")
    return path


def npy(path: Path, payload: bytes) -> Path:
    """A .npy file whose objects are this pickle."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload)
    return path


FORMS: dict[str, tuple[Callable[[Path, bytes], Path], Reader]] = {
    "state dict, legacy": (legacy, state_dict),
    "state dict, archive": (archive, state_dict),
    "module, legacy": (legacy, module_state),
    "module, archive": (archive, module_state),
    "npy": (npy, arrays),
}
every_form = pytest.mark.parametrize("form", FORMS)


def refusal(tmp_path: Path, form: str, payload: bytes) -> str:
    """What the reader of a form says about a pickle."""
    write, read = FORMS[form]
    with pytest.raises(ForeignFile) as error:
        read(write(tmp_path / "hostile", payload))
    return str(error.value)


@every_form
def test_a_call_is_refused_by_its_name_and_not_made(tmp_path: Path, form: str) -> None:
    mark = tmp_path / "was-run"
    for called, argument, name in (
        (os.system, f"touch {mark}", "system"),
        (builtins.eval, f"open({str(mark)!r}, 'w')", "eval"),
        (os.mkdir, str(mark), "mkdir"),
    ):
        for protocol in (0, 2, 4):
            hidden = {"weights": [torch.Size([2]), Calls(called, argument)]}
            for payload in (Calls(called, argument), {"a": Calls(called, argument)}, hidden):
                if form == "npy" and payload is hidden:
                    continue
                told = refusal(tmp_path, form, pickle.dumps(payload, protocol))
                assert name in told or "torch.Size" in told
                assert not mark.exists()


@every_form
def test_what_looks_like_a_model_is_not_imported(tmp_path: Path, form: str) -> None:
    for module, name in (
        ("ntm.cli", "main"),
        ("ntm", "os.system"),
        ("torch.nn.modules.module", "torch.hub.load"),
        ("__main__", "exec"),
    ):
        payload = f"c{module}\n{name}\n(S'x'\ntR.".encode()
        assert name in refusal(tmp_path, form, payload)


@every_form
def test_what_is_cut_short_is_refused(tmp_path: Path, form: str) -> None:
    whole = pickle.dumps({"a": list(range(100))}, 2)
    for length in (0, 1, 5, len(whole) - 1):
        assert "hostile" in refusal(tmp_path, form, whole[:length])
    write, read = FORMS[form]
    path = write(tmp_path / "cut", whole)
    for length in (0, 1, 7, 20, len(path.read_bytes()) // 2):
        path.write_bytes(path.read_bytes()[:length])
        with pytest.raises(ForeignFile):
            read(path)


@every_form
def test_a_huge_memo_takes_no_memory(tmp_path: Path, form: str) -> None:
    payload = b"\x80\x02N" + b"r" + struct.pack("<I", 2**32 - 1) + b"."
    refusal(tmp_path, form, payload)


def tensor_of(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    """A state dict of one tensor that says it has this shape in a storage of 4 numbers."""
    numbers = "".join(f"I{n}\n" for n in shape)
    steps = "".join(f"I{n}\n" for n in strides)
    text = (
        "(dS'a'\nctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\n"
        f"S'0'\nS'cpu'\nI4\ntQI{offset}\n({numbers}t({steps}tI00\nccollections\nOrderedDict\n"
        "(tRtRs."
    )
    return text.encode()


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((10**12,), (0,), 0),
        ((10**6, 10**6), (0, 0), 0),
        ((4,), (1,), 2),
        ((2,), (-1,), 3),
        ((4,), (1,), -1),
        ((2, 2), (1,), 0),
    ],
)
def test_a_tensor_larger_than_its_file_is_refused(
    tmp_path: Path, shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    path = archive(tmp_path / "large", tensor_of(shape, strides, offset))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("archive/data/0", np.arange(4, dtype=np.float32).tobytes())
    for read in (state_dict, module_state):
        with pytest.raises(ForeignFile, match="large"):
            read(path)


def test_the_same_tensor_with_honest_sizes_is_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "honest", tensor_of((2, 2), (1, 2)))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("archive/data/0", np.arange(4, dtype=np.float32).tobytes())
    assert module_state(path)["a"].tolist() == [[0, 2], [1, 3]]


def test_a_storage_of_more_than_its_file_is_refused(tmp_path: Path) -> None:
    heads = b"".join(pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, {}))
    path = tmp_path / "storage"
    keys = pickle.dumps(["0"], 2)
    for count in (2**62, -1, 5):
        path.write_bytes(heads + tensor_of((4,), (1,)) + keys + struct.pack("<q", count))
        for read in (state_dict, module_state):
            with pytest.raises(ForeignFile, match="storage"):
                read(path)


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", b"0" * 10**7)
    for read in (state_dict, module_state):
        with pytest.raises(ForeignFile, match="is compressed"):
            read(path)


def test_arrays_that_are_no_numbers_or_of_another_size_are_refused(tmp_path: Path) -> None:
    for kind, data in (("O8", []), ("f8", b"12345678"), ("V4", b"1234"), ("f8", "x" * 7)):
        state = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        inner = (
            state
            + b"(I1\n(I2\nt"
            + f"cnumpy\ndtype\n(S'{kind}'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb".encode()
            + b"I00\n"
            + (pickle.dumps(data, 0)[:-1] if data else b"(l")
            + b"tb"
        )
        outer = state + b"(I1\n(I1\nt" + b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\n"
        outer += b"I-1\nI63\ntbI00\n(l" + inner + b"atb."
        with pytest.raises(ForeignFile, match="hostile"):
            arrays(npy(tmp_path / "hostile", outer))


def test_a_file_of_noise_is_refused_without_advice_to_run_it(tmp_path: Path) -> None:
    path = tmp_path / "noise.pt"
    path.write_bytes(bytes(range(200, 256)) * 9)
    with pytest.raises(ForeignFile, match="is no whole state dict: ") as refused:
        state_dict(path)
    assert "weights_only" not in str(refused.value)
