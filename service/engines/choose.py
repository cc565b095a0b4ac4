"""Choice of engine and device from the settings, or an error that says what is missing."""

import importlib.util
import logging
from pathlib import Path

from ntm.architectures import catalogue, kernels
from ntm.repository.folders import ModelDescription, VersionFolder
from service.engines.protocol import Engine

log = logging.getLogger("ntm.engines")


class EngineUnavailable(Exception):
    """The engine or device that was asked for is not there; the message says what is missing."""


def open_engine(
    version: VersionFolder,
    engine: str,
    device: str,
    threads: int,
    compiled: Path | None = None,
    cuda_graphs: bool = False,
) -> Engine:
    """The engine for one model version.

    Args:
        version: the model's folder
        engine: onnx, torchscript, native, or auto: native where that is compiled already, and onnx
            otherwise or for CUDA; an architecture without a kernel has onnx in place of native
        device: cpu, cuda or auto; asked for cuda, it is CUDA or an error
        threads: that the engine may use
        compiled: folder of what native compiles; auto is never native without one
        cuda_graphs: whether onnx records CUDA graphs; it is on CUDA then, or an error
    Raises:
        EngineUnavailable: what was asked for is not installed or not there
        RepositoryError: the model's files cannot be used
    """
    if cuda_graphs:
        if engine not in ("onnx", "auto") or device == "cpu":
            raise EngineUnavailable(
                f"NTM_CUDA_GRAPHS wants engine onnx on CUDA, not {engine} on {device}"
            )
        return _onnx(version, "cuda", threads, cuda_graphs)
    engine = with_kernel(engine, version)
    if engine == "native":
        return _native(version, device, compiled)
    best = engine == "auto" and native_is_best(device) and has_kernel(version.description())
    if best and compiled and kernels.is_ready(compiled):
        return _native(version, device, compiled)
    if engine == "torchscript":
        return _torchscript(version, device, threads)
    return _onnx(version, device, threads)


def native_is_best(device: str) -> bool:
    """Whether `auto` is to mean native: Numba is there and there is no CUDA to be had."""
    if device == "cuda" or not kernels.is_installed():
        return False
    return device == "cpu" or not _lists_cuda()


def with_kernel(engine: str, version: VersionFolder) -> str:
    """The engine of a model for which this one is asked: onnx where native has no kernel for it."""
    if engine == "native" and not has_kernel(version.description()):
        return "onnx"
    return engine


def has_kernel(description: ModelDescription) -> bool:
    """Whether a model's architecture has a compiled kernel, without which there is no native."""
    return catalogue.find(description.architecture).kernel is not None


def _lists_cuda() -> bool:
    if importlib.util.find_spec("onnxruntime") is None:
        return False
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def _native(version: VersionFolder, device: str, compiled: Path | None) -> Engine:
    if not kernels.is_installed():
        raise EngineUnavailable(
            "engine native needs Numba: pip install 'neural-turing-machine[cpu]'"
        )
    if device == "cuda":
        raise EngineUnavailable("NTM_DEVICE=cuda, but engine native runs on the CPU only")
    if compiled is None:
        raise EngineUnavailable("engine native needs a folder for what it compiles")
    from service.engines.native import NativeEngine

    return NativeEngine(version, compiled)


def _onnx(version: VersionFolder, device: str, threads: int, cuda_graphs: bool = False) -> Engine:
    if importlib.util.find_spec("onnxruntime") is None:
        raise EngineUnavailable(
            "engine onnx needs ONNX Runtime: pip install 'neural-turing-machine[cpu]'"
        )
    import onnxruntime

    from service.engines.onnx import PROVIDERS, OnnxEngine

    listed = PROVIDERS["cuda"] in onnxruntime.get_available_providers()
    if device == "cuda" and not listed:
        raise EngineUnavailable(
            "NTM_DEVICE=cuda, but this ONNX Runtime has no CUDA: on a GPU host, make serve "
            "installs the one that has (or pip uninstall onnxruntime && "
            "pip install 'neural-turing-machine[gpu]')"
        )
    if listed and device != "cpu":
        onnxruntime.preload_dlls()  # CUDA and cuDNN come as wheels, in no folder the loader knows
    wanted = "cuda" if listed and device != "cpu" else "cpu"
    opened = OnnxEngine(version, wanted, threads, cuda_graphs)
    if opened.device == wanted:
        return opened
    if device == "cuda":
        raise EngineUnavailable(
            "NTM_DEVICE=cuda, but ONNX Runtime could not start CUDA on this machine: "
            "is there a GPU, its driver, and was the container started with --gpus all?"
        )
    log.warning("CUDA could not be started: onnx runs on the CPU")
    return OnnxEngine(version, "cpu", threads)


def _torchscript(version: VersionFolder, device: str, threads: int) -> Engine:
    if importlib.util.find_spec("torch") is None:
        raise EngineUnavailable(
            "engine torchscript needs torch: pip install 'neural-turing-machine[train]'"
        )
    import torch

    from service.engines.torchscript import TorchScriptEngine

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise EngineUnavailable("NTM_DEVICE=cuda, but torch finds no CUDA device on this machine")
    return TorchScriptEngine(version, "cuda" if available and device != "cpu" else "cpu", threads)
