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
    with pytest.raises(triton.InferenceServerException, match="sequence_id is not supported"):
        infer(nvidia, draw(3), True, sequence_id=3, sequence_start=True)
