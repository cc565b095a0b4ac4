"""From a checkpoint to checked files: the graphs of a version's folder, or one standalone file."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from ntm.architectures import catalogue
from ntm.architectures.model import Model
from ntm.export import torchscript, whole_sequence
from ntm.export.check import ExportError, Pins, Runner, check
from ntm.export.unrolled import chunk, standalone
from ntm.repository import checkpoint, manifest
from ntm.repository.folders import VersionFolder, digest
from ntm.repository.manifest import GraphFile, Manifest
from ntm.signature import State

# A longer graph is slower a step: past some 30 steps its nodes no longer fit a core's cache.
CHUNKS: dict[str, tuple[int, ...]] = {"predict": (1, 4, 16), "inspect": (1, 4, 16)}
# Every graph holds all weights: of a large model there are fewer, whose steps take longer anyway.
LARGE = 2**20  # bytes of weights
LARGE_CHUNKS: dict[str, tuple[int, ...]] = {"predict": (1, 4), "inspect": (1,)}


@dataclass(frozen=True)
class Exported:
    """One written graph and how far it was from the eager model."""

    path: Path
    difference: float
    steps: int | None = None  # over which they were compared, of a whole sequence


def export_onnx(
    version: VersionFolder, tell: Callable[[Exported], object] = lambda done: None
) -> Manifest:
    """Write `onnx/`: a graph for every kind and chunk length, and signature.json.

    Raises:
        ExportError: a graph differs from the model; nothing of it is left behind
    """
    model = checkpoint.load(version)
    weights = checkpoint.weights_of(model)

    def graphs() -> Iterator[tuple[str, int | None, str, bytes, Runner]]:
        for kind, lengths in chunks_of(weights).items():
            for steps in lengths:
                data = chunk(model.config, weights, steps, kind).SerializeToString()
                yield kind, steps, f"{kind}_{steps}.onnx", data, onnx_runner(data)

    return _write(version, version.onnx, model, graphs(), tell)


def chunks_of(weights: State) -> dict[str, tuple[int, ...]]:
    """The lengths of the graphs of every kind, for a model with these parameters."""
    size = sum(value.nbytes for value in weights.values())
    return CHUNKS if size < LARGE else LARGE_CHUNKS


def export_torchscript(
    version: VersionFolder, tell: Callable[[Exported], object] = lambda done: None
) -> Manifest:
    """Write `torchscript/`: one module of each kind for any number of steps, and signature.json.

    Raises:
        ExportError: a module differs from the model
    """
    model = checkpoint.load(version)

    def graphs() -> Iterator[tuple[str, int | None, str, bytes, Runner]]:
        for kind in CHUNKS:
            module, buffer = torchscript.script(model, kind), io.BytesIO()
            torch.jit.save(module, buffer)
            runner = torchscript.runner(module, model.signature, kind)
            yield kind, None, f"{kind}.pt", buffer.getvalue(), runner

    return _write(version, version.torchscript, model, graphs(), tell)


def export_standalone(version: VersionFolder, steps: int, slots: int | None, out: Path) -> Exported:
    """Write one self-contained ONNX file of `steps` steps, initial state inside.

    Raises:
        ExportError: it differs from the model, which may also run with another N only
    """
    model = checkpoint.load(version)
    slots = model.memory_slots if slots is None else slots
    fixed = model.signature.fixed_slots
    if fixed not in (None, slots):
        raise ExportError(f"{version.path} runs only with {fixed} memory slots, got {slots}")
    try:
        model.signature.refuse_longer(steps, slots)
    except ValueError as error:
        raise ExportError(f"{version.path}: {error}") from None
    data = standalone(model.config, checkpoint.weights_of(model), steps, slots).SerializeToString()
    task = version.description().make_task()
    session = _session(data)
    names = [output.name for output in session.get_outputs()]

    def run(sequence: NDArray[np.float32]) -> State:
        return dict(zip(names, session.run(names, {"sequence": sequence}), strict=True))

    agreement = whole_sequence.check(model, task, steps, slots, run)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)
    return Exported(out, agreement.difference, agreement.steps)


def _write(
    version: VersionFolder,
    folder: Path,
    model: Model,
    graphs: Iterator[tuple[str, int | None, str, bytes, Runner]],
    tell: Callable[[Exported], object],
) -> Manifest:
    """Check every graph, write it, and list them all; files of an earlier export go."""
    folder.mkdir(exist_ok=True)
    (folder / manifest.FILE).unlink(missing_ok=True)
    written: list[GraphFile] = []
    for kind, steps, name, data, runner in graphs:
        difference = check(model, kind, steps or 5, runner)
        (folder / name).write_bytes(data)
        written.append(GraphFile(kind=kind, steps=steps, file=name, sha256=digest(folder / name)))
        tell(Exported(folder / name, difference))
    learned = catalogue.learned_values_of(model.config, checkpoint.weights_of(model))
    if learned:
        save_file(
            {n: np.ascontiguousarray(v) for n, v in learned.items()}, folder / manifest.INITIAL
        )
        (folder / manifest.INITIAL).chmod(version.config.stat().st_mode)
    done = Manifest(
        signature=model.signature,
        checkpoint_sha256=digest(version.checkpoint),
        graphs=tuple(written),
        initial_sha256=digest(folder / manifest.INITIAL) if learned else None,
    )
    keep = {manifest.FILE, manifest.INITIAL} | {g.file for g in written}
    for stray in folder.iterdir():
        if stray.name not in keep:
            stray.unlink()
    manifest.write(folder, done)
    return done


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def onnx_runner(data: bytes) -> Runner:
    """Run a chunk graph with ONNX Runtime on the CPU."""
    session = _session(data)
    names = [output.name for output in session.get_outputs()]

    def run(x: np.ndarray, state: State, pins: Pins) -> tuple[State, State]:
        feed = {"x": x, **{f"state.{name}": v for name, v in state.items()}, **pins}
        values = dict(zip(names, session.run(None, feed), strict=True))
        after = {n.removeprefix("next."): v for n, v in values.items() if n.startswith("next.")}
        return {n: v for n, v in values.items() if not n.startswith("next.")}, after

    return run
