"""Neural Turing Machines: model, tasks, training, evaluation, checkpoints, export, figures.

Names that need torch are imported when they are first used, so that what serves a model can
import this package where torch is not installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ntm import silence
from ntm.architectures.ntm.config import NTMConfig

if TYPE_CHECKING:
    from ntm.architectures.ntm.memory import NTMMemory
    from ntm.architectures.ntm.model import NTM, NTMState, StepRecord
    from ntm.runs.trace import Trace

__all__ = ["NTM", "NTMConfig", "NTMMemory", "NTMState", "StepRecord", "Trace"]

silence.opt_out()

_MODULES = {"checkpoint": "ntm.repository.checkpoint"}
_LAZY = {
    "NTM": "ntm.architectures.ntm.model",
    "NTMState": "ntm.architectures.ntm.model",
    "StepRecord": "ntm.architectures.ntm.model",
    "NTMMemory": "ntm.architectures.ntm.memory",
    "Trace": "ntm.runs.trace",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in _MODULES:
        return import_module(_MODULES[name])
    raise AttributeError(f"module 'ntm' has no attribute '{name}'")
