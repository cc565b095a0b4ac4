"""Protocol buffers of the protocol: classes made from the compiled `open_inference.proto`.

They are in a pool of their own. Clients' libraries bring the same names, and two of one name cannot
be in one pool.
"""

from importlib.resources import files
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from service.errors import MalformedBody

PACKAGE = "inference"
COMPILED = files("service.grpc") / "open_inference.pb"

_pool = DescriptorPool()
for _file in FileDescriptorSet.FromString(COMPILED.read_bytes()).file:
    _pool.AddSerializedFile(_file.SerializeToString())

SERVICE = _pool.FindServiceByName(f"{PACKAGE}.GRPCInferenceService")

Message = Any  # made at run time, so no type checker knows its fields


def message(name: str) -> Any:
    """The class of a message by its name in the .proto."""
    return GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


def parse(kind: Any, data: bytes) -> Message:
    """A message of a class from its bytes.

    Raises:
        MalformedBody: they are none
    """
    try:
        return kind.FromString(data)
    except DecodeError:
        raise MalformedBody(f"the message should be a {kind.DESCRIPTOR.name}") from None
