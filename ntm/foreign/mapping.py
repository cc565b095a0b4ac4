"""A YAML file that says which of a checkpoint's tensors is which of ours: for any project.

architecture: ntm/2
format: torch                # torch, module, npy, tensorflow or safetensors
preset: pytorch-ntm          # of the wiring, perhaps with single fields in `wiring`
wiring: {key: tanh}
sizes: {controller_size: 100, N: 128, M: 20}
licence: MIT
url: https://example.org/weights
tensors:
  output.weight: fc.weight
  controller.gates.weight: {join: [rnn.weight_ih, rnn.weight_hh], axis: 1, gates: ifgo}
  controller.gates.bias: {sum: [rnn.bias_ih, rnn.bias_hh], gates: ifgo}
  heads.linear.weight: {join: [{from: k.weight}, {from: s.weight, reverse: true}]}
  starts.memory: {from: memory, transpose: true}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from ntm.architectures import catalogue
from ntm.architectures.ntm.wired.wiring import PRESETS
from ntm.foreign.converted import OUR_GATES, Array, Converted
from ntm.foreign.errors import ForeignFile
from ntm.repository.folders import read_file

FORMATS = ("torch", "module", "npy", "tensorflow", "safetensors")
FIELDS = ("architecture", "format", "preset", "wiring", "sizes", "licence", "url", "tensors")
STEPS = (
    "from",
    "join",
    "sum",
    "axis",
    "rows",
    "transpose",
    "reverse",
    "gates",
    "reshape",
    "value",
)


def mapped(file: Path, mapping: Path) -> tuple[Converted, dict[str, Any]]:
    """The model that a map makes of a checkpoint, and where it comes from.

    Raises:
        ForeignFile: the map is none, names what is not there, or does not fit
    """
    told = loaded(mapping)
    tensors = tensors_of(file, str(told.get("format", "torch")))
    try:
        found = {
            name: made(tensors, how, f"{mapping}: {name}") for name, how in told["tensors"].items()
        }
        fields = dict(told.get("sizes", {}))
        if "preset" in told or "wiring" in told:
            base = PRESETS[told.get("preset", "ntm/1")]
            fields["wiring"] = base.model_dump() | dict(told.get("wiring", {}))
        architecture = catalogue.find(told.get("architecture", "ntm/2"))
        config = architecture.config_class(architecture=architecture.name, **fields)
    except KeyError as error:
        raise ForeignFile(f"{mapping}: unknown preset {error.args[0]!r}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ForeignFile(f"{mapping}: {where}: {first['msg']}") from None
    except (ValueError, TypeError) as error:
        raise ForeignFile(f"{mapping}: {error}") from None
    origin = {
        "project": f"the map {mapping.name}",
        "url": str(told.get("url", "unknown")),
        "licence": str(told.get("licence", "unknown")),
    }
    return Converted(config, found), origin


def loaded(mapping: Path) -> dict[str, Any]:
    """The content of a map.

    Raises:
        ForeignFile: it is no YAML, or has other fields
    """
    import yaml

    try:
        told = yaml.safe_load(read_file(mapping))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ForeignFile(f"{mapping} is not a YAML file: {str(error)[:200]}") from None
    if not isinstance(told, dict) or not isinstance(told.get("tensors"), dict):
        raise ForeignFile(f"{mapping} should have `tensors`, our names to the file's")
    for field in told:
        if field not in FIELDS:
            raise ForeignFile(f"{mapping}: unknown field {field}, expected {', '.join(FIELDS)}")
    return told


def tensors_of(file: Path, form: str) -> Mapping[str, Array]:
    """The tensors of a file by name; of a list, by their place: "0", "1", ...

    Raises:
        ForeignFile: it is no such file
    """
    if form == "torch":
        from ntm.foreign.torch_files import state_dict

        return state_dict(file)
    if form == "module":
        from ntm.foreign.torch_files import module_state

        return module_state(file)
    if form == "npy":
        from ntm.foreign.numpy_files import arrays

        return {str(place): array for place, array in enumerate(arrays(file))}
    if form == "tensorflow":
        from ntm.foreign.tensorflow_files import tensors

        return tensors(file)
    if form == "safetensors":
        from ntm.repository.checkpoint import read_tensors

        return {name: tensor.float().numpy() for name, tensor in read_tensors(file).items()}
    raise ForeignFile(f"unknown format {form!r}, expected one of {', '.join(FORMATS)}")


def made(tensors: Mapping[str, Array], how: Any, what: str) -> Array:
    """One of our tensors, as a map says: a name, or a step with what it takes.

    Raises:
        ForeignFile: the step is none, or names a tensor that is not there
    """
    if isinstance(how, (str, int)):
        if str(how) not in tensors:
            raise ForeignFile(f"{what}: the file has no tensor {how}")
        return np.asarray(tensors[str(how)], np.float64)
    if not isinstance(how, dict) or not how.keys() <= set(STEPS):
        raise ForeignFile(f"{what}: expected a name, or some of {', '.join(STEPS)}")
    sources = [key for key in ("from", "join", "sum", "value") if key in how]
    if len(sources) != 1:
        raise ForeignFile(f"{what}: expected one of from, join, sum or value")
    source = sources[0]
    try:
        if source == "value":
            value = np.asarray(how["value"], np.float64)
        elif source == "from":
            value = made(tensors, how["from"], what)
        else:
            parts = [made(tensors, part, what) for part in how[source]]
            axis = int(how.get("axis", 0))
            together = np.concatenate(parts, axis) if source == "join" else np.sum(parts, axis=0)
            value = np.asarray(together)
        return changed(value, how)
    except (ValueError, TypeError, IndexError) as error:
        raise ForeignFile(f"{what}: {error}") from None


def changed(value: Array, how: Mapping[str, Any]) -> Array:
    """A tensor transposed, cut, reversed, with another order of gates, reshaped: in this order."""
    if how.get("transpose"):
        value = value.T
    if "rows" in how:
        start, stop = how["rows"]
        value = value[int(start) : int(stop)]
    if how.get("reverse"):
        value = value[::-1]
    if "gates" in how:
        order = str(how["gates"])
        if sorted(order) != sorted(OUR_GATES):
            raise ValueError(f"gates should be the letters i, f, g and o, got {order!r}")
        parts = dict(zip(order, np.split(value, 4), strict=True))
        value = np.concatenate([parts[gate] for gate in OUR_GATES])
    if "reshape" in how:
        value = value.reshape([int(size) for size in how["reshape"]])
    return value
