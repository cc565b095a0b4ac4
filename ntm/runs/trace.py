"""A run to look at: arrays by the names that GET /trace/{trace_id} gives them, and facts about it.

NumPy only; torch is needed to record a run, and nothing else to read one. `ntm.Trace`, which draws
itself too, is in ntm/picture.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntm import tasks
from ntm.interventions.edits import resolve
from ntm.runs import files
from ntm.runs.files import File, TraceError
from ntm.runs.record import tensors_of
from ntm.signature import Signature
from ntm.tasks import Phase, Task
from ntm.tasks.attempt import attempt

__all__ = ["Trace", "TraceError", "how_it_remembers", "layout"]

if TYPE_CHECKING:
    from ntm.architectures.model import Model, Unrolled

Array = NDArray[np.float32]

DEFAULT_INCLUDE = (
    "inputs,outputs,target,read_weightings,write_weightings,addressing,writes,reads,controller"
)


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """One run of one sequence, time first.

    `trace["addressing.read.gate"]` is the array of that name [T, R]; `trace.head("read.0")` gives
    all stages of one head.
    """

    facts: Mapping[str, Any]  # as GET /trace/{trace_id} tells them beside the tensors
    arrays: Mapping[str, Array]  # "inputs" [T, I], "read_weightings" [T, R, N], ...; read-only

    def __post_init__(self) -> None:
        held = {}
        for name, array in self.arrays.items():
            held[name] = np.asarray(array).view()
            held[name].flags.writeable = False
        object.__setattr__(self, "arrays", held)
        lengths = {name: len(array) for name, array in held.items() if array.ndim}
        if not held or len(lengths) != len(held) or len(set(lengths.values())) > 1:
            raise TraceError(f"a trace's arrays should have one row a step, got rows {lengths}")

    @classmethod
    def record(
        cls,
        model: "Model",
        sequence: ArrayLike,
        *,
        task: Task | None = None,
        target: ArrayLike | None = None,
        memory_slots: int | None = None,
        interventions: Sequence[Any] = (),
        name: str = "model",
        version: int = 1,
    ) -> Self:
        """Run a model on a sequence and keep every stage, the memory of every step included.

        Args:
            model: in evaluation mode
            sequence: [T, input_size]
            task: what the sequence is an example of, for figures
            target: [T, output_size], NaN where it does not matter
            memory_slots: N, by default the model's own
            interventions: what to change on the way, as `model.unroll` takes it
            name, version: what the model goes by
        """
        import torch

        rows = np.asarray(sequence, np.float32)
        with torch.inference_mode():
            unrolled = model.unroll(
                torch.from_numpy(rows),
                record="addressing",
                memory_slots=memory_slots,
                interventions=interventions,
            )
        return cls.from_record(
            model,
            rows,
            unrolled,
            task=task,
            target=target,
            interventions=interventions,
            name=name,
            version=version,
        )

    @classmethod
    def from_record(
        cls,
        model: "Model",
        sequence: ArrayLike,
        unrolled: "Unrolled",
        *,
        row: int = 0,
        task: Task | None = None,
        target: ArrayLike | None = None,
        interventions: Sequence[Any] = (),
        name: str = "model",
        version: int = 1,
    ) -> Self:
        """The trace of one row of what `model.unroll(..., record="addressing")` gave.

        Args:
            model: that was run
            sequence: of that row, [T, input_size], before any intervention
            unrolled: with a record
            row: of the batch
            task, target, interventions, name, version: as for `record`
        Raises:
            TraceError: nothing was recorded
        """
        if unrolled.record is None:
            raise TraceError('nothing was recorded: call model.unroll with record="addressing"')
        from ntm.architectures.model import stages_of

        signature, steps = model.signature, len(unrolled.outputs)
        recorded = stages_of(unrolled.record)
        stages = {name: value[:, row].detach().numpy() for name, value in recorded.items()}
        slots, asked = model.slots_of(unrolled.state), np.array(sequence, np.float32)
        inputs = asked.copy()
        resolve(interventions, signature, steps, slots).write_inputs(inputs)
        arrays = {
            "inputs": inputs,
            "outputs": unrolled.outputs[:, row].detach().numpy(),
            **({} if target is None else {"target": np.asarray(target, np.float32)}),
            **tensors_of(signature, stages),
        }
        heads = {"read": signature.read_heads, "write": signature.write_heads}
        told = {
            "model": name,
            "version": version,
            "engine": "pytorch",
            "steps": steps,
            "range": [0, steps],
            "memory_slots": slots,
            "heads": heads,
            "selected_heads": {kind: list(range(count)) for kind, count in heads.items()},
            "shifts": list(signature.shifts),
            **how_it_remembers(signature),
            "interventions": list(interventions),
            **layout(task, asked),
        }
        return cls(told, arrays)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        key: str | None = None,
        include: str = DEFAULT_INCLUDE,
        timeout: float = 60.0,
        **query: str,
    ) -> Self:
        """A trace that a service keeps: `Trace.from_url("http://localhost:8000/trace/ID")`.

        Args:
            url: of the trace; its own query is kept
            key: one of the service's NTM_API_KEYS, where it asks for one
            include: the fields to get, a comma list; add `memory` for the matrix of every step
            timeout: in seconds
            query: further parameters, such as steps="20:24" or heads="read.0"
        Raises:
            TraceError: the service refused, and why, or cannot be reached
        """
        return cls(*files.fetch(url, key, {"include": include}, query, timeout))

    @classmethod
    def load(cls, where: str | Path, *, key: str | None = None) -> Self:
        """A trace by its URL, or from its .safetensors or .npz file.

        Raises:
            TraceError: there is none
        """
        if str(where).startswith(("http://", "https://")):
            return cls.from_url(str(where), key=key)
        try:
            reads = cls.from_safetensors if Path(where).suffix == ".safetensors" else cls.from_npz
            return reads(where)
        except OSError as error:
            raise TraceError(f"{where} cannot be read: {error.strerror or error}") from None

    @classmethod
    def from_npz(cls, file: File) -> Self:
        """What `to_npz`, `ntm trace` or GET /trace/{trace_id}?format=npz wrote.

        Raises:
            TraceError: it holds no trace
        """
        return cls(*files.read_npz(file))

    def to_npz(self, file: File) -> None:
        """One array a tensor, and the facts as JSON text in the array `facts`."""
        files.write_npz(file, self.facts, self.arrays)

    @classmethod
    def from_safetensors(cls, file: str | Path) -> Self:
        """What `to_safetensors` or GET /trace/{trace_id}?format=safetensors wrote.

        Raises:
            TraceError: it holds no trace
        """
        return cls(*files.read_safetensors(file))

    def to_safetensors(self, file: str | Path) -> None:
        """Every tensor, with the facts as text in the metadata: strings as they are, else JSON."""
        files.write_safetensors(file, self.facts, self.arrays)

    def __getitem__(self, name: str) -> Array:
        if name not in self.arrays:
            raise KeyError(f"this trace has no '{name}', only {', '.join(self.arrays)}")
        return self.arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __repr__(self) -> str:
        return (
            f"Trace({self.title}: steps {self.first_step} to {self.first_step + len(self) - 1}, "
            f"{', '.join(self.arrays)})"
        )

    @property
    def title(self) -> str:
        """What was run, and the trace's id where it has one."""
        name = f"{self.facts.get('model', 'model')}/{self.facts.get('version', '?')}"
        trace_id = self.facts.get("trace_id")
        return f"{name}, trace {trace_id}" if trace_id else name

    @property
    def first_step(self) -> int:
        """The number of the first step that is held."""
        return int(self.facts.get("range", [0])[0])

    @property
    def whole(self) -> bool:
        """Whether all steps of the run are held."""
        return self.first_step == 0 and self.facts.get("steps", len(self)) == len(self)

    @cached_property
    def task(self) -> Task | None:
        """The task that the model was trained on, where that is told and known here."""
        try:
            return tasks.load(self.facts["task"]) if self.facts.get("task") else None
        except tasks.UnknownTask:
            return None

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of the whole sequence; none where it is not an example of a known task."""
        return tuple(Phase(**phase) for phase in self.facts.get("phases", ()))

    def numbers(self, kind: str) -> list[int]:
        """The numbers that the `read` or `write` heads held go by."""
        known = f"{kind}_weightings"
        count = self.arrays[known].shape[1] if known in self else 0
        return list(self.facts.get("selected_heads", {}).get(kind, range(count)))

    @property
    def heads(self) -> list[str]:
        """The heads held: `read.0`, ..., `write.0`, ..."""
        return [f"{kind}.{n}" for kind in ("read", "write") for n in self.numbers(kind)]

    def head(self, name: str) -> dict[str, Array]:
        """Every stage of one head and its `weighting`: [T] for scalars, else [T, .].

        Raises:
            TraceError: the trace does not hold this head or its stages
        """
        if name not in self.heads:
            raise TraceError(f"head should be one of {', '.join(self.heads)}, got '{name:.40}'")
        kind, _, number = name.partition(".")
        at = self.numbers(kind).index(int(number))
        prefix = f"addressing.{kind}."
        needed = {
            array.removeprefix(prefix): array for array in self.arrays if array.startswith(prefix)
        }
        if not needed:
            raise TraceError(f"this trace was taken without {prefix}*")
        needed["weighting"] = f"{kind}_weightings"
        return {stage: self.arrays[array][:, at] for stage, array in needed.items()}


def how_it_remembers(signature: Signature) -> dict[str, Any]:
    """The facts from which the provenance of its reads follows."""
    written = None if signature.written is None else signature.written.model_dump()
    return {"reads_see": signature.reads_see, "written": written}


def layout(task: Task | None, inputs: Array) -> dict[str, Any]:
    """The facts `task` and `phases` of a whole sequence [T, I]."""
    if task is None:
        return {}
    unmarked: tuple[Phase, ...] = ()
    phases = [vars(phase) for phase in attempt(task, lambda: task.phases(inputs), unmarked)]
    return {"task": tasks.dump(task), "phases": phases}
