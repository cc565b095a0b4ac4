"""A graph that wants files from elsewhere, or is none, is refused by a name."""

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from ntm.repository import manifest
from ntm.repository.folders import RepositoryError, VersionFolder, digest
from service.engines import open_engine


@pytest.fixture
def version(repository: Path, tmp_path: Path) -> VersionFolder:
    """An exported model of one's own."""
    return VersionFolder(shutil.copytree(repository / "copy" / "1", tmp_path / "copy" / "1"))


def replace(version: VersionFolder, data: bytes) -> Path:
    """Put other content into a graph's file, with a digest that vouches for it."""
    told = manifest.read(version, version.onnx)
    path = version.onnx / "predict_4.onnx"
    path.write_bytes(data)
    graphs = tuple(
        g.model_copy(update={"sha256": digest(path)}) if g.file == path.name else g
        for g in told.graphs
    )
    manifest.write(version.onnx, told.model_copy(update={"graphs": graphs}))
    return path


def with_external_data(version: VersionFolder, secret: Path) -> onnx.ModelProto:
    """The graph with one weight kept in another file."""
    graph = onnx.load(version.onnx / "predict_4.onnx")
    tensor = next(t for t in graph.graph.initializer if t.name == "heads_bias")
    secret.write_bytes(numpy_helper.to_array(tensor).tobytes())
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=os.path.relpath(secret, version.onnx))
    return graph


def test_weights_in_another_file_are_refused(version: VersionFolder, tmp_path: Path) -> None:
    graph = with_external_data(version, tmp_path / "secret")
    path = replace(version, graph.SerializeToString())
    with pytest.raises(RepositoryError, match="keeps weights in another file") as caught:
        open_engine(version, "onnx", "cpu", 1)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("length", [b"\x08", b"\x88\x00"], ids=["short", "long"])
def test_weights_in_another_file_are_refused_however_they_are_written(
    version: VersionFolder, tmp_path: Path, length: bytes
) -> None:
    graph = with_external_data(version, tmp_path / "secret")
    entry = next(t for t in graph.graph.initializer if t.external_data).external_data[0]
    usual = entry.SerializeToString()
    value = entry.value.encode()[: len(entry.value) + 1 - len(length)]
    turned = b"\x12" + bytes([len(value)]) + value + b"\x0a" + length + b"location"
    assert len(turned) == len(usual)
    path = replace(version, graph.SerializeToString().replace(usual, turned))
    with pytest.raises(RepositoryError, match="keeps weights in another file") as caught:
        open_engine(version, "onnx", "cpu", 1)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"not a graph", np.zeros(1000).tobytes()])
def test_a_file_that_is_no_graph_is_refused(version: VersionFolder, data: bytes) -> None:
    path = replace(version, data)
    with pytest.raises(RepositoryError, match="is not a graph ONNX Runtime can load") as caught:
        open_engine(version, "onnx", "cpu", 1)
    assert str(path) in str(caught.value)


def test_a_module_that_is_none_is_refused(version: VersionFolder) -> None:
    told = manifest.read(version, version.torchscript)
    path = version.torchscript / "predict.pt"
    path.write_bytes(b"not a module")
    graphs = tuple(
        g.model_copy(update={"sha256": digest(path)}) if g.file == path.name else g
        for g in told.graphs
    )
    manifest.write(version.torchscript, told.model_copy(update={"graphs": graphs}))
    with pytest.raises(RepositoryError, match=r"predict\.pt is not a TorchScript file"):
        open_engine(version, "torchscript", "cpu", 1)
