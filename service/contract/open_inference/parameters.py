"""Parameters of requests and of their tensors: read by type, and those not supported refused."""

from collections.abc import Sequence
from typing import Any

from service import errors
from service.contract import schemas

Parameters = dict[str, Any]


def read_timeout(parameters: Parameters) -> float | None:
    """Seconds from the parameter `timeout`, which is in microseconds; 0 is none."""
    microseconds = whole(parameters, "timeout")
    return microseconds / 1e6 if microseconds else None


def flag(parameters: Parameters, name: str, default: bool) -> bool:
    """A parameter that is true or false.

    Raises:
        ServiceError: it is something else
    """
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise errors.ServiceError(
            f"parameters.{name} should be true or false, got {schemas.name_of(value)}"
        )
    return value


def whole(parameters: Parameters, name: str) -> int | None:
    """A parameter that is a whole number of at least 0.

    Raises:
        ServiceError: it is something else
    """
    value = parameters.get(name)
    if value is None:
        return None
    if type(value) is not int or value < 0:
        raise errors.ServiceError(
            f"parameters.{name} should be a whole number, got {schemas.name_of(value)}"
        )
    return value


def refuse_unsupported(parameters: Parameters, where: str, names: Sequence[str]) -> None:
    """Say no to extensions that would change the answer if they were ignored.

    Raises:
        UnsupportedParameter: one of `names` is there
    """
    for name in names:
        if name in parameters:
            raise errors.UnsupportedParameter(f"{where}.{name} is not supported")
