"""Keys, limits, deadlines and the end of the service over gRPC."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("grpc", reason="grpcio is not installed")

import grpc

from service.api import inference
from service.grpc.messages import message
from service.grpc.server import reserve
from tests.service.bodies import draw
from tests.service.grpc.conftest import PATH, Running

WithService = Callable[..., None]
Request, StreamResponse = message("ModelInferRequest"), message("ModelStreamInferResponse")


def asks(model: str = "odd", steps: int = 4) -> bytes:
    """A request in bytes."""
    sequence, request = draw(steps), Request(model_name=model)
    request.inputs.add(name="sequence", datatype="FP32", shape=sequence.shape)
    request.raw_input_contents.append(sequence.tobytes())
    encoded: bytes = request.SerializeToString()
    return encoded


async def status_of(call: Any) -> tuple[str, dict[str, str]]:
    """The status that a call ends with, and what is told beside it."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code().name, dict(error.trailing_metadata())
    return "OK", dict(await call.trailing_metadata())


class Stuck:
    """In place of the scheduler: nothing ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.ended = asyncio.Event(), asyncio.Event()
        self.walk = inference.walk_all
        monkeypatch.setattr(inference, "walk_all", self)

    async def __call__(self, *arguments: Any) -> Any:
        self.begun.set()
        try:
            return await asyncio.Future()
        finally:
            self.ended.set()


async def begun(service: Running, stuck: Stuck, timeout: float) -> Any:
    """A call that is being answered, with a deadline as soon as this machine can."""
    while True:
        call = service.call("ModelInfer")(asks(), timeout=timeout)
        ways = [asyncio.ensure_future(way) for way in (stuck.begun.wait(), call.code())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if stuck.begun.is_set():
            return call
        timeout *= 2


def test_a_key_is_needed_but_by_probes(with_service: WithService) -> None:
    async def test(service: Running) -> None:
        infer = service.call("ModelInfer")
        for metadata, expected in (
            ((), "UNAUTHENTICATED"),
            ((("authorization", "Bearer wrong"),), "UNAUTHENTICATED"),
            ((("authorization", "Bearer alice"),), "OK"),
            ((("x-api-key", "alice"), ("x-request-id", "mine")), "OK"),
        ):
            status, told = await status_of(infer(asks(), metadata=metadata))
            assert status == expected
            assert ("code" in told) == (expected != "OK")
        assert told["x-request-id"] == "mine"
        for probe in ("ServerLive", "ServerReady"):
            assert await service.call(probe)(b"") == b"\x08\x01"
        stream = service.stream()
        await stream.write(asks())
        assert await stream.code() == grpc.StatusCode.UNAUTHENTICATED
        assert (await service.context.traces.page(None, 10, None))[0] == []  # nobody's

    with_service(test, api_keys="alice")


def test_models_are_loaded_and_unloaded_by_those_who_may(
    with_service: WithService, tmp_path: Path
) -> None:
    path = tmp_path / "keys.toml"
    path.write_text('[[key]]\nname = "ops"\nkey = "ops"\nroles = ["operate", "read"]\n')
    metadata = (("authorization", "Bearer ops"),)
    named = message("RepositoryModelLoadRequest")(model_name="odd").SerializeToString()

    async def test(service: Running) -> None:
        for method in ("RepositoryModelUnload", "RepositoryModelLoad"):
            assert (await status_of(service.call(method)(named)))[0] == "UNAUTHENTICATED"
            assert await service.call(method)(named, metadata=metadata) == b""
            answer = await service.call("RepositoryIndex")(b"", metadata=metadata)
            told = message("RepositoryIndexResponse").FromString(answer).models
            expected = "UNAVAILABLE" if method == "RepositoryModelUnload" else "READY"
            assert [(each.version, each.state) for each in told] == [("1", expected)]
        status, told = await status_of(service.call("ModelInfer")(asks(), metadata=metadata))
        assert (status, told["code"]) == ("PERMISSION_DENIED", "forbidden")

    with_service(test, keys_file=str(path))


def test_a_message_has_a_limit_however_it_is_packed(with_service: WithService) -> None:
    async def test(service: Running) -> None:
        call = service.call("ModelInfer")
        assert (await status_of(call(b"\xff")))[1]["code"] == "malformed_body"
        for packing in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
            status, _ = await status_of(call(bytes(2**20), compression=packing))
            assert status == "RESOURCE_EXHAUSTED"
            status, _ = await status_of(call(asks(), compression=packing))
            assert status == "OK"

    with_service(test, max_body_bytes=2**16)


def test_bytes_in_flight_are_bounded(with_service: WithService) -> None:
    async def test(service: Running) -> None:
        call = service.call("ModelInfer")
        status, told = await status_of(call(asks(steps=2000)))
        assert (status, told["code"]) == ("INVALID_ARGUMENT", "body_too_large")
        budget = service.context.models.budget
        budget.take("bodies", 60_000)  # somebody else's
        status, told = await status_of(call(asks(steps=400)))
        assert (status, told["code"]) == ("UNAVAILABLE", "overloaded")
        assert int(told["retry-after"]) > 0
        budget.give_back("bodies", 60_000)
        assert (await status_of(call(asks(steps=4))))[0] == "OK"
        assert budget.taken("bodies") == budget.taken("answers") == 0

    with_service(test, memory_bytes=64_000)


@pytest.mark.parametrize("end", ["deadline", "cancelled"])
def test_a_client_that_waits_no_more_frees_its_place(
    with_service: WithService, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    async def test(service: Running) -> None:
        stuck = Stuck(monkeypatch)
        call = await begun(service, stuck, 0.5 if end == "deadline" else 1e6)
        assert service.context.work.running == 1
        if end == "cancelled":
            call.cancel()
        await stuck.ended.wait()
        while service.context.work.running:
            await asyncio.sleep(0)
        assert service.context.models.budget.taken("bodies") == 0
        expected = "DEADLINE_EXCEEDED" if end == "deadline" else "CANCELLED"
        assert (await call.code()).name == expected

    with_service(test)


def test_at_the_end_new_calls_are_refused(with_service: WithService) -> None:
    streams = []

    async def test(service: Running) -> None:
        stream = service.stream()
        await stream.write(asks())
        answer = StreamResponse.FromString(await stream.read())
        assert not answer.error_message
        assert np.isfinite(np.frombuffer(answer.infer_response.raw_output_contents[0], "<f4")).all()
        service.context.work.draining = True
        status, told = await status_of(service.call("ModelInfer")(asks()))
        assert (status, told["code"]) == ("UNAVAILABLE", "draining")
        assert await service.call("ServerReady")(b"") == b""
        assert await service.call("ServerLive")(b"") == b"\x08\x01"
        await stream.write(asks())
        assert await stream.code() == grpc.StatusCode.UNAVAILABLE
        service.context.work.draining = False
        streams.append(service.stream())
        await streams[0].write(asks())
        await streams[0].read()

    with_service(test)
    assert streams[0].done()  # an idle one keeps nobody from ending


def test_a_defect_of_ours_tells_no_internals(
    with_service: WithService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*arguments: Any) -> Any:
        raise RuntimeError("secret")

    async def test(service: Running) -> None:
        monkeypatch.setattr(inference, "walk_all", broken)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await service.call("ModelInfer")(asks())
        assert refused.value.code() is grpc.StatusCode.INTERNAL
        assert refused.value.details() == "internal error"
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await service.channel.unary_unary(f"{PATH}Nothing")(b"")
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED

    with_service(test)


def test_a_port_that_somebody_has_is_refused() -> None:
    with reserve("127.0.0.1", 0) as kept:
        port = kept.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            reserve("127.0.0.1", port)
