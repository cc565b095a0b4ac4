"""Which engine and device a setting means here, and a refusal where it cannot be had."""

import importlib.util
import logging

from ntm.repository import VersionFolder
from service.engines.protocol import Engine

log = logging.getLogger("ntm.engines")


class EngineUnavailable(Exception):
    """The engine or device that was asked for is not there; the message says what is missing."""


def open_engine(version: VersionFolder, engine: str, device: str, threads: int) -> Engine:
    """The engine for one model version.

    Args:
        version: the model's folder
        engine: onnx, torchscript or auto
        device: cpu, cuda or auto; asked for cuda, it is CUDA or an error
        threads: that the engine may use
    Raises:
        EngineUnavailable: what was asked for is not installed or not there
        RepositoryError: the model's files cannot be used
    """
    if engine == "torchscript":
        return _torchscript(version, device, threads)
    return _onnx(version, device, threads)


def _onnx(version: VersionFolder, device: str, threads: int) -> Engine:
    if importlib.util.find_spec("onnxruntime") is None:
        raise EngineUnavailable("engine onnx needs ONNX Runtime: pip install -e '.[cpu]'")
    import onnxruntime

    from service.engines.onnx import PROVIDERS, OnnxEngine

    listed = PROVIDERS["cuda"] in onnxruntime.get_available_providers()
    if device == "cuda" and not listed:
        raise EngineUnavailable(
            "NTM_DEVICE=cuda, but this ONNX Runtime has no CUDA: on a GPU host, make serve "
            "installs the one that has (or pip uninstall onnxruntime && pip install -e '.[gpu]')"
        )
    if listed and device != "cpu":
        onnxruntime.preload_dlls()  # CUDA and cuDNN come as wheels, in no folder the loader knows
    wanted = "cuda" if listed and device != "cpu" else "cpu"
    opened = OnnxEngine(version, wanted, threads)
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
        raise EngineUnavailable("engine torchscript needs torch: pip install -e '.[train]'")
    import torch

    from service.engines.torchscript import TorchScriptEngine

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise EngineUnavailable("NTM_DEVICE=cuda, but torch finds no CUDA device on this machine")
    return TorchScriptEngine(version, "cuda" if available and device != "cpu" else "cpu", threads)
