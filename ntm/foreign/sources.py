"""The projects whose checkpoints are read: where they are, under which licence, and how."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ntm.foreign.converted import Converted
from ntm.foreign.errors import ForeignFile

GITHUB = "https://github.com/"


@dataclass(frozen=True)
class Source:
    """A project."""

    name: str
    url: str
    licence: str
    read: Callable[[Path], Converted]


def converter(project: str) -> Callable[..., Converted]:
    """What makes one of our models of a project's tensors."""
    convert: Callable[..., Converted] = import_module(f"ntm.foreign.projects.{project}").convert
    return convert


def pytorch_ntm(preset: str) -> Callable[[Path], Converted]:
    """A state dict of one of its two wirings."""

    def read(path: Path) -> Converted:
        from ntm.foreign.torch_files import state_dict

        return converter("pytorch_ntm")(state_dict(path), str(path), preset)

    return read


def clemkoa(path: Path) -> Converted:
    """A state dict."""
    from ntm.foreign.torch_files import state_dict

    return converter("clemkoa")(state_dict(path), str(path))


def vlgiitr(path: Path) -> Converted:
    """A module that was saved whole, or its state dict."""
    from ntm.foreign.torch_files import module_state

    return converter("vlgiitr")(module_state(path), str(path))


def lasagne(path: Path) -> Converted:
    """A list of arrays."""
    from ntm.foreign.numpy_files import arrays

    return converter("lasagne")(arrays(path), str(path))


def dnc_tensorflow(path: Path) -> Converted:
    """A TensorFlow checkpoint."""
    from ntm.foreign.tensorflow_files import tensors

    return converter("dnc_tensorflow")(tensors(path), str(path))


def pytorch_dnc(path: Path) -> Converted:
    """A state dict."""
    from ntm.foreign.torch_files import state_dict

    return converter("pytorch_dnc")(state_dict(path), str(path))


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "pytorch-ntm",
            f"{GITHUB}loudinthecloud/pytorch-ntm",
            "BSD-3-Clause",
            pytorch_ntm("pytorch-ntm"),
        ),
        Source(
            "pytorch-ntm-2017",
            f"{GITHUB}loudinthecloud/pytorch-ntm",
            "BSD-3-Clause",
            pytorch_ntm("pytorch-ntm-2017"),
        ),
        Source("clemkoa", f"{GITHUB}clemkoa/ntm", "MIT", clemkoa),
        Source("vlgiitr", f"{GITHUB}vlgiitr/ntm-pytorch", "MIT", vlgiitr),
        Source("lasagne", f"{GITHUB}snipsco/ntm-lasagne", "MIT", lasagne),
        Source("dnc-tensorflow", f"{GITHUB}Mostafa-Samir/DNC-tensorflow", "MIT", dnc_tensorflow),
        Source("pytorch-dnc", f"{GITHUB}ixaxaar/pytorch-dnc", "MIT", pytorch_dnc),
    )
}


def find(name: str) -> Source:
    """The project of a name.

    Raises:
        ForeignFile: nobody here knows it
    """
    if name not in SOURCES:
        raise ForeignFile(f"unknown project {name!r}, expected one of {', '.join(SOURCES)}")
    return SOURCES[name]


def describe(source: Source) -> dict[str, Any]:
    """Where a model comes from, for its config.json."""
    return {"project": source.name, "url": source.url, "licence": source.licence}
