"""What all tests share: repeatable properties, one thread for torch, one model repository."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from ntm.architectures import kernels
from tests import compiled as shared
from tests import small_dnc, small_models

TESTS = Path(__file__).parent
# What starts no server and trains nothing: seconds in all.
QUICK = (
    "ntm/architectures",
    "ntm/compiled",
    "ntm/insight",
    "ntm/repository",
    "ntm/tasks",
    "ntm/test_interventions",
    "service/contract",
    "service/records",
    "service/telemetry/test_deferred",
    "service/test_memory",
)

settings.register_profile("ntm", deadline=None, derandomize=True)
settings.load_profile("ntm")
torch.set_num_threads(1)  # waiting threads of torch and ONNX Runtime would fight for the cores


def pytest_configure(config: pytest.Config) -> None:
    """Compile the native engine before the first test, once, and have all services find it."""
    os.environ["NTM_COMPILED"] = str(shared.FOLDER)
    if not hasattr(config, "workerinput") and not kernels.is_ready(shared.FOLDER):
        kernels.compile_elsewhere(shared.FOLDER)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what `make quick` runs."""
    if item.path.relative_to(TESTS).as_posix().startswith(QUICK):
        item.add_marker(pytest.mark.quick)


@pytest.fixture(scope="session")
def compiled() -> Path:
    """Where the native engine is compiled already."""
    return shared.FOLDER


@pytest.fixture(scope="session")
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small exported models; nobody writes to it. Test processes share it."""
    run = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        run = run.parent
    with (run / "repository.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (run / "repository").exists():
            small_models.build(run / "being_built")
            (run / "being_built").rename(run / "repository")
    return run / "repository"


@pytest.fixture(scope="session")
def dncs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small exported Differentiable Neural Computers; nobody writes to it."""
    return small_dnc.build(tmp_path_factory.mktemp("dncs") / "models")


@pytest.fixture(scope="session", autouse=True)
def nothing_is_compiled_twice() -> Iterator[None]:
    """No compiled function takes more types in the end than the one that it was loaded with."""
    yield
    kernel = kernels.loaded()
    for function in kernel.functions if kernel else ():
        assert len(function.signatures) == 1, function.signatures
