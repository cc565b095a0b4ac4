"""signature.json beside exported graphs: the signature, and a SHA-256 of every file. No torch."""

import hashlib
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ntm.architectures import catalogue
from ntm.repository.folders import RepositoryError, VersionFolder, digest, read_file, read_json
from ntm.signature import Signature

FILE = "signature.json"
INITIAL = "initial.safetensors"
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# The key under which a tensor names a file, after the last byte of its length, however that is
# written: not a part of a longer word such as allocation.
EXTERNAL_DATA = re.compile(rb"[\x00\x08]location")
KINDS = ("predict", "inspect")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GraphFile(_Frozen):
    """One exported graph; `steps` is how many it walks at once, None for any number."""

    kind: Literal["predict", "inspect"]
    steps: int | None
    file: str
    sha256: str


class Manifest(_Frozen):
    """The content of signature.json."""

    schema_version: Literal[1] = 1
    signature: Signature
    checkpoint_sha256: str
    graphs: tuple[GraphFile, ...]
    initial_sha256: str | None = None

    @property
    def digest(self) -> str:
        """One SHA-256 for all of it: it changes when the model or any graph does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def of_kind(self, kind: str) -> list[GraphFile]:
        """The graphs of a kind, most steps first."""
        return sorted(
            (g for g in self.graphs if g.kind == kind), key=lambda g: g.steps or 0, reverse=True
        )


def write(folder: Path, manifest: Manifest) -> None:
    """Write signature.json."""
    (folder / FILE).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read(version: VersionFolder, folder: Path) -> Manifest:
    """Read signature.json and check every file it names.

    Args:
        version: the model that the graphs in `folder` were exported from
        folder: its `onnx` or `torchscript` folder
    Raises:
        RepositoryError: a file is missing, differs from its digest, or was exported from
            another checkpoint; or the graphs cannot walk every number of steps
    """
    path = folder / FILE
    if not path.exists():
        raise RepositoryError(f"{path} is missing: the model is not exported yet (ntm export)")
    try:
        manifest = Manifest.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RepositoryError(f"{path}: {where}: {first['msg']}") from error
    for kind in KINDS:
        if not any(g.steps in (1, None) for g in manifest.of_kind(kind)):
            raise RepositoryError(f"{path}: no {kind} graph of a single step")
    expected = {g.file: g.sha256 for g in manifest.graphs}
    if manifest.initial_sha256:
        expected[INITIAL] = manifest.initial_sha256
    for name, sha256 in expected.items():
        if not FILE_NAME.fullmatch(name):
            raise RepositoryError(f"{path}: graph file {name!r} is not a plain file name")
        if digest(folder / name) != sha256:
            raise RepositoryError(f"{folder / name} differs from its SHA-256 in {path}")
    if digest(version.checkpoint) != manifest.checkpoint_sha256:
        raise RepositoryError(
            f"{version.checkpoint} differs from the one that {path} was exported from: it is "
            f"damaged, or was trained anew and wants ntm export"
        )
    return with_table(manifest, version, path)


def read_graph(path: Path) -> bytes:
    """An ONNX graph that is whole in its file.

    Raises:
        RepositoryError: it is missing, or wants external data
    """
    data = read_file(path)
    if EXTERNAL_DATA.search(data):
        raise RepositoryError(f"{path} keeps weights in another file, which is not allowed")
    return data


def with_table(manifest: Manifest, version: VersionFolder, path: Path) -> Manifest:
    """The manifest with what the architecture says of every stage beside what the file says.

    Raises:
        RepositoryError: the file is not of the model that config.json describes
    """
    table = catalogue.signature_of(version.description().config)
    if table.model_dump() != manifest.signature.model_dump():
        raise RepositoryError(f"{path} is not the signature of the model in {version.config}")
    return manifest.model_copy(update={"signature": table})
