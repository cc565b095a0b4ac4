"""What all tests share: repeatable properties, one thread for torch, one model repository."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

from tests import small_models

settings.register_profile("ntm", deadline=None, derandomize=True)
settings.load_profile("ntm")
torch.set_num_threads(1)  # waiting threads of torch and ONNX Runtime would fight for the cores


@pytest.fixture(scope="session")
def compiled(pytestconfig: pytest.Config) -> Path:
    """Where the native engine is compiled once for all runs of the tests."""
    return pytestconfig.cache.mkdir("native")


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small exported models; nobody writes to it."""
    return small_models.build(tmp_path_factory.mktemp("repository") / "models")
