"""NVIDIA's own client against the service."""

from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton

from tests.service.bodies import Float, draw, same
from tests.service.running import Server

NAMES = ("outputs", "read_weightings", "write_weightings")


@pytest.fixture
def nvidia(server: Server) -> Any:
    """The client."""
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        yield client


def infer(nvidia: Any, sequence: Float, binary: bool, **options: Any) -> Any:
    """An inference of model copy, version 1."""
    tensor = triton.InferInput("sequence", list(sequence.shape), "FP32")
    tensor.set_data_from_numpy(sequence, binary_data=binary)
    options = {"model_version": "1", **options}
    return nvidia.infer("copy", [tensor], **options)


def test_it_sees_the_server_and_its_models(nvidia: Any) -> None:
    assert nvidia.is_server_live()
    assert nvidia.is_server_ready()
    assert nvidia.is_model_ready("copy")
    assert nvidia.is_model_ready("copy", "2")
    assert not nvidia.is_model_ready("copy", "3")
    assert nvidia.get_server_metadata()["name"] == "ntm"
    assert nvidia.get_model_metadata("copy", "1")["inputs"][0]["shape"] == [-1, -1, 6]
    assert nvidia.get_model_config("copy")["max_batch_size"] == 32
    assert nvidia.get_inference_statistics("copy", "1")["model_stats"][0]["name"] == "copy"
    assert len(nvidia.get_inference_statistics()["model_stats"]) == 5


@pytest.mark.parametrize("shape", [(11, 6), (1, 11, 6), (4, 11, 6)])
def test_json_and_binary_agree_bit_for_bit(nvidia: Any, shape: tuple[int, ...]) -> None:
    sequence = draw(int(np.prod(shape[:-1]))).reshape(shape)
    outputs = [triton.InferRequestedOutput(name, binary_data=False) for name in NAMES]
    as_json = infer(nvidia, sequence, False, outputs=outputs, request_id="7")
    as_bytes = infer(nvidia, sequence, True, request_id="7")
    assert as_json.get_response()["id"] == as_bytes.get_response()["id"] == "7"
    for name in NAMES:
        assert as_bytes.as_numpy(name).shape[:-1] == (
            shape[:-1] if name == "outputs" else (*shape[:-1], 1)
        )
        assert same(as_bytes.as_numpy(name), as_json.as_numpy(name))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_it_may_compress_both_ways(nvidia: Any, encoding: str, binary: bool) -> None:
    sequence = draw(400)
    plain = infer(nvidia, sequence, binary)
    packed = infer(
        nvidia,
        sequence,
        binary,
        request_compression_algorithm=encoding,
        response_compression_algorithm=encoding,
    )
    for name in NAMES:
        assert same(packed.as_numpy(name), plain.as_numpy(name))


def test_parameters_go_in_and_come_out(nvidia: Any) -> None:
    came = infer(nvidia, draw(3), True, parameters={"memory_slots": 20, "record": True})
    assert came.get_output("read_weightings")["shape"] == [3, 1, 20]
    assert len(came.get_response()["parameters"]["trace_id"]) == 36


def test_errors_arrive_as_its_exception(nvidia: Any) -> None:
    with pytest.raises(triton.InferenceServerException, match="should have 6 numbers") as refused:
        infer(nvidia, draw(3, width=5), True)
    assert refused.value.status() == "400"
    with pytest.raises(triton.InferenceServerException, match="unknown model"):
        nvidia.get_model_metadata("nope")


def test_other_datatypes_are_converted(nvidia: Any) -> None:
    bits = (draw(5) > 0).astype(np.float32)
    expected = infer(nvidia, bits, True).as_numpy("outputs")
    for datatype, kind in (
        ("FP16", np.float16),
        ("FP64", np.float64),
        ("INT64", np.int64),
        ("BOOL", np.bool_),
    ):
        tensor = triton.InferInput("sequence", [5, 6], datatype)
        for binary in (True, False) if datatype != "FP16" else (True,):
            tensor.set_data_from_numpy(bits.astype(kind), binary_data=binary)
            came = nvidia.infer("copy", [tensor], model_version="1")
            assert same(came.as_numpy("outputs"), expected)


def test_rows_of_one_batch_may_end_early(nvidia: Any) -> None:
    rows, lengths = draw(24).reshape(3, 8, 6), [8, 1, 5]
    tensors = [
        triton.InferInput("sequence", [3, 8, 6], "FP32").set_data_from_numpy(rows),
        triton.InferInput("lengths", [3], "INT32").set_data_from_numpy(np.array(lengths, np.int32)),
    ]
    batch = nvidia.infer("copy", tensors, model_version="1")
    for row, length in enumerate(lengths):
        alone = infer(nvidia, rows[row, :length], True)
        for name in NAMES:
            assert same(batch.as_numpy(name)[row, :length], alone.as_numpy(name))
            assert not batch.as_numpy(name)[row, length:].any()


def part(nvidia: Any, steps: Float, **options: Any) -> Any:
    """A part of a sequence."""
    return infer(nvidia, steps, True, **options)


def test_parts_of_a_sequence_give_what_it_gives_at_once(server: Server, nvidia: Any) -> None:
    whole = draw(12)
    expected = infer(nvidia, whole, True)
    first = part(nvidia, whole[:5], sequence_id=42, sequence_start=True)
    parameters = first.get_response()["parameters"]
    assert (parameters["position"], parameters["next_position"]) == (0, 5)
    second = part(nvidia, whole[None, 5:9], sequence_id=42)
    assert second.as_numpy("outputs").shape[:2] == (1, 4)
    again = part(nvidia, whole[5:9], sequence_id=42, parameters={"position": 5})
    assert same(again.as_numpy("outputs"), second.as_numpy("outputs")[0])
    with server.client() as client:
        told = client.get(f"/sessions/{parameters['session_id']}").json()
    assert told["position"] == 9
    last = part(nvidia, whole[9:], sequence_id=42, sequence_end=True)
    for name in NAMES:
        parts = [first.as_numpy(name), again.as_numpy(name), last.as_numpy(name)]
        assert same(np.concatenate(parts), expected.as_numpy(name))
    with pytest.raises(triton.InferenceServerException, match="no sequence '42' of model copy"):
        part(nvidia, whole[:1], sequence_id=42)


def test_a_sequence_begins_anew_and_may_end_without_a_step(nvidia: Any) -> None:
    steps = draw(4)
    options: Any = {"sequence_id": "mine", "parameters": {"memory_slots": 20}}
    first = part(nvidia, steps, sequence_start=True, **options)
    assert first.as_numpy("read_weightings").shape == (4, 1, 20)
    once_more = part(nvidia, steps, sequence_start=True, **options)
    assert same(first.as_numpy("outputs"), once_more.as_numpy("outputs"))
    other = infer(nvidia, steps, True, sequence_id="mine", sequence_start=True, model_version="2")
    assert not same(first.as_numpy("outputs"), other.as_numpy("outputs"))
    tensor = triton.InferInput("sequence", [0, 6], "FP32")
    tensor.set_data_from_numpy(np.zeros((0, 6), np.float32))
    nvidia.infer("copy", [tensor], sequence_id="mine", sequence_end=True)
    with pytest.raises(triton.InferenceServerException, match="no sequence 'mine'"):
        part(nvidia, steps, sequence_id="mine")


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((2, 3, 6), {"sequence_start": True}, "should be one sequence"),
        ((3, 5), {"sequence_start": True}, "should have 6 numbers"),
        ((0, 6), {"sequence_start": True}, "at least one step"),
        ((3, 6), {"sequence_start": True, "parameters": {"position": 2}}, "should be 0"),
        ((3, 6), {"parameters": {"position": 9}}, "position should be 4"),
    ],
)
def test_a_part_that_does_not_fit_is_refused(
    nvidia: Any, shape: tuple[int, ...], options: Any, message: str
) -> None:
    part(nvidia, draw(4), sequence_id=7, sequence_start=True)
    sequence = np.zeros(shape, np.float32)
    with pytest.raises(triton.InferenceServerException, match=message):
        part(nvidia, sequence, sequence_id=7, **options)
