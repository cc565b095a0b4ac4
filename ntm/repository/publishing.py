"""Putting a model into a repository: a copy, made whole, then renamed as the next version.

Whoever reads the repository meanwhile sees all of the version or none of it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ntm.repository.folders import NAME, RepositoryError, VersionFolder, digest, versions

STAGING = ".publishing"  # begins with a dot, so that a survey leaves it alone
COPIED = ("config.json", "model.safetensors", "evaluation.json")


def find_published(version: VersionFolder, models: Path, name: str) -> VersionFolder | None:
    """The newest version of a model in a repository, where it has the same weights and config."""
    newest = max(versions(models / name), default=0)
    if not newest:
        return None
    published = VersionFolder(models / name / str(newest))
    same = all(
        ours.exists() and theirs.exists() and digest(ours) == digest(theirs)
        for ours, theirs in (
            (version.checkpoint, published.checkpoint),
            (version.config, published.config),
        )
    )
    return published if same else None


def check_run(version: VersionFolder) -> None:
    """See that a folder holds a model that can be published.

    Raises:
        RepositoryError: a file is missing or damaged, or there is no such architecture
    """
    version.description()
    if not version.checkpoint.is_file():
        raise RepositoryError(f"{version.path} is no finished run: {version.checkpoint} is missing")


def publish(
    version: VersionFolder, models: Path, name: str, complete: Callable[[VersionFolder], object]
) -> VersionFolder:
    """Copy a version into a repository as the next version of a model.

    Args:
        version: what to publish
        models: the repository, made if need be
        name: of the model there
        complete: called with the copy before anybody sees it: writes graphs, card and the rest
    Raises:
        RepositoryError: the name does not fit, or the repository cannot be written
    """
    check_run(version)
    if not NAME.fullmatch(name):
        raise RepositoryError(f"a model's name should match {NAME.pattern}, got {name!r}")
    with staging(models) as stage:
        number = max(versions(models / name), default=0) + 1
        copy = VersionFolder(stage / name / str(number))
        copy.path.mkdir(parents=True)
        for file in COPIED:
            if (version.path / file).exists():
                shutil.copyfile(version.path / file, copy.path / file)
        complete(copy)
        (models / name).mkdir(exist_ok=True)
        place = models / name / str(number)
        try:
            os.rename(copy.path, place)
        except OSError as error:
            if place.exists():
                raise RepositoryError(
                    f"{place} was published by somebody else meanwhile: publish again for the next "
                    f"version"
                ) from None
            raise RepositoryError(f"{place} cannot be published: {error.strerror}") from None
        return VersionFolder(place)


@contextmanager
def staging(models: Path) -> Iterator[Path]:
    """A hidden folder within a repository, on the same disk; it goes in the end, whatever happens.

    Raises:
        RepositoryError: the repository is no folder, or cannot be written
    """
    stage = models / f"{STAGING}-{os.getpid()}"
    try:
        models.mkdir(parents=True, exist_ok=True)
        stage.mkdir()
    except OSError as error:
        raise RepositoryError(f"{models} cannot be written: {error.strerror}") from None
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
