"""What `ntm export` leaves in a folder, and that it leaves nothing that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from ntm.architectures.ntm.signature import signature
from ntm.export import check, write
from ntm.export.check import ExportError
from ntm.export.unrolled import chunk
from ntm.repository import checkpoint, manifest
from ntm.repository.folders import RepositoryError, VersionFolder, digest
from ntm.signature import State
from tests import random_models, small_models


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VersionFolder:
    """A saved model; an export of it is short."""
    monkeypatch.setattr(write, "CHUNKS", {"predict": (1, 3), "inspect": (1,)})
    return small_models.save(tmp_path, "copy")


def spoil(name: str, by: float = 1e-3) -> Callable[..., onnx.ModelProto]:
    """A `chunk` that gets one weight wrong."""

    def wrong(config: Any, weights: Any, steps: int, kind: str) -> onnx.ModelProto:
        graph = chunk(config, weights, steps, kind)
        tensor = next(t for t in graph.graph.initializer if t.name == name)
        value = numpy_helper.to_array(tensor) + np.float32(by)
        tensor.CopyFrom(numpy_helper.from_array(value, name))
        return graph

    return wrong


def test_an_export_lists_every_file_with_its_digest(version: VersionFolder) -> None:
    told = write.export_onnx(version)
    assert [(g.kind, g.steps, g.file) for g in told.graphs] == [
        ("predict", 1, "predict_1.onnx"),
        ("predict", 3, "predict_3.onnx"),
        ("inspect", 1, "inspect_1.onnx"),
    ]
    assert all(digest(version.onnx / g.file) == g.sha256 for g in told.graphs)
    assert told.signature == signature(checkpoint.load(version).config)
    assert manifest.read(version, version.onnx) == told


def test_a_second_export_gives_the_same_files_and_clears_strays(version: VersionFolder) -> None:
    first = write.export_onnx(version)
    (version.onnx / "predict_64.onnx").write_bytes(b"of an earlier export")
    assert write.export_onnx(version) == first
    assert sorted(p.name for p in version.onnx.iterdir()) == [
        "inspect_1.onnx",
        "predict_1.onnx",
        "predict_3.onnx",
        "signature.json",
    ]


@pytest.mark.parametrize(
    "weight", ["controller_weight", "controller_bias", "heads_bias", "output_weight"]
)
def test_a_graph_with_one_wrong_weight_is_refused(
    version: VersionFolder, monkeypatch: pytest.MonkeyPatch, weight: str
) -> None:
    monkeypatch.setattr(write, "chunk", spoil(weight))
    with pytest.raises(ExportError, match=r"the predict graph of 1 steps differs .* in \w+"):
        write.export_onnx(version)
    assert list(version.onnx.iterdir()) == []


def test_a_refused_export_cannot_be_loaded_through_an_older_one(
    version: VersionFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write.export_onnx(version)
    monkeypatch.setattr(write, "chunk", spoil("output_bias"))
    with pytest.raises(ExportError):
        write.export_onnx(version)
    with pytest.raises(RepositoryError, match=r"signature\.json is missing"):
        manifest.read(version, version.onnx)


@pytest.mark.parametrize("name", ["outputs", "write_weightings", "next.memory", "next.cell"])
@pytest.mark.parametrize("lie", [1e-3, np.nan])
def test_every_tensor_is_compared_and_nan_never_passes(name: str, lie: float) -> None:
    model = small_models.make("copy")

    def lying(x: Any, state: State, pins: Any) -> tuple[State, State]:
        told = check.eager(model, x, state, pins, "predict")
        told[name] = told[name] + np.float32(lie)
        after = {n.removeprefix("next."): v for n, v in told.items() if n.startswith("next.")}
        return told, after

    with pytest.raises(ExportError, match=f"in {name} by"):
        check.check(model, "predict", 2, lying)


def test_an_honest_runner_passes_with_no_difference() -> None:
    model = small_models.make("wide")

    def honest(x: Any, state: State, pins: Any) -> tuple[State, State]:
        told = check.eager(model, x, state, pins, "inspect")
        after = {n.removeprefix("next."): v for n, v in told.items() if n.startswith("next.")}
        return told, after

    assert check.check(model, "inspect", 2, honest) == 0


def test_a_standalone_file_that_differs_is_not_written(
    version: VersionFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(config: Any, weights: Any, steps: int, slots: int) -> onnx.ModelProto:
        other = random_models.make(
            5, input_size=6, output_size=4, controller_size=12, N=16, M=6
        ).float()
        return real(config, checkpoint.weights_of(other), steps, slots)

    real = write.standalone
    out = tmp_path / "new" / "copy.onnx"
    assert write.export_standalone(version, 4, 9, out).difference < 1e-5
    out.unlink()
    monkeypatch.setattr(write, "standalone", wrong)
    with pytest.raises(ExportError, match="differs from the model"):
        write.export_standalone(version, 4, 9, out)
    assert not out.exists()


def test_a_learned_memory_travels_in_a_file_with_a_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "CHUNKS", {"predict": (1,), "inspect": (1,)})
    learned = small_models.save(tmp_path, "learned")
    told = write.export_onnx(learned)
    assert told.initial_sha256 == digest(learned.onnx / "initial.safetensors")
    (learned.onnx / "initial.safetensors").write_bytes(b"something else")
    with pytest.raises(RepositoryError, match=r"initial\.safetensors differs"):
        manifest.read(learned, learned.onnx)


def test_a_torchscript_export_is_one_module_a_kind(version: VersionFolder) -> None:
    told = write.export_torchscript(version)
    assert [(g.kind, g.steps, g.file) for g in told.graphs] == [
        ("predict", None, "predict.pt"),
        ("inspect", None, "inspect.pt"),
    ]
    assert json.loads((version.torchscript / "signature.json").read_text())["schema_version"] == 1


def test_a_large_model_has_fewer_graphs_as_each_holds_its_weights() -> None:
    few, many = ({"weight": np.zeros(n, np.float32)} for n in (1000, 300_000))
    assert write.chunks_of(few) == write.CHUNKS
    for kind, lengths in write.chunks_of(many).items():
        assert 1 in lengths
        assert set(lengths) < set(write.CHUNKS[kind])
