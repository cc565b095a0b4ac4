"""What clients send: the shape of a body, and the one way from JSON to arrays."""

import re
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    SkipValidation,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from ntm.edits import Edits, resolve
from ntm.interventions import Intervention, InterventionError
from ntm.signature import Signature
from service import bits, errors
from service.settings import Settings

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1)]


class First(FailFast):
    """The first wrong item ends the search: a body of wrong ones would be millions of errors."""

    __hash__ = object.__hash__  # to be part of a union


def or_array(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """An array as it is: `with_array` has looked at it; anything else as the schema says."""
    return value if isinstance(value, np.ndarray) else check(value)


Rows = Annotated[
    list[Annotated[list[Number], First()]], First(), WrapValidator(or_array)
]  # or an array [T, width]
TargetRows = Annotated[list[Annotated[list[Number | None], First()] | None], First()]
Weightings = Literal["read_weightings", "write_weightings"]

MODEL = re.compile(rb'"model"\s*:\s*"([a-z0-9-]+)"')
REMEMBERED = 256  # requests whose fields are not looked at again
FEW = 2**12  # numbers whose squares one thread sums up
LARGEST_NUMBER = 1e30  # beyond it a weighted sum of inputs could leave float32


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
    include: list[Weightings] = Field(default_factory=list, description="what else to answer with")
    interventions: SkipValidation[list[Intervention]] = Field(  # as `resolve` checks them
        default_factory=list, description="what to change in the run"
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
    include: list[Weightings] = Field(default_factory=list, description="what else to answer with")


Body = TypeVar("Body", bound=BaseModel)


class Prediction(NamedTuple):
    """A request that has been checked against the model it is for."""

    sequence: NDArray[np.float32]  # [T, I], as interventions leave it
    target: NDArray[np.float32] | None  # [T, O], NaN where it does not matter
    memory_slots: int
    edits: Edits | None = None


def parse(body: bytes) -> PredictRequest:
    """The body of POST /predict; see `parse_as`."""
    return parse_as(PredictRequest, body)


def parse_as(kind: type[Body], body: bytes) -> Body:
    """From a body to a request of the right shape.

    Raises:
        MalformedBody: it is not JSON; NaN, Infinity and numbers beyond a double are not JSON
        ServiceError: a field is missing, unknown or of the wrong type
    """
    return validate(kind, load(body), body)


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

    Raises:
        MalformedBody: it is not JSON, or no object
    """
    return load_cut(body, bits.cut_out(body))


def load_cut(body: bytes, cut: bits.Cut | None) -> dict[str, Any]:
    """The same of a body from which bits were cut out, if they could be."""
    if cut is not None:
        rest, sequence = cut
        with suppress(orjson.JSONDecodeError):  # which is told of the whole body
            told = orjson.loads(rest)
            if isinstance(told, dict) and told.get("sequence") == []:
                return {**told, "sequence": sequence}
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
    named = MODEL.search(body)
    if named is None or b'"version"' in body:
        return None, 0
    return named[1].decode(), max(1, body.count(b"[") // 2 - 1)


def validate(kind: type[Body], told: dict[str, Any], body: bytes) -> Body:
    """An object as a request.

    Raises:
        ServiceError: a field is missing, unknown or of the wrong type
    """
    try:
        return kind.model_validate(with_array(told, body))
    except ValidationError as error:
        raise explain(error.errors(include_url=False, include_context=False)[0], kind) from None


def with_array(told: dict[str, Any], body: bytes) -> dict[str, Any]:
    """The same with its `sequence` as an array where that is plainly numbers, [T, width].

    That takes a tenth of the time that number by number does. What is not plain stays a list, for
    pydantic to find out what is wrong with it. NumPy takes true for 1, so that there may be no
    such word in the text besides those that are fields.
    """
    rows = told.get("sequence")
    flags = sum(isinstance(value, bool) for value in told.values())
    if not isinstance(rows, list) or body.count(b"true") + body.count(b"false") != flags:
        return told
    try:
        array = np.array(rows)
    except (ValueError, OverflowError):  # rows of different lengths
        return told
    plain = array.ndim == 2 and array.dtype in (np.float64, np.int64)
    return {**told, "sequence": array} if plain else told


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
    words: dict[type, str] = {str: "a string", list: "an array", dict: "an object"}
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


def check(
    request: PredictRequest,
    signature: Signature,
    settings: Settings,
    rows: NDArray[Any] | None = None,
) -> Prediction:
    """Check a request against its model and turn its lists into arrays.

    Args:
        request: what was asked
        signature: of the model
        settings: what the service allows
        rows: the sequence, where it came beside the request
    Raises:
        ServiceError: one that says which field, what was expected and what came
    """
    given = request.sequence if rows is None else rows
    steps = check_steps("sequence", len(given), settings)
    sequence = to_array("sequence", given, signature.input_size)
    target = None
    if request.target is not None:
        if len(request.target) != steps:
            raise errors.WrongTarget(
                f"target should have {steps} steps as sequence has, got {len(request.target)}"
            )
        target = to_target(request.target, signature.output_size)
    slots = check_slots(request.memory_slots, signature, settings)
    return intervene(Prediction(sequence, target, slots), request.interventions, signature)


def intervene(prediction: Prediction, interventions: Any, signature: Signature) -> Prediction:
    """The same with what is to be changed in it.

    Raises:
        WrongIntervention: one does not fit; the message names it
    """
    if interventions == []:
        return prediction
    sequence = prediction.sequence.copy()
    try:
        edits = resolve(interventions, signature, len(sequence), prediction.memory_slots)
    except InterventionError as error:
        raise errors.WrongIntervention(str(error)) from None
    edits.write_inputs(sequence)
    return prediction._replace(sequence=sequence, edits=edits)


def check_steps(name: str, steps: int, settings: Settings) -> int:
    """The number of steps, if the service takes as many.

    Raises:
        EmptySequence, TooManySteps
    """
    if steps == 0:
        raise errors.EmptySequence(f"{name} should have at least one step, got none")
    if steps > settings.max_steps:
        raise errors.TooManySteps(
            f"{name} should have at most {settings.max_steps} steps, got {steps}"
        )
    return steps


def check_timeout(asked: float | None, settings: Settings) -> float:
    """The seconds to wait for an answer.

    Raises:
        ServiceError: more than the service waits
    """
    most = settings.request_timeout
    if asked is not None and asked > most:
        raise errors.ServiceError(f"timeout should be at most {most:g} seconds, got {asked:g}")
    return most if asked is None else asked


def check_slots(asked: int | None, signature: Signature, settings: Settings) -> int:
    """The number of memory slots to use.

    Raises:
        MemorySlotsOutOfRange: more than the service allows, or another than the model's only one
    """
    slots = signature.memory_slots if asked is None else asked
    if signature.fixed_slots not in (None, slots):
        raise errors.MemorySlotsOutOfRange(
            f"memory_slots should be {signature.fixed_slots}, the only number this model can run "
            f"with because it learned its initial memory, got {slots}"
        )
    if not 1 <= slots <= settings.max_memory_slots:
        raise errors.MemorySlotsOutOfRange(
            f"memory_slots should be from 1 to {settings.max_memory_slots}, got {slots}"
        )
    return slots


def to_array(name: str, rows: list[list[float]] | NDArray[Any], width: int) -> NDArray[np.float32]:
    """Rows of numbers as [T, width].

    Raises:
        RaggedSequence, WrongWidth, NotFinite
    """
    widths = {rows.shape[1]} if isinstance(rows, np.ndarray) else set(map(len, rows))
    if len(widths) > 1:
        raise errors.RaggedSequence(
            f"{name} should have {width} numbers at every step, got rows of "
            f"{', '.join(map(str, sorted(widths)[:5]))}"
        )
    if widths != {width}:
        raise errors.WrongWidth(
            f"{name} should have {width} numbers at every step, got {widths.pop()}"
        )
    if isinstance(rows, np.ndarray) and rows.dtype == np.uint8:
        return rows.astype(np.float32)
    if isinstance(rows, np.ndarray) and rows.dtype != np.float64:  # none of them can be too large
        return rows.astype(np.float64).astype(np.float32)
    return narrow(name, np.asarray(rows, dtype=np.float64))


def check_sequence(
    name: str, sequence: NDArray[Any], width: int, settings: Settings
) -> NDArray[np.float32]:
    """An array [T, width] or [B, T, width] that came as one.

    Raises:
        EmptySequence, TooManySteps, WrongWidth, NotFinite
    """
    steps, came = sequence.shape[-2:]
    check_steps(name, steps, settings)
    if came != width:
        raise errors.WrongWidth(f"{name} should have {width} numbers at every step, got {came}")
    return narrow(name, sequence)


def to_target(rows: list[list[float | None] | None], width: int) -> NDArray[np.float32]:
    """Target rows as [T, width]; null becomes NaN.

    Raises:
        WrongTarget: a row has another width
        NotFinite: a number is too large
    """
    target = np.full((len(rows), width), np.nan)
    for step, row in enumerate(rows):
        if row is None:
            continue
        if len(row) != width:
            raise errors.WrongTarget(
                f"target[{step}] should have {width} numbers or be null, got {len(row)} numbers"
            )
        target[step] = [np.nan if value is None else value for value in row]
    return narrow("target", target, gaps=True)


def narrow(name: str, wide: NDArray[Any], *, gaps: bool = False) -> NDArray[np.float32]:
    """Numbers of any shape as float32; NaN may stand in `gaps`.

    Raises:
        NotFinite: one is no number, infinite or too large
    """
    if wide.size <= FEW and np.vdot(wide, wide) <= LARGEST_NUMBER:  # so that each of them is less
        return wide.astype(np.float32)
    fits = np.abs(wide) <= LARGEST_NUMBER
    if gaps:
        fits |= np.isnan(wide)
    if not fits.all():
        at = tuple(np.argwhere(~fits)[0].tolist())
        raise errors.NotFinite(
            f"{name}{place(at)} should be at most {LARGEST_NUMBER:g} in size, got {wide[at]:g}"
        )
    return wide.astype(np.float32)
