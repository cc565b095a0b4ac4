"""TorchScript on the exported modules. The only part of the service that imports torch."""

from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ntm.architectures import catalogue
from ntm.interventions.pinning import no_pins
from ntm.repository import manifest
from ntm.repository.folders import RepositoryError, VersionFolder
from ntm.repository.manifest import Manifest
from ntm.signature import Signature, State
from service.engines.protocol import Kind, Pins, Values

Array = NDArray[Any]

LONGEST = 64  # a module takes any number of steps; shorter chunks let others in between


class TorchScriptEngine:
    """One model's scripted modules."""

    name = "torchscript"
    ragged = False
    batches = False
    replays_memory = False

    def __init__(self, version: VersionFolder, device: str, threads: int) -> None:
        """Open both modules of a version.

        Raises:
            RepositoryError: a file is missing, differs from its digest or cannot be loaded
        """
        torch.set_num_threads(threads)
        torch.jit.set_fusion_strategy([])
        folder = version.torchscript
        self.device = device
        facts: Manifest = manifest.read(version, folder)
        self.signature: Signature = facts.signature
        self.memories = catalogue.find(facts.signature.architecture).memories_function
        self.digest = facts.digest
        self._modules: dict[str, torch.jit.ScriptModule] = {}
        for graph in facts.graphs:
            try:
                module = torch.jit.load(folder / graph.file, map_location=device)
            except RuntimeError as error:
                raise RepositoryError(f"{folder / graph.file} is not a TorchScript file") from error
            self._modules[graph.kind] = module
        learned = folder / manifest.INITIAL
        self._learned = load_file(learned) if facts.initial_sha256 else None
        stages = [stage.name for stage in self.signature.stages]
        self._names = {
            "predict": ["outputs", *self.signature.sides],
            "inspect": ["outputs", *stages],
        }

    def initial_state(self, slots: int) -> State:
        """See `Engine`."""
        return self.signature.initial_state(1, slots, self._learned)

    def longest(self, kind: Kind, steps: int) -> int:
        """See `Engine`."""
        return min(steps, LONGEST)

    def run(
        self,
        kind: Kind,
        x: NDArray[np.float32],
        state: State,
        pins: Pins | None = None,
        lengths: NDArray[np.int64] | None = None,
        wanted: Collection[str] | None = None,
    ) -> tuple[Values, State]:
        """See `Engine`. One row at a time: torch's products round by the size of the batch."""
        names = [tensor.name for tensor in self.signature.state]  # a stored state has another order
        chosen = no_pins(self.signature, len(x)) | (pins or {}) if kind == "inspect" else {}
        rows = [
            self._run_row(
                kind,
                x[:, row : row + 1],
                [state[name][row : row + 1] for name in names],
                [pin[:, row : row + 1] if pin.shape[1] > 1 else pin for pin in chosen.values()],
            )
            for row in range(x.shape[1])
        ]
        values = [
            np.concatenate(parts, axis=1) for parts in zip(*(r[0] for r in rows), strict=True)
        ]
        states = [np.concatenate(parts) for parts in zip(*(r[1] for r in rows), strict=True)]
        return (
            dict(zip(self._names[kind], values, strict=True)),
            dict(zip(names, states, strict=True)),
        )

    def _run_row(
        self, kind: Kind, x: Array, state: list[Array], pins: list[Array]
    ) -> tuple[list[Array], list[Array]]:
        operands = [self._tensor(x), [self._tensor(value) for value in state]]
        if kind == "inspect":
            operands.append([self._tensor(pin) for pin in pins])
        with torch.inference_mode():
            values, after = self._modules[kind](*operands)
        return [v.cpu().numpy() for v in values], [v.cpu().numpy() for v in after]

    def _tensor(self, value: Array) -> torch.Tensor:
        return torch.from_numpy(np.array(value, order="C")).to(self.device)
