"""What serving needs of `ntm` is imported without torch."""

import subprocess
import sys

import pytest

from tests.command_line import ENVIRONMENT

LIGHT = [
    "ntm",
    "ntm.architectures.ntm.config",
    "ntm.tasks",
    "ntm.repository.folders",
    "ntm.training.recipes",
    "ntm.seeds",
    "ntm.cli",
]


def loads_torch(code: str) -> bool:
    """True where a fresh interpreter has torch loaded after running the code."""
    report = f"{code}\nimport sys; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", report], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[-1] == "True"


@pytest.mark.parametrize("module", LIGHT)
def test_it_is_imported_without_torch(module: str) -> None:
    assert not loads_torch(f"import {module}")


def test_a_config_and_a_task_are_used_without_torch() -> None:
    assert not loads_torch(
        "from ntm import NTMConfig\nfrom ntm.training.recipes import RECIPES\n"
        "import numpy\nRECIPES['copy'].make_config()\n"
        "RECIPES['copy'].make_task().sample(numpy.random.default_rng(1), 1)"
    )


def test_the_model_brings_torch_when_it_is_first_asked_for() -> None:
    assert loads_torch("from ntm import NTM, NTMMemory, NTMState, StepRecord")


def test_an_unknown_name_is_an_attribute_error() -> None:
    import ntm

    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = ntm.Nonsense


def test_a_trace_is_read_without_matplotlib() -> None:
    code = "import sys, ntm; assert ntm.Trace.figure; print('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]
