"""The forms in which servers take a sequence and give an answer; nothing here knows of servers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import orjson
from safetensors.numpy import load, save

WEIGHTINGS = ["read_weightings", "write_weightings"]
SAFETENSORS = "application/vnd.safetensors"
HEADER_LENGTH = "Inference-Header-Content-Length"

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class Asked:
    """A request before it goes over the wire."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def whole(self) -> bytes:
        """As it goes over the wire."""
        lines = [f"POST {self.path} HTTP/1.1", "Host: bench", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True)
class Form:
    """How a sequence [T, I] becomes a request, and an answer becomes tensors."""

    ask: Callable[[np.ndarray, bool], Asked]
    read: Callable[[bytes, Mapping[str, str]], Tensors]


JSON = {"Content-Type": "application/json"}


def ask_plainly(sequence: np.ndarray, weightings: bool) -> Asked:
    """What most servers are given, a schema of their own."""
    body = {"sequence": rows(sequence), "weightings": weightings}
    return Asked("/predict", orjson.dumps(body), JSON)


def read_json(body: bytes, _: Mapping[str, str]) -> Tensors:
    """Every tensor under its name, as nested lists."""
    told = orjson.loads(body)
    names = [name for name in ("outputs", *WEIGHTINGS) if name in told]
    return {name: np.array(told[name], np.float32) for name in names}


def ask_listed(sequence: np.ndarray, weightings: bool) -> Asked:
    """What a server of batches is given: a list of one."""
    body = {"asked": [{"sequence": rows(sequence), "weightings": weightings}]}
    return Asked("/predict", orjson.dumps(body), JSON)


def read_listed(body: bytes, headers: Mapping[str, str]) -> Tensors:
    """The only one of a list."""
    return read_json(orjson.dumps(orjson.loads(body)[0]), headers)


def ask_ours(sequence: np.ndarray, weightings: bool) -> Asked:
    """POST /predict."""
    body = {"model": "copy", "sequence": rows(sequence)}
    if weightings:
        body["include"] = WEIGHTINGS
    return Asked("/predict", orjson.dumps(body), JSON)


def ask_safetensors(sequence: np.ndarray, weightings: bool) -> Asked:
    """POST /predict, both ways binary."""
    told = {"model": "copy"}
    if weightings:
        told["include"] = ",".join(WEIGHTINGS)
    kind = {"Content-Type": SAFETENSORS, "Accept": SAFETENSORS}
    return Asked("/predict", save({"sequence": sequence}, told), kind)


def unrecorded(form: Form) -> Form:
    """The same, and the service keeps no trace."""

    def ask(sequence: np.ndarray, weightings: bool) -> Asked:
        asked = form.ask(sequence, weightings)
        if asked.headers["Content-Type"] == SAFETENSORS:
            told = json.loads(asked.body[8 : 8 + int.from_bytes(asked.body[:8], "little")])
            body = save({"sequence": sequence}, {**told["__metadata__"], "record": "false"})
        else:
            body = orjson.dumps({**orjson.loads(asked.body), "record": False})
        return Asked(asked.path, body, asked.headers)

    return Form(ask, form.read)


def ask_v2(sequence: np.ndarray, weightings: bool) -> Asked:
    """The Open Inference Protocol in JSON."""
    tensor = {"name": "sequence", "shape": [1, *sequence.shape], "datatype": "FP32"}
    tensor["data"] = [value for row in rows(sequence) for value in row]
    outputs = [{"name": name} for name in ["outputs"] + WEIGHTINGS * weightings]
    body = orjson.dumps({"inputs": [tensor], "outputs": outputs})
    return Asked("/v2/models/copy/infer", body, JSON)


def ask_v2_binary(sequence: np.ndarray, weightings: bool) -> Asked:
    """Its extension for binary tensors."""
    data = sequence.tobytes()
    tensor = {"name": "sequence", "shape": [1, *sequence.shape], "datatype": "FP32"}
    tensor["parameters"] = {"binary_data_size": len(data)}
    outputs = [
        {"name": name, "parameters": {"binary_data": True}}
        for name in ["outputs"] + WEIGHTINGS * weightings
    ]
    head = orjson.dumps({"inputs": [tensor], "outputs": outputs})
    headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(head))}
    return Asked("/v2/models/copy/infer", head + data, headers)


def read_v2(body: bytes, headers: Mapping[str, str]) -> Tensors:
    """Tensors of a batch of one, in JSON or behind it."""
    size = int(headers.get(HEADER_LENGTH) or len(body))
    told, rest, tensors = orjson.loads(body[:size]), body[size:], {}
    for output in told["outputs"]:
        if "data" in output:
            values = np.array(output["data"], np.float32)
        else:
            length = output["parameters"]["binary_data_size"]
            values, rest = np.frombuffer(rest[:length], np.float32), rest[length:]
        tensors[output["name"]] = values.reshape(output["shape"])[0]
    return tensors


def rows(sequence: np.ndarray) -> list[list[int]]:
    """Bits as short as JSON has them."""
    return sequence.astype(int).tolist()


PLAIN = Form(ask_plainly, read_json)
LISTED = Form(ask_listed, read_listed)
OURS = Form(ask_ours, read_json)
OURS_BINARY = Form(ask_safetensors, lambda body, _: load(body))
V2 = Form(ask_v2, read_v2)
V2_BINARY = Form(ask_v2_binary, read_v2)
