"""Invariant 7: asked for CUDA, it is CUDA or an error; `auto` may fall back and says so."""

import importlib.util
import logging
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch

from ntm.repository import manifest
from ntm.repository.folders import VersionFolder
from service.engines import EngineUnavailable, onnx, open_engine

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.fixture
def version(repository: Path) -> VersionFolder:
    """Some model."""
    return VersionFolder(repository / "copy" / "1")


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU, wherever this runs."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def claimed_cuda(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """ONNX Runtime for GPUs without a GPU: it lists CUDA, then runs on the CPU."""
    asked: list[list[Any]] = []
    real = onnxruntime.InferenceSession

    def session(data: bytes, options: Any, providers: list[Any]) -> onnxruntime.InferenceSession:
        asked.append(providers)
        return real(data, options, providers=[CPU])

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    return asked


@pytest.mark.parametrize("engine", ["onnx", "torchscript", "auto"])
@pytest.mark.usefixtures("no_cuda")
def test_cuda_asked_for_and_absent_is_an_error(version: VersionFolder, engine: str) -> None:
    with pytest.raises(EngineUnavailable, match="NTM_DEVICE=cuda, but"):
        open_engine(version, engine, "cuda", 1)


@pytest.mark.parametrize("engine", ["onnx", "torchscript", "auto"])
@pytest.mark.parametrize("device", ["auto", "cpu"])
@pytest.mark.usefixtures("no_cuda")
def test_auto_falls_back_to_the_cpu(version: VersionFolder, engine: str, device: str) -> None:
    opened = open_engine(version, engine, device, 1)
    assert opened.device == "cpu"
    assert opened.name == ("onnx" if engine == "auto" else engine)


def test_cuda_that_is_listed_and_does_not_start_is_an_error(
    version: VersionFolder, claimed_cuda: list[list[Any]]
) -> None:
    with pytest.raises(EngineUnavailable, match="could not start CUDA on this machine"):
        open_engine(version, "onnx", "cuda", 1)
    exact = (CUDA, {"use_tf32": "0", "enable_cuda_graph": "0"})
    assert all(providers == [exact, CPU] for providers in claimed_cuda)
    assert claimed_cuda


@pytest.mark.parametrize(
    ("engine", "device"), [("native", "auto"), ("torchscript", "cuda"), ("onnx", "cpu")]
)
def test_cuda_graphs_want_onnx_on_cuda(version: VersionFolder, engine: str, device: str) -> None:
    with pytest.raises(EngineUnavailable, match=f"not {engine} on {device}"):
        open_engine(version, engine, device, 1, cuda_graphs=True)


@pytest.mark.usefixtures("no_cuda")
def test_cuda_graphs_without_cuda_are_an_error(version: VersionFolder) -> None:
    with pytest.raises(EngineUnavailable, match="has no CUDA"):
        open_engine(version, "auto", "auto", 1, cuda_graphs=True)


def test_only_predict_graphs_are_recorded(
    version: VersionFolder, claimed_cuda: list[list[Any]]
) -> None:
    with pytest.raises(EngineUnavailable, match="could not start CUDA"):
        open_engine(version, "onnx", "auto", 1, cuda_graphs=True)
    recorded = [providers[0][1]["enable_cuda_graph"] for providers in claimed_cuda]
    kinds = [graph.kind for graph in manifest.read(version, version.onnx).graphs]
    assert recorded.count("0") == len(kinds)
    assert recorded.count("1") == kinds.count("predict")


def test_auto_tells_of_a_cuda_that_did_not_start(
    version: VersionFolder, claimed_cuda: list[list[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "ntm.engines"):
        assert open_engine(version, "onnx", "auto", 1).device == "cpu"
    assert "CUDA could not be started" in caplog.text
    assert claimed_cuda[-1] == [CPU]


def test_the_cpu_asked_for_never_tries_cuda(
    version: VersionFolder, claimed_cuda: list[list[Any]]
) -> None:
    assert open_engine(version, "onnx", "cpu", 1).device == "cpu"
    assert all(providers == [CPU] for providers in claimed_cuda)


def test_a_session_on_cuda_is_cuda(
    version: VersionFolder, claimed_cuda: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx, "device_of", lambda session: "cuda")
    assert open_engine(version, "onnx", "cuda", 1).device == "cuda"
    assert open_engine(version, "auto", "auto", 1).device == "cuda"


@pytest.mark.parametrize(
    ("engine", "library", "extra"),
    [("onnx", "onnxruntime", "cpu"), ("torchscript", "torch", "train")],
)
def test_a_library_that_is_not_installed_is_named(
    version: VersionFolder,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
    library: str,
    extra: str,
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == library else real(name)
    )
    with pytest.raises(EngineUnavailable, match=rf"pip install 'neural-turing-machine\[{extra}\]'"):
        open_engine(version, engine, "auto", 1)
