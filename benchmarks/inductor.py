"""The reference model by AOTInductor: eight steps unrolled, a batch of one, as its users would."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ntm import NTM
from ntm.architectures.ntm.model import NTMState

UNROLLED = 8


class Steps(nn.Module):
    """Some steps with a flat list of state tensors."""

    def __init__(self, model: NTM) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """x [K, 1, I] and the state to outputs, both weightings and the state."""
        carried = NTMState(*state[:4], tuple(state[4:]))
        outputs, weightings = [], []
        for step in x.unbind(0):
            output, carried = self.model(step, carried)
            outputs.append(output)
            weightings.append(torch.cat((carried.read_weightings, carried.write_weightings), dim=1))
        return torch.stack(outputs), torch.stack(weightings), *carried[:4], *carried.controller


def compiled(model: NTM, folder: Path) -> Callable[[np.ndarray], Callable[[], object]]:
    """What makes a run for a sequence [T, 1, I]."""
    initial = model.initial_state(1)
    state = tuple(t.detach().clone() for t in (*initial[:4], *initial.controller))
    example = (torch.zeros(UNROLLED, 1, model.config.input_size), *state)
    with torch.no_grad():
        program = torch.export.export(Steps(model), example)
        path = torch._inductor.aoti_compile_and_package(
            program, package_path=str(folder / "steps.pt2")
        )
    steps = torch._inductor.aoti_load_package(path)

    def run_of(x: np.ndarray) -> Callable[[], object]:
        chunks = torch.from_numpy(x).split(UNROLLED)

        def run() -> object:
            carried = state
            for chunk in chunks:
                _, _, *carried = steps(chunk, *carried)
            return carried

        return run

    return run_of
