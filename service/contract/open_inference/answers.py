"""Infer answers to bytes, and a model's metadata and configuration."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import orjson

from ntm.signature import Signature
from service.contract.encodings import StandIns, nested
from service.contract.open_inference import texts
from service.contract.open_inference.requests import Wanted
from service.contract.open_inference.tensors import DATATYPE, INPUT, Float


def encode(
    facts: dict[str, Any], wanted: Sequence[Wanted], tensors: dict[str, Float]
) -> tuple[bytes, int | None]:
    """An infer answer.

    Args:
        facts: the answer without its outputs
        wanted: which tensors, and how
        tensors: by name
    Returns:
        the body, and the length of its JSON part if bytes follow it
    """
    outputs, behind = outputs_of(wanted, tensors, nested)
    text = orjson.dumps({**facts, "outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    return (b"".join([text, *behind]), len(text)) if behind else (text, None)


def encode_in_parts(
    facts: dict[str, Any], wanted: Sequence[Wanted], tensors: dict[str, Float]
) -> tuple[Iterator[bytes | memoryview], int | None]:
    """The same in parts, made when they are wanted; JSON before bytes at once, for its length."""
    stand_ins = StandIns()
    outputs, behind = outputs_of(wanted, tensors, stand_ins.add)
    parts = stand_ins.parts({**facts, "outputs": outputs})
    if not behind:
        return parts, None
    text = b"".join(parts)
    return chain([text], behind), len(text)


def outputs_of(
    wanted: Sequence[Wanted], tensors: dict[str, Float], as_data: Callable[[Float], Any]
) -> tuple[list[dict[str, Any]], list[memoryview]]:
    """What JSON tells of the outputs, and the bytes that come behind it.

    Args:
        wanted: which tensors, and how
        tensors: by name
        as_data: makes the `data` of a flat one
    """
    outputs: list[dict[str, Any]] = []
    behind: list[memoryview] = []
    for output in wanted:
        if output.name == texts.ANSWER:
            strings: Any = tensors[output.name]
            told = {"name": output.name, "datatype": texts.DATATYPE, "shape": list(strings.shape)}
            if output.binary:
                data = texts.to_bytes(strings.ravel().tolist())
                outputs.append({**told, "parameters": {"binary_data_size": len(data)}})
                behind.append(memoryview(data))
            else:
                outputs.append({**told, "data": strings.ravel().tolist()})
            continue
        tensor = np.ascontiguousarray(tensors[output.name], dtype="<f4")
        told = {"name": output.name, "datatype": DATATYPE, "shape": list(tensor.shape)}
        if output.binary:
            outputs.append({**told, "parameters": {"binary_data_size": tensor.nbytes}})
            behind.append(tensor.ravel().data.cast("B"))
        else:
            outputs.append({**told, "data": as_data(tensor.ravel())})
    return outputs, behind


def model_metadata(
    name: str, versions: list[int], platform: str, signature: Signature, *, speaks: bool = False
) -> dict[str, Any]:
    """What GET /v2/models/{model} tells: shapes with the batch axis, -1 where they vary.

    What has a vocabulary takes either input, and answers a text in words too.
    """
    text = {"name": texts.TEXT, "datatype": texts.DATATYPE, "shape": [-1, -1]}
    answer = {"name": texts.ANSWER, "datatype": texts.DATATYPE, "shape": [-1, -1]}
    return {
        "name": name,
        "versions": [str(version) for version in versions],
        "platform": platform,
        "inputs": [
            {"name": INPUT, "datatype": DATATYPE, "shape": [-1, -1, signature.input_size]},
            *([text] if speaks else []),
        ],
        "outputs": [
            *(
                {"name": output, "datatype": DATATYPE, "shape": [-1, *shape]}
                for output, shape in output_shapes(signature).items()
            ),
            *([answer] if speaks else []),
        ],
    }


def model_config(
    name: str, platform: str, backend: str, max_batch: int, signature: Signature
) -> dict[str, Any]:
    """What GET /v2/models/{model}/config tells: Triton's shape, dims without the batch axis."""
    return {
        "name": name,
        "platform": platform,
        "backend": backend,
        "max_batch_size": max_batch,
        "input": [
            {"name": INPUT, "data_type": f"TYPE_{DATATYPE}", "dims": [-1, signature.input_size]}
        ],
        "output": [
            {"name": output, "data_type": f"TYPE_{DATATYPE}", "dims": shape}
            for output, shape in output_shapes(signature).items()
        ],
        "dynamic_batching": {},
        "parameters": {"memory_slots": {"string_value": str(signature.memory_slots)}},
    }


def output_shapes(signature: Signature) -> dict[str, list[int]]:
    """Shapes of the outputs of one sequence; T and N vary."""
    weightings = {side: [-1, signature.heads_on(side), -1] for side in signature.sides}
    return {"outputs": [-1, signature.output_size], **weightings}
