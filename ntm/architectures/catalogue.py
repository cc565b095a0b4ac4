"""The catalogue of architectures: by name, what a configuration becomes. The only list of them.

Everything is imported when it is first used, so that reading a signature needs no torch. Others add
theirs with `register`, or with an entry point of the group `ntm.architectures`, which names a
callable that registers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from ntm.architectures.chain import Link
from ntm.architectures.picture import Picture
from ntm.measures.rules import StageRules
from ntm.signature import Signature, State


class UnknownArchitecture(ValueError):
    """No architecture of this name is known here."""


@dataclass(frozen=True)
class Architecture:
    """Where the parts of one architecture are, as `module:name`.

    `config` is a pydantic model with `architecture`, `input_size`, `output_size`, `N`,
    `fixed_slots` and `summary`, its wiring in some words; `signature` makes a `Signature` of it;
    `learned_values` takes it and the parameters by name, and gives the tensors that the signature's
    initial values name. `model` is a torch module as `ntm.architectures.model.Model` describes it.
    """

    name: str
    title: str  # as the papers call it
    config: str
    signature: str
    model: str
    onnx_step: str | None = None  # without one it trains and runs, and cannot be exported
    learned_values: str | None = None
    kernel: str | None = None  # a `CompiledModel`; without one there is no engine `native`
    memories: str | None = None  # the memory of every step again, from the one before and stages
    chain: str | None = None  # how a head finds its place, as `Link`s, for the figure of it
    pictures: str | None = None  # figures of its own stages, as `Picture`s by name
    rules: str | None = None  # findings about its stages, as `StageRules` has them
    margin: str | None = None  # what an answer owes to every slot, as a `MarginOf`
    rollout: str | None = None  # where a read came from over all its layers, as a `Rollout`
    options: Mapping[str, str] = field(default_factory=dict)  # of `ntm train`: a field's other name

    @property
    def family(self) -> str:
        """Its name without the version of its wiring: `ntm` of `ntm/1`."""
        return self.name.partition("/")[0]

    @cached_property
    def config_class(self) -> Any:
        """The class of its configurations."""
        return imported(self.config)

    @cached_property
    def model_class(self) -> Any:
        """The torch module."""
        return imported(self.model)

    @cached_property
    def step_class(self) -> Any:
        """What adds a step to an ONNX graph.

        Raises:
            UnknownArchitecture: nothing does
        """
        if self.onnx_step is None:
            raise UnknownArchitecture(f"{self.name} has no step in ONNX yet: it is not exported")
        return imported(self.onnx_step)

    @cached_property
    def kernel_class(self) -> Any:
        """What runs a model on compiled code.

        Raises:
            UnknownArchitecture: there is nothing compiled for it
        """
        if self.kernel is None:
            raise UnknownArchitecture(f"{self.name} has no compiled kernel")
        return imported(self.kernel)

    @cached_property
    def memories_function(self) -> Any:
        """The memory of every step from what was written; None where there is no such function."""
        return None if self.memories is None else imported(self.memories)

    @cached_property
    def chain_links(self) -> tuple[Link, ...]:
        """How a head finds its place; empty where that is not told."""
        return () if self.chain is None else imported(self.chain)

    @cached_property
    def own_pictures(self) -> dict[str, Picture]:
        """Figures that draw what only this architecture has."""
        return {} if self.pictures is None else imported(self.pictures)

    @cached_property
    def stage_rules(self) -> StageRules | None:
        """Rules that findings follow beside those for every architecture."""
        if self.rules is None:
            return None
        rules: StageRules = imported(self.rules)()
        return rules

    @cached_property
    def margin_class(self) -> Any:
        """What splits an answer's margin; None where nothing does."""
        return None if self.margin is None else imported(self.margin)

    @cached_property
    def rollout_class(self) -> Any:
        """What rolls a read out over layers; None where there are none."""
        return None if self.rollout is None else imported(self.rollout)

    def signature_of(self, config: Any) -> Signature:
        """The signature of a model with this configuration."""
        signature: Signature = imported(self.signature)(config)
        return signature

    def learned_values_of(self, config: Any, weights: State) -> State:
        """The learned initial values by name, without the batch axis; most have none."""
        if self.learned_values is None:
            return {}
        values: State = imported(self.learned_values)(config, weights)
        return values


def imported(place: str) -> Any:
    """What `module:name` names."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


_NTM, _DNC = "ntm.architectures.ntm", "ntm.architectures.dnc"
_LSTM, _TRANSFORMER = "ntm.architectures.lstm", "ntm.architectures.transformer"
_MEMORY_NETWORK = "ntm.architectures.memory_network"
_HEADS = {"slots": "N", "read_heads": "num_reads"}
_known: dict[str, Architecture] = {}


def register(architecture: Architecture) -> None:
    """Add an architecture, or replace the one of its name."""
    _known[architecture.name] = architecture


register(
    Architecture(
        name="ntm/1",
        title="Neural Turing Machine",
        config=f"{_NTM}.config:NTMConfig",
        signature=f"{_NTM}.signature:signature",
        learned_values=f"{_NTM}.signature:learned_values",
        model=f"{_NTM}.model:NTM",
        onnx_step=f"{_NTM}.onnx_step:Step",
        kernel=f"{_NTM}.kernel.compiled_model:CompiledModel",
        memories=f"{_NTM}.replay:memories",
        chain=f"{_NTM}.chain:CHAIN",
        rules=f"{_NTM}.rules:StageRules",
        options=_HEADS | {"width": "M", "write_heads": "num_writes"},
    )
)
register(
    Architecture(
        name="ntm/2",
        title="Neural Turing Machine, wired otherwise",
        config=f"{_NTM}.wired.config:WiredNTMConfig",
        signature=f"{_NTM}.wired.signature:signature",
        learned_values=f"{_NTM}.wired.signature:learned_values",
        model=f"{_NTM}.wired.model:WiredNTM",
        onnx_step=f"{_NTM}.wired.onnx_step:WiredStep",
        options=_HEADS | {"width": "M", "write_heads": "num_writes"},
    )
)
register(
    Architecture(
        name="dnc/1",
        title="Differentiable Neural Computer",
        config=f"{_DNC}.config:DNCConfig",
        signature=f"{_DNC}.signature:signature",
        model=f"{_DNC}.model:DNC",
        onnx_step=f"{_DNC}.onnx_step:Step",
        pictures=f"{_DNC}.pictures:PICTURES",
        rules=f"{_DNC}.rules:StageRules",
        options=_HEADS | {"width": "W"},
    )
)
register(
    Architecture(
        name="dnc/2",
        title="Differentiable Neural Computer, wired otherwise",
        config=f"{_DNC}.wired.config:WiredDNCConfig",
        signature=f"{_DNC}.wired.signature:signature",
        model=f"{_DNC}.wired.model:WiredDNC",
        onnx_step=f"{_DNC}.wired.onnx_step:WiredStep",
        options=_HEADS | {"width": "W"},
    )
)
register(
    Architecture(
        name="lstm/1",
        title="LSTM",
        config=f"{_LSTM}.config:LSTMConfig",
        signature=f"{_LSTM}.signature:signature",
        model=f"{_LSTM}.model:LSTM",
        onnx_step=f"{_LSTM}.onnx_step:Step",
        options={"controller_size": "size"},
    )
)
register(
    Architecture(
        name="memory-network/1",
        title="end-to-end memory network",
        config=f"{_MEMORY_NETWORK}.config:MemoryNetworkConfig",
        signature=f"{_MEMORY_NETWORK}.signature:signature",
        model=f"{_MEMORY_NETWORK}.model:MemoryNetwork",
        onnx_step=f"{_MEMORY_NETWORK}.onnx_step:Step",
        margin=f"{_MEMORY_NETWORK}.margin:MarginOf",
        options={"slots": "N", "width": "d"},
    )
)
register(
    Architecture(
        name="transformer/1",
        title="Transformer",
        config=f"{_TRANSFORMER}.config:TransformerConfig",
        signature=f"{_TRANSFORMER}.signature:signature",
        model=f"{_TRANSFORMER}.model:Transformer",
        onnx_step=f"{_TRANSFORMER}.onnx_step:Step",
        rules=f"{_TRANSFORMER}.rules:StageRules",
        rollout=f"{_TRANSFORMER}.rollout:Rollout",
        options={"slots": "N"},
    )
)
DEFAULT = "ntm/1"


def find(name: Any) -> Architecture:
    """The architecture of a name.

    Raises:
        UnknownArchitecture: nobody has registered it
    """
    if isinstance(name, str) and name not in _known:
        _load_entry_points()
    if not isinstance(name, str) or name not in _known:
        raise UnknownArchitecture(
            f"unknown architecture {name!r}, this version knows {', '.join(_known)}"
        )
    return _known[name]


def named(name: str) -> Architecture:
    """The architecture of a name with or without a version: `ntm` is the first of its versions.

    Raises:
        UnknownArchitecture: nobody has registered it
    """
    for architecture in known():
        if name in (architecture.name, architecture.family):
            return architecture
    families = dict.fromkeys(architecture.family for architecture in known())
    raise UnknownArchitecture(f"unknown architecture {name!r}, expected {' or '.join(families)}")


def known() -> tuple[Architecture, ...]:
    """All that are registered."""
    _load_entry_points_once()
    return tuple(_known.values())


def of(config: Any) -> Architecture:
    """The architecture that a configuration is of."""
    return find(config.architecture)


def signature_of(config: Any) -> Signature:
    """The signature of a model with this configuration."""
    return of(config).signature_of(config)


def learned_values_of(config: Any, weights: State) -> State:
    """The learned initial values of a model with these parameters."""
    return of(config).learned_values_of(config, weights)


@cache
def _load_entry_points_once() -> None:
    _load_entry_points()


def _load_entry_points() -> None:
    for entry in entry_points(group="ntm.architectures"):
        add: Callable[[], object] = entry.load()
        add()
