"""Traces as files and as answers of a service: facts about a run, and its arrays by name."""

import io
import json
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
File = str | Path | BinaryIO
Held = tuple[dict[str, Any], dict[str, Array]]  # facts and arrays

TEXTS = ("trace_id", "model", "model_digest", "engine", "reads_see")  # told as they are


class TraceError(ValueError):
    """What holds no trace, or one that does not fit; the message says what is wrong with it."""


def read_npz(file: File) -> Held:
    """What `write_npz`, `ntm trace` or GET /trace/{trace_id}?format=npz wrote.

    Raises:
        TraceError: it holds no trace
        OSError: there is no such file
    """
    try:
        if isinstance(file, (str, Path)) and not zipfile.is_zipfile(file) and Path(file).exists():
            raise zipfile.BadZipFile("it is another kind of file")
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        facts = json.loads(str(arrays.pop("facts")))
    except (ValueError, TypeError, AttributeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise TraceError(f"{name_of(file)} holds no trace as npz: {error}") from None
    return checked(facts, file), arrays


def write_npz(file: File, facts: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """One array a tensor, and the facts as JSON text in the array `facts`."""
    held: dict[str, Any] = {"facts": np.array(json.dumps(facts)), **arrays}
    if isinstance(file, (str, Path)):
        with Path(file).open("wb") as opened:  # savez would add .npz to a name
            np.savez_compressed(opened, **held)
    else:
        np.savez_compressed(file, **held)


def read_safetensors(file: str | Path) -> Held:
    """What `write_safetensors` or GET /trace/{trace_id}?format=safetensors wrote.

    Raises:
        TraceError: it holds no trace
        OSError: there is no such file
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "np") as stored:
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}
            metadata = stored.metadata() or {}
        facts = {n: v if n in TEXTS else json.loads(v) for n, v in metadata.items()}
    except (SafetensorError, ValueError) as error:
        raise TraceError(f"{file} holds no trace as safetensors: {error}") from None
    return checked(facts, file), arrays


def write_safetensors(
    file: str | Path, facts: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Every tensor, with the facts as text in the metadata: strings as they are, else JSON."""
    from safetensors.numpy import save

    metadata = {n: v if n in TEXTS else json.dumps(v) for n, v in facts.items()}
    held = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    Path(file).write_bytes(save(held, metadata))


def fetch(
    url: str,
    key: str | None,
    defaults: Mapping[str, str],
    query: Mapping[str, str],
    timeout: float,
) -> Held:
    """A trace from a service.

    Args:
        url: of the trace, perhaps with a query
        key: of the service
        defaults: parameters where the URL has none
        query: parameters in place of the URL's
        timeout: in seconds
    Raises:
        TraceError: the service refused, and why, or cannot be reached
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise TraceError(f"url should begin with http:// or https://, got '{url:.60}'")
    told = {**defaults, **dict(urllib.parse.parse_qsl(parts.query)), **query, "format": "npz"}
    request = urllib.request.Request(parts._replace(query=urllib.parse.urlencode(told)).geturl())
    if key is not None:  # a redirect must not carry the key elsewhere
        request.add_unredirected_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        raise TraceError(f"{parts.netloc} answered {error.code}: {reason(error)}") from None
    except OSError as error:
        raise TraceError(f"{parts.netloc} cannot be reached: {error}") from None
    return read_npz(io.BytesIO(body))


def checked(facts: Any, file: File) -> dict[str, Any]:
    """Facts that are a trace's.

    Raises:
        TraceError: they are not
    """
    if not isinstance(facts, dict) or "model" not in facts:
        raise TraceError(f"{name_of(file)} holds no trace: its facts name no model")
    return facts


def reason(error: urllib.error.HTTPError) -> str:
    """The service's own sentence, or else the status's."""
    try:
        return str(json.loads(error.read())["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return str(error.reason)


def name_of(file: File) -> str:
    """What a file goes by in an error."""
    return str(file) if isinstance(file, (str, Path)) else "the file"
