"""Neural Turing Machines: model, tasks, training, evaluation, checkpoints, export, figures.

Names are imported when they are first used: what serves a model can import this package where
torch is not installed, and `ntm --help` waits for nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ntm import silence

if TYPE_CHECKING:
    from ntm.architectures.dnc.config import DNCConfig
    from ntm.architectures.dnc.model import DNC
    from ntm.architectures.dnc.wired.config import WiredDNCConfig
    from ntm.architectures.dnc.wired.model import WiredDNC
    from ntm.architectures.lstm.config import LSTMConfig
    from ntm.architectures.lstm.model import LSTM
    from ntm.architectures.memory_network.config import MemoryNetworkConfig
    from ntm.architectures.memory_network.model import MemoryNetwork
    from ntm.architectures.ntm.config import NTMConfig
    from ntm.architectures.ntm.memory import NTMMemory
    from ntm.architectures.ntm.model import NTM, NTMState, StepRecord
    from ntm.architectures.ntm.wired.config import WiredNTMConfig
    from ntm.architectures.ntm.wired.model import WiredNTM
    from ntm.architectures.ntm.wired.wiring import Wiring
    from ntm.architectures.transformer.config import TransformerConfig
    from ntm.architectures.transformer.model import Transformer
    from ntm.picture import Trace

__all__ = [
    "DNC",
    "LSTM",
    "NTM",
    "DNCConfig",
    "LSTMConfig",
    "MemoryNetwork",
    "MemoryNetworkConfig",
    "NTMConfig",
    "NTMMemory",
    "NTMState",
    "StepRecord",
    "Trace",
    "Transformer",
    "TransformerConfig",
    "WiredDNC",
    "WiredDNCConfig",
    "WiredNTM",
    "WiredNTMConfig",
    "Wiring",
]

silence.opt_out()

_MODULES = {"checkpoint": "ntm.repository.checkpoint"}
_LAZY = {
    "DNC": "ntm.architectures.dnc.model",
    "DNCConfig": "ntm.architectures.dnc.config",
    "LSTM": "ntm.architectures.lstm.model",
    "LSTMConfig": "ntm.architectures.lstm.config",
    "MemoryNetwork": "ntm.architectures.memory_network.model",
    "MemoryNetworkConfig": "ntm.architectures.memory_network.config",
    "NTM": "ntm.architectures.ntm.model",
    "NTMConfig": "ntm.architectures.ntm.config",
    "NTMState": "ntm.architectures.ntm.model",
    "StepRecord": "ntm.architectures.ntm.model",
    "NTMMemory": "ntm.architectures.ntm.memory",
    "Trace": "ntm.picture",
    "Transformer": "ntm.architectures.transformer.model",
    "TransformerConfig": "ntm.architectures.transformer.config",
    "WiredDNC": "ntm.architectures.dnc.wired.model",
    "WiredDNCConfig": "ntm.architectures.dnc.wired.config",
    "WiredNTM": "ntm.architectures.ntm.wired.model",
    "WiredNTMConfig": "ntm.architectures.ntm.wired.config",
    "Wiring": "ntm.architectures.ntm.wired.wiring",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in _MODULES:
        return import_module(_MODULES[name])
    raise AttributeError(f"module 'ntm' has no attribute '{name}'")
