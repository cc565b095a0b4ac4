"""The engine that most tests of the scheduler run on."""

from pathlib import Path

import pytest

from ntm.repository.folders import VersionFolder
from service.engines import Engine, open_engine


@pytest.fixture(scope="module")
def engine(repository: Path) -> Engine:
    """A real engine."""
    return open_engine(VersionFolder(repository / "copy" / "1"), "onnx", "cpu", 1)
