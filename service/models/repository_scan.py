"""Repository scan: the versions in the model repository, and fingerprints to detect changes."""

from pathlib import Path
from typing import NamedTuple

from ntm.repository.folders import VersionFolder
from ntm.repository.survey import Stray, survey

Key = tuple[str, int]  # a model's name and version
Fingerprint = frozenset[tuple[str, int, int, int, int]]

# A new card or evaluation is read when it is asked for; only these make another model.
MODEL_FILES = ("config.json", "model.safetensors", "onnx/*", "torchscript/*")


class Scan(NamedTuple):
    """What a look at a repository found."""

    versions: dict[Key, tuple[VersionFolder, Fingerprint]]
    strays: list[Stray]


def scan(root: Path) -> Scan:
    """Every version in a repository with its fingerprint, and what cannot be one.

    Raises:
        RepositoryError: there is no repository
    """
    found = survey(root)
    folders = {(folder.name, folder.version): folder for folder in found.versions}
    versions = {key: (folder, fingerprint(folder)) for key, folder in folders.items()}
    return Scan(versions, found.strays)


def fingerprint(folder: VersionFolder) -> Fingerprint:
    """Differs once a file of the model was written, replaced, added or removed."""
    files = set()
    for pattern in MODEL_FILES:
        for path in folder.path.glob(pattern):
            try:
                stat = path.stat()
            except OSError:  # it went away meanwhile: the next look finds it so
                continue
            # A copy may set the modification time, nobody sets that of the change.
            times = (stat.st_mtime_ns, stat.st_ctime_ns)
            files.add((str(path.relative_to(folder.path)), stat.st_size, stat.st_ino, *times))
    return frozenset(files)
