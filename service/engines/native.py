"""The fused kernel as an engine: every step of a chunk in one call, on the CPU."""

import threading
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ntm.architectures import kernels
from ntm.architectures.ntm.kernel.buffers import carried, empty_record, no_pins, scratch, state_of
from ntm.architectures.ntm.kernel.walk import Pins as Pinned
from ntm.architectures.ntm.kernel.walk import Record
from ntm.architectures.ntm.kernel.weights import form_of, pack, told_widths
from ntm.compiled.layout import plain
from ntm.repository import manifest
from ntm.repository.folders import RepositoryError, VersionFolder
from ntm.signature import Signature, State
from service.engines.protocol import WEIGHTINGS, Kind, Pins, Values

Float = NDArray[np.float32]

STATES_KEPT = 8  # initial states, of as many N
NOTHING_PINNED = no_pins()
ALONE = np.zeros(1, np.int64)  # the order of one row
LONGEST = 256  # steps at once; a row costs the same in any chunk, so that time alone bounds it


class NativeEngine:
    """One model's weights and the compiled function. A row costs as much alone as in a batch."""

    name = "native"
    device = "cpu"
    replays_memory = True
    batches = False
    ragged = True

    def __init__(self, version: VersionFolder, compiled: Path) -> None:
        """Read the checkpoint of a version; its signature is that of the exported graphs.

        Args:
            version: the model's folder
            compiled: where the compiled function is kept
        Raises:
            RepositoryError: a file is missing, differs from its digest or cannot be loaded
        """
        facts = manifest.read(version, version.onnx)
        self.signature: Signature = facts.signature
        self.digest = facts.digest
        config = version.description().config
        try:
            tensors = load_file(version.checkpoint)
            self._weights = pack(config, tensors)
        except (SafetensorError, KeyError) as error:
            raise RepositoryError(f"{version.checkpoint} cannot be used: {error}") from error
        self._form, self._told = form_of(config), told_widths(config)
        learned = version.onnx / manifest.INITIAL
        self._learned = load_file(learned) if facts.initial_sha256 else None
        self._kernel = kernels.load(compiled)
        self._of_thread = threading.local()  # its scratch, for as long as N stays the same
        self.initial_state = lru_cache(STATES_KEPT)(self._initial_state)

    def _initial_state(self, slots: int) -> State:
        """See `Engine`; laid out as the function wants it, so that it is copied as it lies."""
        state = self.signature.initial_state(1, slots, self._learned)
        return state_of(carried(state, self._form), self._form)

    def longest(self, kind: Kind, steps: int) -> int:
        """See `Engine`."""
        return min(steps, LONGEST)

    def run(
        self,
        kind: Kind,
        x: Float,
        state: State,
        pins: Pins | None = None,
        lengths: NDArray[np.int64] | None = None,
        wanted: Collection[str] = WEIGHTINGS,
    ) -> tuple[Values, State]:
        """See `Engine`."""
        after = carried(state, self._form)
        slots = after.memory.shape[2]
        shape = (*x.shape[:2], slots)
        inside = kind == "inspect"
        record = empty_record(self._form, self._weights, shape, inside or bool(wanted), inside)
        pinned = self._pinned(pins, shape) if pins else NOTHING_PINNED
        if lengths is None:
            lengths = np.full(x.shape[1], len(x), np.int64)
        x, lengths = plain(x), plain(lengths, np.int64)
        order = plain(np.argsort(-lengths), np.int64) if len(lengths) > 1 else ALONE
        room = self._scratch(slots)
        self._kernel.walk(x, lengths, order, self._form, self._weights, after, record, pinned, room)
        return self._values(record), state_of(after, self._form)

    def memories(self, memory: Float, weightings: Float, erase: Float, add: Float) -> Float:
        """See `Engine`."""
        seen = np.empty((len(weightings), *memory.shape), np.float32)
        seen[:1] = memory
        self._kernel.replay(seen, plain(weightings), plain(erase), plain(add))
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
        for name, (heads, width) in self._told.items():
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

    def _pinned(self, pins: Pins, shape: tuple[int, int, int]) -> Pinned:
        """The pins of a chunk of K steps, B rows and N slots for the compiled function."""
        steps, batch, slots = shape
        values, here = [], []
        for name, (heads, width) in self._told.items():
            whole = (steps, batch, heads, width)
            pin = pins.get(f"pin.{name}", np.zeros((1, 1, 1, 1), np.float32))
            where = pins.get(f"pinned.{name}", np.zeros((1, 1, 1, 1), np.bool_))
            values.append(np.broadcast_to(pin, whole).reshape(steps, batch, -1))
            here.append(np.broadcast_to(where, whole).reshape(steps, batch, -1))
        heads = self.signature.heads
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
