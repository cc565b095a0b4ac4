"""Where somebody's task or data comes from: a file's name and SHA-256, and how it is found again.

A name is looked for in the current folder, in those of `NTM_TASKS` and in those that a command was
given. What lies there counts only with the very content that the model was trained with: nothing
else is read, and no code is run that nobody here has trained with.
"""

import ast
import hashlib
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

FOLDERS = "NTM_TASKS"  # the variable: folders, separated as in PATH
_named: list[Path] = []  # folders of files that a command was given


class SourceError(ValueError):
    """A file of a task or of data that cannot be used; the message says which and why."""


class Source(BaseModel):
    """A file or a folder of files by its content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(min_length=1, description="relative, as it was named in training")
    sha256: str = Field(pattern="[0-9a-f]{64}")

    @field_validator("file")
    @classmethod
    def _stays_below(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"should be a path below the current folder, got {file!r}")
        return file

    def find(self) -> Path | None:
        """Where it lies now, with this content; None where it does not."""
        for folder in folders():
            for place in (folder / self.file, folder / PurePosixPath(self.file).name):
                if place.exists() and digest(place) == self.sha256:
                    return place
        return None

    def missing(self) -> str:
        """Why it is not found, for a sentence."""
        found = [p for f in folders() if (p := f / PurePosixPath(self.file).name).exists()]
        if found:
            return f"{found[0]} is another than the one it was trained with"
        return f"{self.file} is not here; {FOLDERS} names folders to look for it in"


class Origin(Source):
    """The class of a task in a file of Python."""

    class_name: str = Field(pattern="[A-Za-z_][A-Za-z0-9_]*")


def folders() -> list[Path]:
    """Where files are looked for."""
    listed = os.environ.get(FOLDERS, "").split(os.pathsep)
    return [Path(), *_named, *(Path(folder) for folder in listed if folder)]


def source_of(path: Path) -> Source:
    """The source that a user names; its folder is looked in from now on.

    Raises:
        SourceError: there is no such file or folder
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist")
    if not (path.is_file() or path.is_dir()):
        raise SourceError(f"{path} is neither a file nor a folder")
    absolute, here = path.absolute(), Path.cwd()
    inside = absolute.is_relative_to(here) and ".." not in path.parts
    if not inside and absolute.parent not in _named:
        _named.append(absolute.parent)
    name = absolute.relative_to(here).as_posix() if inside else path.resolve().name
    return Source(file=name, sha256=digest(path))


def digest(path: Path) -> str:
    """The SHA-256 of a file; of a folder, that of its visible files' names and digests."""
    if path.is_dir():
        lines = [f"{digest(file)}  {file.name}\n" for file in files_in(path)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    told = path.stat()
    return _digest(path.absolute(), told.st_mtime_ns, told.st_size) if path.is_file() else ""


@cache
def _digest(path: Path, changed: int, size: int) -> str:
    """The digest of a file, read again only where it has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_in(folder: Path) -> list[Path]:
    """The visible files of a folder, by name."""
    return sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))


def load_class(path: Path, class_name: str) -> Any:
    """A class from a file of Python, which runs it.

    Raises:
        SourceError: the file cannot be run, or has no such class
    """
    if class_name not in classes_in(path):
        raise SourceError(
            f"{path} has no class {class_name}"
            + (f", only {', '.join(known)}" if (known := classes_in(path)) else "")
        )
    return getattr(_module(path.absolute(), digest(path)), class_name)


def classes_in(path: Path) -> list[str]:
    """The classes that a file of Python defines, found without running it.

    Raises:
        SourceError: it is no Python
    """
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise SourceError(f"{path}{line}: {getattr(error, 'msg', error)}") from None
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.bases]


@cache
def _module(path: Path, sha256: str) -> Any:
    """The module of a file, run once for its content; it may import from its own folder."""
    name = f"ntm_task_{sha256[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SourceError(f"{path} should be a file of Python, such as my_task.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.append(str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise SourceError(f"{path} cannot be run: {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove(str(path.parent))
    return module
