"""The model repository: folders by name and version, checkpoints, manifests of exported files."""

from ntm.repository.folders import (
    ModelDescription,
    RepositoryError,
    VersionFolder,
    find,
    versions,
)
from ntm.repository.survey import models

__all__ = ["ModelDescription", "RepositoryError", "VersionFolder", "find", "models", "versions"]
