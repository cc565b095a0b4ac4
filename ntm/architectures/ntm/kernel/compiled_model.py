"""A model's weights packed for the compiled kernel, and the kernel run on them, chunk by chunk."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ntm.architectures import kernels
from ntm.architectures.ntm.config import NTMConfig
from ntm.architectures.ntm.kernel.buffers import carried, empty_record, no_pins, scratch, state_of
from ntm.architectures.ntm.kernel.walk import Pins as Pinned
from ntm.architectures.ntm.kernel.walk import Record
from ntm.architectures.ntm.kernel.weights import form_of, pack, told_widths
from ntm.architectures.ntm.replay import WRITTEN
from ntm.compiled.layout import plain
from ntm.signature import State

Float = NDArray[np.float32]
Values = dict[str, Float]
Recorded = Literal["outputs", "weightings", "stages"]

NOTHING_PINNED = no_pins()
ALONE = np.zeros(1, np.int64)  # the order of one row


class CompiledModel:
    """One model on the compiled kernel; a row costs as much alone as in a batch."""

    def __init__(self, config: NTMConfig, weights: Mapping[str, Float], compiled: Path) -> None:
        """Pack a checkpoint.

        Args:
            config: of the model
            weights: its parameters by name
            compiled: the folder of what is compiled
        Raises:
            KeyError: a parameter is missing
        """
        self._weights = pack(config, dict(weights))
        self._form, self._emitted = form_of(config), told_widths(config)
        self._kernel = kernels.load(compiled)
        self._of_thread = threading.local()  # its scratch, as long as N stays the same

    def laid_out(self, state: State) -> State:
        """The same state as the kernel wants it, so that it is copied as it lies."""
        return state_of(carried(state, self._form), self._form)

    def run(
        self,
        x: Float,
        state: State,
        lengths: NDArray[np.int64] | None,
        record: Recorded,
        pins: Mapping[str, NDArray[Any]] | None = None,
    ) -> tuple[Values, State]:
        """Walk one chunk.

        Args:
            x: [K, B, I]
            state: [B, ...] by name
            lengths: the steps [B] that each row walks, all K by default
            record: the outputs only, the weightings too, or every stage
            pins: `pin.<stage>` and `pinned.<stage>`, [K, B, H, width]
        Returns:
            outputs and what is recorded, [K, B, ...] by name, and the state after it
        """
        after = carried(state, self._form)
        slots = after.memory.shape[2]
        shape = (*x.shape[:2], slots)
        kept = empty_record(
            self._form, self._weights, shape, record != "outputs", record == "stages"
        )
        pinned = self._pinned(pins, shape) if pins else NOTHING_PINNED
        if lengths is None:
            lengths = np.full(x.shape[1], len(x), np.int64)
        x, lengths = plain(x), plain(lengths, np.int64)
        order = plain(np.argsort(-lengths), np.int64) if len(lengths) > 1 else ALONE
        room = self._scratch(slots)
        self._kernel.walk(x, lengths, order, self._form, self._weights, after, kept, pinned, room)
        return self._values(kept), state_of(after, self._form)

    def memories(self, memory: Float, values: Mapping[str, Float]) -> Float:
        """M_{t-1} of every step from the first and what was written; see `replay.memories`."""
        written = [plain(values[name]) for name in WRITTEN]
        seen = np.empty((len(written[0]), *memory.shape), np.float32)
        seen[:1] = memory
        self._kernel.replay(seen, *written)
        return seen

    def _scratch(self, slots: int) -> Float:
        """This thread's own."""
        scratch_of: tuple[int, Float] | None = getattr(self._of_thread, "scratch", None)
        if scratch_of is None or scratch_of[0] != slots:
            scratch_of = self._of_thread.scratch = slots, scratch(self._form, self._weights, slots)
        return scratch_of[1]

    def _values(self, record: Record) -> Values:
        """The recorded values by the names of the signature; views all of them."""
        reads = self._form.reads
        values = {"outputs": record.outputs}
        if len(record.weighting):
            values["read_weightings"] = record.weighting[:, :, :reads]
            values["write_weightings"] = record.weighting[:, :, reads:]
        if not len(record.told):
            return values
        steps, batch = record.told.shape[:2]
        start = 0
        for name, (heads, width) in self._emitted.items():
            told = record.told[:, :, start : start + heads * width]
            values[name] = told.reshape(steps, batch, heads, width)
            start += heads * width
        values |= {
            "content_weighting": record.content,
            "gated_weighting": record.gated,
            "shifted_weighting": record.shifted,
            "weighting": record.weighting,
            "reads": record.reads.reshape(steps, batch, reads, -1),
            "hidden": record.hidden,
        }
        return values | ({"cell": record.cell} if self._form.lstm else {})

    def _pinned(self, pins: Mapping[str, NDArray[Any]], shape: tuple[int, int, int]) -> Pinned:
        """The pins of a chunk of K steps, B rows and N slots for the compiled function."""
        steps, batch, slots = shape
        values, here = [], []
        for name, (heads, width) in self._emitted.items():
            whole = (steps, batch, heads, width)
            pin = pins.get(f"pin.{name}", np.zeros((1, 1, 1, 1), np.float32))
            where = pins.get(f"pinned.{name}", np.zeros((1, 1, 1, 1), np.bool_))
            values.append(np.broadcast_to(pin, whole).reshape(steps, batch, -1))
            here.append(np.broadcast_to(where, whole).reshape(steps, batch, -1))
        heads = self._form.reads + self._form.writes
        pin = pins.get("pin.weighting", np.zeros((1, 1, 1, 1), np.float32))
        where = pins.get("pinned.weighting", np.zeros((1, 1, 1, 1), np.bool_))
        told, told_here = np.concatenate(values, axis=2), np.concatenate(here, axis=2)
        unused = ((0, 0), (0, 0), (0, len(self._weights.hidden_bias) - told.shape[2]))
        weighting = np.broadcast_to(pin, (steps, batch, heads, slots))
        weighting_here = np.broadcast_to(where[..., 0], (steps, batch, heads))
        return Pinned(
            told=plain(np.pad(told, unused)),
            told_here=plain(np.pad(told_here, unused), np.bool_),
            weighting=plain(weighting),
            weighting_here=plain(weighting_here, np.bool_),
        )
