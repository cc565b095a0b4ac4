"""What clients send: the shape of a body, and how one is read from JSON."""

import re
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import numpy as np
import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    SkipValidation,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from ntm.interventions.items import MOST_ITEMS, Intervention
from service import errors
from service.contract import bit_rows, long_arrays, number_rows
from service.contract.long_arrays import LongArray
from service.memory import refuse_if_full

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1)]


class First(FailFast):
    """The first wrong item ends the search: a body of wrong ones would be millions of errors."""

    __hash__ = object.__hash__  # to be part of a union


def or_array(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """An array as it is, for it is checked with its numbers; anything else as the schema says."""
    return value if isinstance(value, np.ndarray | LongArray) else check(value)


Rows = Annotated[
    list[Annotated[list[Number], First()]], First(), WrapValidator(or_array)
]  # or an array [T, width]
TargetRows = Annotated[
    list[Annotated[list[Number | None], First()] | None], First(), WrapValidator(or_array)
]
ROWS = TypeAdapter[Any](Rows)
TARGET_ROWS = TypeAdapter[Any](TargetRows)
# Fields of a run, which differ by model: see service/contract/fields.py.
Include = Annotated[list[Annotated[str, Field(strict=True)]], First()]

AS_OBJECTS = 8  # bytes of Python's numbers for each byte of short ones in JSON
LONGEST_INTERVENTIONS = 2**23  # bytes: a memory of as many slots as there may be, in all digits

MODEL = re.compile(rb'"model"\s*:\s*"([a-z0-9-]+)"')
LARGE = 2**19  # bytes, from which a body is parsed in pieces
MOST_BITS = 2**21  # bytes, up to which bits are looked for in all of it
REMEMBERED = 256  # requests whose fields are not looked at again


class PredictRequest(BaseModel):
    """The body of POST /predict."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(strict=True, description="a name from GET /models")]
    version: Count | None = Field(default=None, description="the highest one by default")
    sequence: Rows = Field(description="T steps of input_size numbers each")
    memory_slots: Annotated[int, Field(strict=True)] | None = Field(
        default=None, description="N; the model's own by default"
    )
    target: TargetRows | None = Field(
        default=None, description="T steps of output_size numbers; null where it does not matter"
    )
    include: Include = Field(
        default_factory=list,
        description="what else to answer with: weightings, groups of stages, single stages",
    )
    interventions: SkipValidation[list[Intervention]] = Field(  # as `resolve` checks them
        default_factory=list, description="what to change in the run"
    )
    words: Annotated[list[Annotated[str, Field(strict=True)]], First()] = Field(
        default_factory=list, description="what the steps say, as in examples; only for readers"
    )
    record: Annotated[bool, Field(strict=True)] = Field(
        default=True, description="keep a trace of this request"
    )
    timeout: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="seconds to wait for an answer; the service's own by default"
    )


class SessionRequest(BaseModel):
    """The body of POST /sessions."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(strict=True, description="a name from GET /models")]
    version: Count | None = Field(default=None, description="the highest one by default")
    memory_slots: Annotated[int, Field(strict=True)] | None = Field(
        default=None, description="N; the model's own by default"
    )


class PieceRequest(BaseModel):
    """The body of POST /sessions/{session_id}/steps."""

    model_config = ConfigDict(extra="forbid")

    sequence: Rows = Field(description="steps of input_size numbers each")
    position: Annotated[int, Field(strict=True, ge=0)] | None = Field(
        default=None,
        description="the session's step that this piece begins with, which makes it safe to send "
        "again; the next one by default",
    )
    include: Include = Field(
        default_factory=list, description="what else to answer with; as for POST /predict"
    )


Body = TypeVar("Body", bound=BaseModel)


def parse(body: bytes) -> PredictRequest:
    """The body of POST /predict; see `parse_as`."""
    return parse_as(PredictRequest, body)


def parse_as(kind: type[Body], body: bytes) -> Body:
    """From a body to a request of the right shape.

    Raises:
        MalformedBody: it is not JSON; NaN, Infinity and numbers beyond a double are not JSON
        ServiceError: a field is missing, unknown or of the wrong type
    """
    return validate(kind, load(body))


@lru_cache(REMEMBERED)
def ask_beside(rest: bytes) -> PredictRequest | None:
    """What a body asks from which bits were cut out; None where anything is wrong with it.

    Requests of one client differ in their sequences, so that most of what is beside them has come
    before.
    """
    with suppress(orjson.JSONDecodeError, ValidationError):
        told = orjson.loads(rest)
        if isinstance(told, dict) and told.get("sequence") == []:
            return PredictRequest.model_validate(told)
    return None


def load(body: bytes) -> dict[str, Any]:
    """The object that a body is, of whatever shape; its `sequence` is an array where it is bits.

    The long arrays of a large body are text yet.

    Raises:
        MalformedBody: it is not JSON, or no object
    """
    return load_cut(body, cut_out(body))


def cut_out(body: bytes) -> bit_rows.Cut | None:
    """The sequence of bits of a body that is not too long to be looked through at once."""
    return bit_rows.cut_out(body) if len(body) <= MOST_BITS else None


def load_cut(body: bytes, cut: bit_rows.Cut | None) -> dict[str, Any]:
    """The same of a body from which bits were cut out, if they could be."""
    if cut is not None:
        rest, sequence = cut
        with suppress(orjson.JSONDecodeError):  # which is told of the whole body
            told = orjson.loads(rest)
            if isinstance(told, dict) and told.get("sequence") == []:
                return {**told, "sequence": sequence}
    return load_any(body)


def load_any(body: bytes) -> dict[str, Any]:
    """The object that a body is; the long arrays of a large one are text yet.

    Raises:
        MalformedBody: it is not JSON, or no object
        BodyTooLarge: much of it is in no array
    """
    if len(body) > LARGE:
        told = long_arrays.load(body)
    else:
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise errors.MalformedBody(f"the body is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise errors.MalformedBody(f"the body should be a JSON object, not {type(told).__name__}")
    return told


def glance(body: bytes) -> tuple[str | None, int]:
    """The model that a body names, and about the fewest steps it can have, before it is parsed.

    A step is an array, and so may be a step of the target. What names a version is not guessed at.
    """
    named = MODEL.search(body) if len(body) <= LARGE else None
    if named is None or b'"version"' in body:
        return None, 0
    return named[1].decode(), max(1, body.count(b"[") // 2 - 1)


def validate(kind: type[Body], told: dict[str, Any]) -> Body:
    """An object as a request.

    Raises:
        ServiceError: a field is missing, unknown or of the wrong type
    """
    if isinstance(items := told.get("interventions"), LongArray):
        told = {**told, "interventions": read_interventions(items)}
    try:
        return kind.model_validate(with_array(told))
    except ValidationError as error:
        raise explain(error.errors(include_url=False, include_context=False)[0], kind) from None


def read_rows(name: str, rows: list[Any], first: int) -> Any:
    """Some rows of numbers, as an array where they are equally long.

    Args:
        name: of their field
        rows: parsed, and not yet looked at
        first: number of the first of them
    Raises:
        ServiceError: one is something else
    """
    matrix = number_rows.to_matrix(rows)
    return check_rows(ROWS, name, rows, first) if matrix is None else matrix


def read_target_rows(rows: list[Any], first: int) -> Any:
    """Some rows of a target, the first of them number `first`.

    Raises:
        ServiceError: one is neither null nor holds numbers and null
    """
    return check_rows(TARGET_ROWS, "target", rows, first)


def check_rows(kind: TypeAdapter[Any], name: str, rows: list[Any], first: int) -> Any:
    """Rows as they should be, the first of them number `first`.

    Raises:
        ServiceError: one is not
    """
    for at, row in enumerate(rows):
        if isinstance(row, LongArray):
            raise errors.WrongWidth(f"{name}[{first + at}] has too many numbers, {len(row)}")
    try:
        return kind.validate_python(rows)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        number, *inside = problem["loc"]
        raise explain({**problem, "loc": (name, first + int(number), *inside)}) from None


def read_interventions(items: LongArray) -> list[Any]:
    """The list that they are.

    Raises:
        WrongIntervention: there are too many of them, or too much in them
        ServiceError: there is no room for them; see `Budget.take`
    """
    if len(items) > MOST_ITEMS or items.size > LONGEST_INTERVENTIONS:
        raise errors.WrongIntervention(
            f"interventions should be at most {MOST_ITEMS} items in {LONGEST_INTERVENTIONS} "
            f"bytes of JSON, got {len(items)} in {items.size}"
        )
    refuse_if_full("interventions", AS_OBJECTS * items.size)
    return items.to_list()


def with_array(told: dict[str, Any]) -> dict[str, Any]:
    """The same with its `sequence` as an array [T, width] where that is plainly numbers.

    That takes a tenth of the time that number by number does. What is not plain stays a list, for
    pydantic to find out what is wrong with it.
    """
    array = number_rows.to_matrix(told.get("sequence"))
    return told if array is None else {**told, "sequence": array}


def explain(problem: Any, kind: type[BaseModel] = PredictRequest) -> errors.ServiceError:
    """One validation problem as the error a client sees."""
    field = place(problem["loc"])
    top = problem["loc"][0] if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        known = ", ".join(kind.model_fields)
        return errors.UnknownField(f"unknown field '{field:.64}', expected one of {known}")
    if problem["type"] == "finite_number":
        return errors.NotFinite(f"{field} should be a finite number")
    told = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    came = name_of(problem["input"])
    if problem["type"] == "missing":
        return errors.ServiceError(f"{field} is missing")
    if top == "include":
        return errors.UnknownInclude(f"{field} should be {told}, got {problem['input']!r:.40}")
    return errors.ServiceError(f"{field} should be {told}, got {came}")


def name_of(value: Any) -> str:
    """What came, in JSON's words; a number is told as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value!r:.40}"
    words: dict[type, str] = {
        str: "a string",
        list: "an array",
        LongArray: "an array",
        dict: "an object",
    }
    return words.get(type(value), "null")


def place(location: tuple[int | str, ...]) -> str:
    """("sequence", 3, 1) as sequence[3][1]."""
    told = ""
    for part in location:
        if isinstance(part, int):
            told += f"[{part}]"
        elif not part.startswith(("list[", "nullable", "constrained", "function", "float", "int")):
            told += f".{part}" if told else part
    return told
