"""Infer requests from bytes and answers to bytes, without a server."""

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ntm.architectures.ntm.config import NTMConfig
from ntm.architectures.ntm.signature import signature
from ntm.signature import Signature
from service.contract.checks import narrow
from service.contract.open_inference import answers, requests, tensors
from service.contract.open_inference.requests import InferRequest, Part, Wanted
from service.errors import ServiceError
from tests.service.bodies import Float, same

FINITE = {"min_value": -1e6, "max_value": 1e6, "allow_nan": False, "width": 32}
TENSORS = array_shapes(min_dims=2, max_dims=3, max_side=5).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.floats(**FINITE))  # type: ignore[arg-type]
)

MODEL = signature(NTMConfig(input_size=3, output_size=2, controller_size=4, N=5, M=4))


def told(**changed: Any) -> dict[str, Any]:
    """A request of one sequence of two steps, in JSON."""
    tensor = {"name": "sequence", "shape": [2, 3], "datatype": "FP32", "data": [0, 1, 2, 3, 4, 5]}
    return {"inputs": [{**tensor, **changed}]}


def parse(body: Any, behind: bytes = b"", header: str | None = None) -> InferRequest:
    """From JSON and the bytes behind it; the header is right where none is given."""
    text = orjson.dumps(body)
    if behind and header is None:
        header = str(len(text))
    return requests.parse(text + behind, header, MODEL)


def refusal(body: Any, behind: bytes = b"", header: str | None = None) -> tuple[int, str]:
    """Status and code of the error."""
    with pytest.raises(ServiceError) as refused:
        parse(body, behind, header)
    return refused.value.status, refused.value.code


def binary(tensor: Float) -> tuple[dict[str, Any], bytes]:
    """A request whose tensor comes behind the JSON."""
    size = {"binary_data_size": tensor.nbytes}
    entry = {"name": "sequence", "shape": tensor.shape, "datatype": "FP32", "parameters": size}
    return {"inputs": [entry]}, tensor.astype("<f4").tobytes()


@given(TENSORS)
def test_flat_nested_and_binary_give_the_same_bits(tensor: Float) -> None:
    shape = list(tensor.shape)
    flat = parse(told(shape=shape, data=tensor.ravel().tolist()))
    nested = parse(told(shape=shape, data=tensor.tolist()))
    sent = parse(*binary(tensor))
    expected = tensor if tensor.ndim == 3 else tensor[None]
    for request in (flat, nested, sent):
        assert same(request.sequences, expected)
        assert request.batched == (tensor.ndim == 3)


@given(TENSORS, st.lists(st.booleans(), min_size=3, max_size=3))
def test_an_answer_reads_back_as_its_tensors(tensor: Float, as_bytes: list[bool]) -> None:
    names = ("outputs", "read_weightings", "write_weightings")
    tensors = {name: tensor * (place + 1) for place, name in enumerate(names)}
    wanted = [Wanted(name, sent) for name, sent in zip(names, as_bytes, strict=True)]
    body, length = answers.encode({"id": "x"}, wanted, tensors)
    answer, behind = orjson.loads(body[:length]), body[length or len(body) :]
    assert answer["id"] == "x"
    assert (length is None) == (not any(as_bytes))
    for output, asked in zip(answer["outputs"], wanted, strict=True):
        assert output["name"] == asked.name
        assert output["shape"] == list(tensor.shape)
        if asked.binary:
            size = output["parameters"]["binary_data_size"]
            came, behind = np.frombuffer(behind[:size], "<f4"), behind[size:]
        else:
            came = np.array(output["data"], np.float32)
        assert same(came.reshape(tensor.shape), tensors[asked.name])
    assert behind == b""
    parts, same_length = answers.encode_in_parts({"id": "x"}, wanted, tensors)
    assert (b"".join(parts), same_length) == (body, length)


def test_parameters_are_read() -> None:
    parameters = {"memory_slots": 64, "record": False, "timeout": 1_500_000, "unknown": [1]}
    request = parse({**told(), "id": "7", "parameters": parameters})
    assert (request.id, request.memory_slots, request.record) == ("7", 64, False)
    assert request.timeout == 1.5
    assert [(each.name, each.binary) for each in request.wanted] == [
        ("outputs", False),
        ("read_weightings", False),
        ("write_weightings", False),
    ]


def test_an_outputs_own_form_goes_before_that_of_the_request() -> None:
    outputs = [{"name": "write_weightings", "parameters": {"binary_data": False}}]
    outputs += [{"name": "outputs"}]  # type: ignore[dict-item]
    request = parse({**told(), "outputs": outputs, "parameters": {"binary_data_output": True}})
    assert request.wanted == (Wanted("write_weightings", False), Wanted("outputs", True))


def test_a_model_without_heads_has_outputs_alone() -> None:
    told_of_it = {name: getattr(MODEL, name) for name in Signature.model_fields}
    bare = Signature(**told_of_it | {"stages": (), "read_heads": 0, "write_heads": 0})
    asked = requests.parse(orjson.dumps(told()), None, bare)
    assert [each.name for each in asked.wanted] == ["outputs"]
    assert answers.output_shapes(bare) == {"outputs": [-1, 2]}
    with pytest.raises(ServiceError, match="each of outputs at most once, got 'read_weightings'"):
        requests.parse(
            orjson.dumps({**told(), "outputs": [{"name": "read_weightings"}]}), None, bare
        )


def test_a_raw_tensor_is_cut_by_the_models_width() -> None:
    tensor = np.arange(12, dtype=np.float32).reshape(4, 3)
    request = requests.parse(tensor.tobytes(), "0", MODEL)
    assert same(request.sequences, tensor[None])
    assert all(each.binary for each in request.wanted)
    with pytest.raises(ServiceError) as refused:
        requests.parse(tensor.tobytes()[:-4], "0", MODEL)
    assert refused.value.code == "wrong_shape"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"name": "sequences"}, "unknown_tensor"),
        ({"datatype": "BYTES"}, "wrong_datatype"),
        ({"datatype": "INT64", "data": [0, 1, 2, 3, 4, 2**63]}, "invalid_request"),
        ({"datatype": "INT64", "data": [0, 1, 2, 3, 4, 5.0]}, "invalid_request"),
        ({"datatype": "UINT8", "data": [0, 1, 2, 3, 4, -1]}, "invalid_request"),
        ({"datatype": "INT8", "data": [0, 1, 2, 3, 4, True]}, "invalid_request"),
        ({"datatype": "INT8", "data": [0, 1, 2, 3, 4, None]}, "invalid_request"),
        ({"datatype": "BOOL"}, "invalid_request"),
        ({"shape": [6]}, "wrong_shape"),
        ({"shape": [1, 1, 2, 3]}, "wrong_shape"),
        ({"shape": [3, 3]}, "wrong_shape"),
        ({"shape": [-2, -3]}, "invalid_request"),
        ({"shape": [2.0, 3]}, "invalid_request"),
        ({"shape": [2**40, 2**40]}, "wrong_shape"),
        ({"data": [[0, 1, 2], [3, 4]]}, "wrong_shape"),
        ({"data": [[0, 1, 2], 3]}, "wrong_shape"),
        ({"data": [[[0, 1, 2], [3, 4, 5]]]}, "wrong_shape"),
        ({"data": [0, 1, 2, 3, 4, True]}, "invalid_request"),
        ({"data": [0, 1, 2, 3, 4, "5"]}, "invalid_request"),
        ({"data": [0, 1, 2, 3, 4, None]}, "invalid_request"),
        ({"data": [0, 1, 2, 3, 4, 1e300]}, "not_finite"),
        ({"data": None}, "missing_tensor"),
        ({"parameters": {"binary_data_size": 24}}, "missing_tensor"),
        ({"parameters": {"shared_memory_region": "r"}}, "unsupported_parameter"),
    ],
)
def test_a_wrong_input_is_refused_by_name(changed: dict[str, Any], code: str) -> None:
    assert refusal(told(**changed)) == (422, code)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"inputs": []}, "missing_tensor"),
        ({"inputs": told()["inputs"] * 2}, "missing_tensor"),
        ({"id": 7}, "invalid_request"),
        ({"outputs": [{"name": "memory"}]}, "unknown_tensor"),
        ({"outputs": [{"name": "outputs"}] * 2}, "unknown_tensor"),
        (
            {"outputs": [{"name": "outputs", "parameters": {"classification": 3}}]},
            "unsupported_parameter",
        ),
        ({"outputs": [{"name": "outputs", "parameters": {"binary_data": 1}}]}, "invalid_request"),
        ({"parameters": {"memory_slots": 1.5}}, "invalid_request"),
        ({"parameters": {"memory_slots": True}}, "invalid_request"),
        ({"parameters": {"timeout": -1}}, "invalid_request"),
        ({"parameters": {"sequence_id": 1.5}}, "invalid_request"),
        ({"parameters": {"sequence_id": True}}, "invalid_request"),
        ({"parameters": {"sequence_id": "x" * 129}}, "invalid_request"),
        ({"parameters": {"sequence_id": 5, "sequence_start": 1}}, "invalid_request"),
        ({"parameters": {"sequence_start": True}}, "invalid_request"),
        ({"parameters": {"sequence_id": 0, "position": 3}}, "invalid_request"),
    ],
)
def test_a_wrong_field_is_refused_by_name(changed: dict[str, Any], code: str) -> None:
    assert refusal({**told(), **changed}) == (422, code)


@pytest.mark.parametrize("datatype", tensors.DATATYPES)
def test_every_datatype_gives_its_numbers_in_json_and_in_bytes(datatype: str) -> None:
    kind = np.dtype(tensors.DATATYPES[datatype])
    numbers = np.array([[0, 1, 1], [1, 0, 1]]) if datatype == "BOOL" else np.arange(6) + 20
    values = numbers.reshape(2, 3).astype(kind)
    expected = values.astype(np.float64)
    entry = {"name": "sequence", "shape": [2, 3], "datatype": datatype}
    size = {"binary_data_size": values.nbytes}
    for body, behind in (
        ({**entry, "data": values.tolist()}, b""),
        ({**entry, "data": values.ravel().tolist()}, b""),
        ({**entry, "parameters": size}, values.tobytes()),
    ):
        request = parse({"inputs": [body]}, behind)
        assert request.sequences.dtype == np.float32
        assert np.array_equal(request.sequences[0], expected)


def test_a_double_too_large_for_a_float_is_refused() -> None:
    wide = np.full((2, 3), 1e300)
    parameters = {"binary_data_size": wide.nbytes}
    changed = told(datatype="FP64", parameters=parameters)
    del changed["inputs"][0]["data"]
    assert refusal(changed, wide.tobytes()) == (422, "not_finite")


def with_lengths(lengths: list[int], **changed: Any) -> dict[str, Any]:
    """A request of two sequences of three steps, and the lengths of both."""
    sequences = {"name": "sequence", "shape": [2, 3, 3], "datatype": "FP32", "data": [0.5] * 18}
    entry = {"name": "lengths", "shape": [len(lengths)], "datatype": "INT32", "data": lengths}
    return {"inputs": [{**entry, **changed}, sequences]}


def test_lengths_come_in_json_and_in_bytes_before_or_behind_the_sequence() -> None:
    assert parse(with_lengths([3, 1])).lengths == (3, 1)
    assert parse(with_lengths([2, 3], shape=[2, 1])).lengths == (2, 3)
    assert parse(told()).lengths is None
    first, second = np.array([1, 2], "<i8"), np.zeros((2, 3, 3), "<f4")
    inputs = [
        {"name": name, "shape": array.shape, "datatype": datatype}
        | {"parameters": {"binary_data_size": array.nbytes}}
        for name, array, datatype in (("lengths", first, "INT64"), ("sequence", second, "FP32"))
    ]
    assert parse({"inputs": inputs}, first.tobytes() + second.tobytes()).lengths == (1, 2)
    inputs.reverse()
    assert parse({"inputs": inputs}, second.tobytes() + first.tobytes()).lengths == (1, 2)
    assert refusal({"inputs": inputs}, second.tobytes() + first.tobytes()[:-1])[1] == "wrong_shape"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (with_lengths([0, 3]), "wrong_shape"),
        (with_lengths([3, 4]), "wrong_shape"),
        (with_lengths([3]), "wrong_shape"),
        (with_lengths([1, 2, 3]), "wrong_shape"),
        (with_lengths([1, 2], shape=[2, 1, 1]), "wrong_shape"),
        (with_lengths([1, 2], datatype="FP32"), "wrong_datatype"),
        (with_lengths([1, 2], datatype="BOOL"), "wrong_datatype"),
        ({"inputs": with_lengths([1, 2])["inputs"][:1]}, "missing_tensor"),
        ({"inputs": with_lengths([1, 2])["inputs"][:1] * 2}, "missing_tensor"),
    ],
)
def test_wrong_lengths_are_refused_by_name(body: dict[str, Any], code: str) -> None:
    assert refusal(body) == (422, code)


def test_a_part_of_a_sequence_is_what_its_parameters_say() -> None:
    asked = {"sequence_id": "mine", "sequence_start": True, "position": 0}
    assert parse({**told(), "parameters": asked}).part == Part("mine", True, False, 0)
    asked = {"sequence_id": 7, "sequence_end": True}
    assert parse({**told(), "parameters": asked}).part == Part(7, False, True, None)
    for none in (0, "", None):
        asked = {"sequence_id": none, "sequence_start": False}
        assert parse({**told(), "parameters": asked}).part is None


@pytest.mark.parametrize("header", ["-1", "1e3", "", "999999", "٣", "0x10"])
def test_a_header_that_does_not_fit_is_refused(header: str) -> None:
    assert refusal(told(), header=header) == (400, "malformed_body")


def test_bytes_that_do_not_fit_are_refused() -> None:
    body, behind = binary(np.zeros((2, 3), np.float32))
    assert refusal(body, behind[:-1]) == (422, "wrong_shape")
    assert refusal(body, behind + b"\0") == (422, "wrong_shape")
    assert refusal(body) == (422, "wrong_shape")
    assert refusal(told(), b"\0" * 4) == (400, "malformed_body")
    body["inputs"][0]["parameters"] = {"binary_data_size": 23}
    assert refusal(body, behind[:-1]) == (422, "wrong_shape")
    assert refusal([1]) == (400, "malformed_body")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e31])
def test_bytes_that_are_no_finite_numbers_are_refused(
    value: float,
) -> None:
    tensor = np.zeros((2, 3), np.float32)
    tensor[1, 2] = value
    request = parse(*binary(tensor))
    with pytest.raises(ServiceError) as refused:
        narrow("sequence", request.sequences)
    assert refused.value.code == "not_finite"
    assert str(refused.value).startswith("sequence[0][1][2]")
