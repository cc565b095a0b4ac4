"""The messages are those of the protocol, byte for byte on the wire."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc", reason="grpcio is not installed")

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from service.grpc.messages import COMPILED, SERVICE


def fields_of(message: Any) -> list[tuple[Any, ...]]:
    """Names, numbers and types of the fields of a message and of those inside it."""
    own = [(f.name, f.number, f.label, f.type, f.type_name) for f in message.field]
    inside = [(m.name, *fields_of(m)) for m in message.nested_type]
    return [*sorted(own), *sorted(inside)]


def test_every_message_and_method_is_as_in_nvidias_client() -> None:
    """Its descriptors are made from the published files."""
    service_pb2 = pytest.importorskip(
        "tritonclient.grpc.service_pb2", reason="tritonclient[grpc] is not installed"
    )
    theirs, ours = FileDescriptorProto(), FileDescriptorProto()
    service_pb2.DESCRIPTOR.CopyToProto(theirs)
    SERVICE.file.CopyToProto(ours)
    messages = {message.name: message for message in theirs.message_type}
    assert len(ours.message_type) == 22
    for message in ours.message_type:
        known = messages[message.name]
        if message.name == "ModelMetadataResponse":  # and properties, of which there are none here
            del known.field[5:]
        assert fields_of(message) == fields_of(known), message.name
    assert ours.package == theirs.package
    methods = {each.name: each for each in theirs.service[0].method}
    assert ours.service[0].name == theirs.service[0].name
    for each in ours.service[0].method:
        known = methods[each.name]
        for name in ("input_type", "output_type", "client_streaming", "server_streaming"):
            assert getattr(each, name) == getattr(known, name), each.name


def test_the_compiled_file_is_of_the_one_that_people_read(tmp_path: Path) -> None:
    protoc = pytest.importorskip("grpc_tools.protoc", reason="grpcio-tools is not installed")
    source, compiled = Path(str(COMPILED)).with_suffix(".proto"), tmp_path / "compiled"
    arguments = ["", f"-I{source.parent}", f"--descriptor_set_out={compiled}", source.name]
    assert protoc.main(arguments) == 0
    made = FileDescriptorSet.FromString(compiled.read_bytes())
    assert made == FileDescriptorSet.FromString(COMPILED.read_bytes())
