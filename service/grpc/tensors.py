"""Infer requests from messages and answers to messages; tensors as raw little-endian bytes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ntm.signature import Signature
from service.contract.encodings import Tensors
from service.contract.open_inference import texts
from service.contract.open_inference.requests import InferRequest, Wanted, body_of, interpret
from service.contract.open_inference.tensors import DATATYPE, DATATYPES
from service.errors import MissingTensor, ServiceError, WrongDatatype, WrongShape
from service.grpc.messages import Message, message

CONTENTS = {  # the field of `contents` that has the numbers of a datatype
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}

LARGEST_INT64 = 2**63 - 1

ModelInferResponse = message("ModelInferResponse")


def request_of(infer: Message, signature: Signature, *, speaks: bool) -> InferRequest:
    """The request of a ModelInferRequest.

    Args:
        infer: the message
        signature: of the model
        speaks: whether it has a vocabulary, and takes text
    Raises:
        ServiceError: what is wrong, with the name of the field
    """
    raw = infer.raw_input_contents or [contents_of(tensor) for tensor in infer.inputs]
    if len(raw) != len(infer.inputs):
        raise WrongShape(
            f"raw_input_contents should hold one entry for each of the {len(infer.inputs)} "
            f"inputs, got {len(raw)}"
        )
    if infer.raw_input_contents and any(tensor.HasField("contents") for tensor in infer.inputs):
        raise ServiceError("inputs should be in raw_input_contents or in contents, not in both")
    fields = {
        "id": infer.id or None,
        "parameters": {**parameters_of(infer.parameters), "binary_data_output": True},
        "inputs": [
            {
                "name": tensor.name,
                "shape": list(tensor.shape),
                "datatype": tensor.datatype,
                "parameters": {
                    **parameters_of(tensor.parameters),
                    "binary_data_size": len(data),
                },
            }
            for tensor, data in zip(infer.inputs, raw, strict=True)
        ],
        "outputs": [
            {"name": output.name, "parameters": unless_binary(parameters_of(output.parameters))}
            for output in infer.outputs
        ],
    }
    return interpret(body_of(fields), b"".join(raw), signature, speaks=speaks)


def parameters_of(parameters: Mapping[str, Message]) -> dict[str, Any]:
    """Parameters as JSON would have them."""
    chosen = (
        (name, each, each.WhichOneof("parameter_choice")) for name, each in parameters.items()
    )
    return {name: getattr(each, kind) for name, each, kind in chosen if kind is not None}


def unless_binary(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters of an output without the one that chooses between bytes and JSON."""
    return {name: value for name, value in parameters.items() if name != "binary_data"}


def contents_of(tensor: Message) -> bytes:
    """The numbers of an input that are in its `contents`, as raw bytes.

    Raises:
        MissingTensor: they are in a field of another datatype
        WrongDatatype: one does not fit its datatype
    """
    if tensor.datatype == texts.DATATYPE:
        return texts.join(tensor.contents.bytes_contents)
    field = CONTENTS.get(tensor.datatype)
    others = [each.name for each, _ in tensor.contents.ListFields() if each.name != field]
    if others:
        expected = f"contents.{field}" if field else "raw_input_contents"
        raise MissingTensor(
            f"{tensor.name:.40} of datatype '{tensor.datatype:.40}' should be in {expected}, "
            f"got {others[0]}"
        )
    if field is None:
        return b""
    told = np.array(getattr(tensor.contents, field))
    numbers = told.astype(DATATYPES[tensor.datatype])
    if numbers.dtype.kind in "iu" and (numbers != told).any():
        raise WrongDatatype(
            f"{tensor.name:.40} should hold numbers of {tensor.datatype}, got larger ones"
        )
    return numbers.tobytes()


def response_of(facts: Mapping[str, Any], wanted: Sequence[Wanted], tensors: Tensors) -> Message:
    """The ModelInferResponse with facts and tensors.

    Args:
        facts: the answer without its outputs
        wanted: which tensors
        tensors: by name
    """
    response = ModelInferResponse(
        model_name=facts["model_name"],
        model_version=facts["model_version"],
        id=facts.get("id", ""),
    )
    write_parameters(response.parameters, facts["parameters"].items())
    for output in wanted:
        if output.name == texts.ANSWER:
            strings: Any = tensors[output.name]
            response.outputs.add(name=output.name, datatype=texts.DATATYPE, shape=strings.shape)
            response.raw_output_contents.append(texts.to_bytes(strings.ravel().tolist()))
            continue
        tensor = np.ascontiguousarray(tensors[output.name], dtype="<f4")
        response.outputs.add(name=output.name, datatype=DATATYPE, shape=tensor.shape)
        response.raw_output_contents.append(tensor.tobytes())
    return response


def write_parameters(parameters: Any, facts: Iterable[tuple[str, Any]]) -> None:
    """Write facts as parameters of a message."""
    for name, value in facts:
        match value:
            case bool():
                parameters[name].bool_param = value
            case int() if value > LARGEST_INT64:
                parameters[name].uint64_param = value
            case int():
                parameters[name].int64_param = value
            case float():
                parameters[name].double_param = value
            case _:
                parameters[name].string_param = value
