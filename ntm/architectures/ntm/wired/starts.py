"""What an ntm/2 model carries into its first step, learned or constant."""

import torch
from torch import Tensor, nn

from ntm.architectures.ntm.signature import INITIAL_VALUE
from ntm.architectures.ntm.wired.config import WiredNTMConfig
from ntm.signature import positions


class Starts(nn.Module):
    """The learned values: memory, slot 0, weightings before their softmax, reads, controller."""

    memory: nn.Parameter | None
    weightings: nn.Parameter | None
    reads: nn.Parameter | None

    def __init__(self, config: WiredNTMConfig) -> None:
        super().__init__()
        wiring, width, size = config.wiring, config.M, config.controller_size
        shapes: dict[str, tuple[int, ...] | None] = {
            "memory": {
                "learned": (config.N, width),
                "positional": (positions(1).shape[1], width),
                "first-slot": (1, width),
            }.get(config.initial_memory),
            "weightings": (config.num_heads, config.N)
            if wiring.first_weightings == "learned"
            else None,
            "reads": (config.num_reads, width) if wiring.first_reads == "learned" else None,
        }
        if wiring.first_controller == "learned" and config.remembers:
            shapes["hidden"] = (size,)
            shapes["cell"] = (size,) if config.controller == "lstm" else None
        self.config = config
        for name, shape in shapes.items():
            value = None if shape is None else nn.Parameter(torch.empty(shape).uniform_(-0.1, 0.1))
            self.register_parameter(name, value)

    def first_memory(self, slots: int, like: Tensor) -> Tensor:
        """M_0 [N, M]."""
        learned = self.memory
        constant = like.new_full((slots, self.config.M), INITIAL_VALUE)
        if learned is None:
            return constant
        if self.config.initial_memory == "positional":
            return torch.from_numpy(positions(slots)).to(like) @ learned
        if self.config.initial_memory == "first-slot":
            return torch.cat((learned, constant[1:]))
        return learned

    def first_weightings(self, slots: int, like: Tensor) -> Tensor:
        """w_0 of every head [H, N], read heads first."""
        if self.weightings is not None:
            return torch.softmax(self.weightings, dim=-1)
        weightings = like.new_zeros(self.config.num_heads, slots)
        if self.config.wiring.first_weightings == "first-slot":
            weightings[:, 0] = 1
        return weightings

    def first_reads(self, memory: Tensor) -> Tensor:
        """r_0 [R, M], where nobody has learned it slot 0 of M_0 [N, M]."""
        if self.reads is not None:
            return self.reads
        return memory[:1].expand(self.config.num_reads, -1)

    def first_controller(self, names: tuple[str, ...], like: Tensor) -> tuple[Tensor, ...]:
        """The controller's state by the names of its parts, [C] each."""
        learned = (getattr(self, name, None) for name in names)
        silent = like.new_zeros(self.config.controller_size)
        return tuple(silent if value is None else value for value in learned)
