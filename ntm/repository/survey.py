"""A survey of a model repository: every version in it, and every entry that cannot be one."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ntm.repository.folders import NAME, VERSION, RepositoryError, VersionFolder

HIDDEN = "."  # what an entry begins with that nobody is to see


def models(root: Path) -> Iterator[VersionFolder]:
    """Every version of every model in a repository, by name and version."""
    yield from survey(root).versions


class Stray(NamedTuple):
    """An entry of a repository that stands where a model or version should, and is none."""

    name: str
    version: int | None
    error: str


class Survey(NamedTuple):
    """What a repository holds, by name and version."""

    versions: list[VersionFolder]
    strays: list[Stray]


def survey(root: Path) -> Survey:
    """Every version of every model in a repository, and what cannot be one.

    Hidden entries and files are nobody's business: Kubernetes mounts a volume through `..data`.
    A model's own folder gives its versions, a version's folder that version.

    Raises:
        RepositoryError: there is no repository, or it cannot be read
    """
    if not root.is_dir():
        raise RepositoryError(
            f"{root} is not a folder of models: name one (ntm serve PATH, or NTM_MODELS); "
            f"a source checkout or a wheel has trained ones, and `ntm train copy --out {root}` "
            f"with `ntm export {root}/copy` makes one"
        )
    if VERSION.fullmatch(root.name) and (root / "config.json").is_file():
        return Survey([VersionFolder(root)], [])
    found, strays = list[VersionFolder](), list[Stray]()
    try:
        entries = sorted(root.iterdir())
    except OSError as error:
        raise RepositoryError(f"{root} cannot be read: {error.strerror}") from error
    if any(VERSION.fullmatch(e.name) and (e / "config.json").is_file() for e in entries):
        return _survey_model(root)
    for model in entries:
        if problem := problem_of(model, NAME, "a model's name"):
            strays.append(Stray(printable(model.name), None, problem))
        elif model.is_dir() and not model.name.startswith(HIDDEN):
            below = _survey_model(model)
            found += below.versions
            strays += below.strays
    return Survey(found, strays)


def _survey_model(model: Path) -> Survey:
    found, strays = list[VersionFolder](), list[Stray]()
    try:
        entries = list(model.iterdir())
    except OSError as error:
        return Survey([], [Stray(model.name, None, f"{model.name}: {error.strerror}")])
    for entry in entries:
        if problem := problem_of(entry, VERSION, "a version"):
            version = int(entry.name) if VERSION.fullmatch(entry.name) else None
            strays.append(Stray(model.name, version, f"{model.name}/{problem}"))
        elif entry.is_dir() and not entry.name.startswith(HIDDEN):
            found.append(VersionFolder(entry))
    return Survey(
        sorted(found, key=lambda folder: folder.version),
        sorted(strays, key=lambda stray: stray.error),
    )


def problem_of(entry: Path, pattern: re.Pattern[str], purpose: str) -> str | None:
    """Why an entry cannot be a folder of such a name; None where it is one, or a mere file."""
    if entry.name.startswith(HIDDEN):
        return None
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        return f"{printable(entry.name)}: {error.strerror}"
    if stat.S_ISREG(mode):
        return None
    if not stat.S_ISDIR(mode):
        return f"{printable(entry.name)} should be a folder"
    if not pattern.fullmatch(entry.name):
        return f"{printable(entry.name)}: {purpose} should match {pattern.pattern}"
    return None


def printable(name: str) -> str:
    """A name of a file, which need not be text, as text."""
    return os.fsencode(name).decode(errors="backslashreplace")
