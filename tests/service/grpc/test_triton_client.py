"""NVIDIA's gRPC client against the service, beside its REST client."""

import queue
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as rest

pytest.importorskip("tritonclient.grpc", reason="tritonclient[grpc] is not installed")

import grpc
import tritonclient.grpc as triton

from tests.service.bodies import Float, draw, same
from tests.service.running import PATIENCE, Server

NAMES = ("outputs", "read_weightings", "write_weightings")


@pytest.fixture(scope="module")
def nvidia(server: Server) -> Iterator[Any]:
    """The client."""
    with triton.InferenceServerClient(server.grpc) as client:
        yield client


def tensor(sequence: Any, datatype: str = "FP32", name: str = "sequence") -> Any:
    """An input."""
    made = triton.InferInput(name, list(sequence.shape), datatype)
    made.set_data_from_numpy(sequence)
    return made


def over_rest(server: Server, sequence: Float) -> Any:
    """The answer over REST."""
    made = rest.InferInput("sequence", list(sequence.shape), "FP32")
    made.set_data_from_numpy(sequence)
    with rest.InferenceServerClient(server.url.removeprefix("http://")) as client:
        return client.infer("copy", [made], model_version="1")


def test_it_sees_the_server_and_its_models(nvidia: Any) -> None:
    assert nvidia.is_server_live()
    assert nvidia.is_server_ready()
    assert nvidia.is_model_ready("copy")
    assert nvidia.is_model_ready("copy", "2")
    assert not nvidia.is_model_ready("copy", "3")
    assert not nvidia.is_model_ready("nope")
    told = nvidia.get_server_metadata()
    assert (told.name, "parameters" in told.extensions) == ("ntm", True)
    metadata = nvidia.get_model_metadata("copy")
    assert list(metadata.versions) == ["1", "2"]
    assert list(metadata.inputs[0].shape) == [-1, -1, 6]
    assert [output.name for output in metadata.outputs] == list(NAMES)


@pytest.mark.parametrize("shape", [(11, 6), (1, 11, 6), (4, 11, 6)])
def test_it_and_rest_agree_bit_for_bit(server: Server, nvidia: Any, shape: tuple[int, ...]) -> None:
    sequence = draw(int(np.prod(shape[:-1]))).reshape(shape)
    came = nvidia.infer("copy", [tensor(sequence)], model_version="1", request_id="7")
    expected = over_rest(server, sequence)
    assert came.get_response().id == "7"
    assert (came.get_response().model_name, came.get_response().model_version) == ("copy", "1")
    for name in NAMES:
        assert same(came.as_numpy(name), expected.as_numpy(name))


def test_a_long_sequence_agrees_as_well(server: Server, nvidia: Any) -> None:
    """It is parsed and encoded off the event loop."""
    sequence = draw(1900)
    came = nvidia.infer("copy", [tensor(sequence)], model_version="1")
    assert same(came.as_numpy("outputs"), over_rest(server, sequence).as_numpy("outputs"))


def test_parameters_and_outputs_are_chosen_as_over_rest(server: Server, nvidia: Any) -> None:
    came = nvidia.infer(
        "copy",
        [tensor(draw(3))],
        outputs=[triton.InferRequestedOutput("read_weightings")],
        parameters={"memory_slots": 20, "record": True},
    )
    assert came.as_numpy("read_weightings").shape == (3, 1, 20)
    assert came.as_numpy("outputs") is None
    parameters = came.get_response().parameters
    assert parameters["memory_slots"].int64_param == 20
    with server.client() as client:
        trace = client.get(f"/trace/{parameters['trace_id'].string_param}").json()
    assert trace["steps"] == 3


def test_numbers_may_come_in_fields_of_their_type(server: Server, nvidia: Any) -> None:
    sequence = draw(5)
    request = triton.service_pb2.ModelInferRequest(model_name="copy", model_version="1")
    made = request.inputs.add(name="sequence", datatype="FP32", shape=sequence.shape)
    made.contents.fp32_contents.extend(sequence.ravel().tolist())
    with grpc.insecure_channel(server.grpc) as channel:
        stub = triton.service_pb2_grpc.GRPCInferenceServiceStub(channel)
        outputs = np.frombuffer(stub.ModelInfer(request).raw_output_contents[0], np.float32)
        assert same(outputs.reshape(5, -1), over_rest(server, sequence).as_numpy("outputs"))
        made.contents.int_contents.append(1)
        with pytest.raises(grpc.RpcError, match=r"should be in contents.fp32_contents, got int"):
            stub.ModelInfer(request)
        request.raw_input_contents.append(sequence.tobytes())
        with pytest.raises(grpc.RpcError, match="not in both"):
            stub.ModelInfer(request)
        request.raw_input_contents.append(b"")
        with pytest.raises(grpc.RpcError, match="one entry for each of the 1 inputs, got 2"):
            stub.ModelInfer(request)
        small = triton.service_pb2.ModelInferRequest(model_name="copy")
        made = small.inputs.add(name="sequence", datatype="UINT8", shape=[1, 6])
        made.contents.uint_contents.extend([0, 0, 0, 0, 0, 255])
        assert len(stub.ModelInfer(small).outputs) > 0
        made.contents.uint_contents[5] = 256
        with pytest.raises(grpc.RpcError, match="should hold numbers of UINT8, got larger ones"):
            stub.ModelInfer(small)


def test_a_sequence_may_have_any_id_of_64_bits(server: Server) -> None:
    request = triton.service_pb2.ModelInferRequest(model_name="copy")
    request.inputs.add(name="sequence", datatype="FP32", shape=[1, 6])
    request.raw_input_contents.append(draw(1).tobytes())
    request.parameters["sequence_id"].uint64_param = 2**64 - 1
    for side in ("sequence_start", "sequence_end"):
        request.parameters[side].bool_param = True
    with grpc.insecure_channel(server.grpc) as channel:
        stub = triton.service_pb2_grpc.GRPCInferenceServiceStub(channel)
        told = stub.ModelInfer(request).parameters["sequence_id"]
    assert told.uint64_param == 2**64 - 1


@pytest.mark.parametrize(
    ("model", "sequence", "status", "message"),
    [
        ("nope", draw(3), "NOT_FOUND", "unknown model 'nope'"),
        ("copy", draw(3, width=5), "INVALID_ARGUMENT", "should have 6 numbers"),
        ("copy", draw(2001), "INVALID_ARGUMENT", "at most 2000 steps"),
        ("copy", draw(3)[0], "INVALID_ARGUMENT", "got 1 dimensions"),
        ("copy", np.full((2, 6), np.nan, np.float32), "INVALID_ARGUMENT", "nan"),
        ("copy", draw(2**16), "RESOURCE_EXHAUSTED", "larger than max"),
    ],
)
def test_errors_arrive_as_its_exception(
    nvidia: Any, model: str, sequence: Float, status: str, message: str
) -> None:
    with pytest.raises(triton.InferenceServerException, match=message) as refused:
        nvidia.infer(model, [tensor(sequence)])
    assert refused.value.status() == f"StatusCode.{status}"


def test_a_stream_answers_in_order_and_goes_on_after_an_error(nvidia: Any) -> None:
    came: queue.Queue[Any] = queue.Queue()
    nvidia.start_stream(lambda result, error: came.put((result, error)))
    for number, model in enumerate(["copy", "nope", "copy"]):
        nvidia.async_stream_infer(
            model, [tensor(draw(4))], model_version="1", request_id=str(number)
        )
    (first, none), (nothing, error), (last, also_none) = (
        came.get(timeout=PATIENCE) for _ in range(3)
    )
    nvidia.stop_stream()
    assert none is nothing is also_none is None
    assert [each.get_response().id for each in (first, last)] == ["0", "2"]
    assert same(first.as_numpy("outputs"), last.as_numpy("outputs"))
    assert "unknown model" in error.message()


def test_a_stream_carries_a_sequence_and_its_retries(nvidia: Any) -> None:
    whole = draw(9)
    expected = nvidia.infer("copy", [tensor(whole)], model_version="1")
    came: queue.Queue[Any] = queue.Queue()
    nvidia.start_stream(lambda result, error: came.put((result, error)))
    for start, stop, options in (
        (0, 4, {"sequence_start": True}),
        (4, 6, {}),
        (4, 6, {"parameters": {"position": 4}}),  # as if its answer had been lost
        (6, 9, {"sequence_end": True}),
    ):
        nvidia.async_stream_infer(
            "copy", [tensor(whole[start:stop])], model_version="1", sequence_id=5, **options
        )
    answers = [came.get(timeout=PATIENCE) for _ in range(4)]
    nvidia.stop_stream()
    assert [error for _, error in answers] == [None] * 4
    results = [result.as_numpy("outputs") for result, _ in answers]
    assert same(results[1], results[2])
    assert same(np.concatenate([results[0], *results[2:]]), expected.as_numpy("outputs"))
    positions = [r.get_response().parameters["position"].int64_param for r, _ in answers]
    assert positions == [0, 4, 4, 6]


def test_other_datatypes_and_lengths_are_as_over_rest(nvidia: Any) -> None:
    rows = (draw(12) > 0).reshape(2, 6, 6)
    lengths = tensor(np.array([6, 2], np.int64), "INT64", "lengths")
    batch = nvidia.infer("copy", [tensor(rows, "BOOL"), lengths], model_version="1")
    for row, length in enumerate((6, 2)):
        alone = nvidia.infer(
            "copy", [tensor(rows[row, :length].astype(np.float64), "FP64")], model_version="1"
        )
        assert same(batch.as_numpy("outputs")[row, :length], alone.as_numpy("outputs"))


def test_calls_are_counted_and_logged_as_requests(server: Server, nvidia: Any) -> None:
    nvidia.infer("copy", [tensor(draw(2))], headers={"x-request-id": "from-grpc"})
    with server.client() as client:
        metrics = client.get("/metrics").text
    route = 'route="/inference.GRPCInferenceService/ModelInfer"'
    assert f'ntm_requests_total{{code="ok",model="copy",{route},status="200"}}' in metrics
    assert "from-grpc" in server.log.read_text()
