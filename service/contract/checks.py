"""What is asked against the model that it is for: steps, widths, numbers, slots, interventions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.interventions.edits import Edits, bytes_to_resolve, resolve
from ntm.interventions.items import InterventionError
from ntm.signature import Signature
from service import errors
from service.contract import fields, schemas
from service.contract.long_arrays import LongArray
from service.contract.schemas import PredictRequest, place
from service.memory import take
from service.settings import Settings

SUMMED_AT_ONCE = 2**12  # numbers whose squares one thread sums up
LARGEST_NUMBER = 1e30  # beyond it a weighted sum of inputs could leave float32


class Prediction(NamedTuple):
    """A request that has been checked against the model it is for."""

    sequence: NDArray[np.float32]  # [T, I], as interventions leave it
    target: NDArray[np.float32] | None  # [T, O], NaN where it does not matter
    memory_slots: int
    edits: Edits | None = None


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
    fields.check(signature, request.include)
    slots = check_slots(request.memory_slots, signature, settings)
    check_length(steps, slots, signature)
    return intervene(Prediction(sequence, target, slots), request.interventions, signature)


def intervene(prediction: Prediction, interventions: Any, signature: Signature) -> Prediction:
    """The same with what is to be changed in it.

    Raises:
        WrongIntervention: one does not fit; the message names it
        ServiceError: there is no room for them; see `Budget.take`
    """
    if interventions == []:
        return prediction
    sequence, slots = prediction.sequence.copy(), prediction.memory_slots
    take("interventions", bytes_to_resolve(interventions, signature, len(sequence), slots))
    try:
        edits = resolve(interventions, signature, len(sequence), slots)
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
            f"with because it {signature.why_fixed}, got {slots}"
        )
    if not min(1, signature.memory_slots) <= slots <= settings.max_memory_slots:
        raise errors.MemorySlotsOutOfRange(
            f"memory_slots should be from 1 to {settings.max_memory_slots}, got {slots}"
        )
    if signature.state_bytes(slots) > settings.max_state_bytes:
        raise errors.MemorySlotsOutOfRange(
            f"memory_slots should be fewer: with {slots} a state of this model has "
            f"{signature.state_bytes(slots)} bytes, and at most {settings.max_state_bytes} are "
            f"allowed"
        )
    return slots


def check_length(steps: int, slots: int, signature: Signature) -> None:
    """Whether a sequence, or a session so far, has a slot for every step where each takes one.

    Raises:
        TooManySteps: it has not
    """
    try:
        signature.refuse_longer(steps, slots)
    except ValueError as error:
        raise errors.TooManySteps(str(error)) from None


def check_answer(
    steps: int, slots: int, include: Sequence[str], signature: Signature, settings: Settings
) -> int:
    """Bytes of an answer's tensors: what could not be sent is not computed.

    Raises:
        ResponseTooLarge: it says how to get it in parts
    """
    width = signature.output_size + fields.width(signature, include, slots)
    size = 4 * steps * width
    if size > settings.max_response_bytes:
        raise errors.ResponseTooLarge(
            f"the answer would have {size} bytes of tensors, the limit is "
            f"{settings.max_response_bytes}; leave `include` out and fetch slices of the "
            f"weightings with GET /trace/{{trace_id}}?steps=a:b"
        )
    return size


def to_array(
    name: str, rows: list[list[float]] | NDArray[Any] | LongArray, width: int, first: int = 0
) -> NDArray[np.float32]:
    """Rows of numbers as [T, width].

    Args:
        name: of the field
        rows: all of them, or some
        width: of each
        first: the step of the first of them, for messages
    Raises:
        RaggedSequence, WrongWidth, NotFinite
        ServiceError: in an array that is text yet something is no number
    """
    if isinstance(rows, LongArray):
        return np.concatenate(
            [
                to_array(name, schemas.read_rows(name, piece, first), width, first)
                for first, piece in rows.pieces()
            ]
        )
    if isinstance(rows, np.ndarray) and rows.dtype == np.uint8 and rows.shape[1] == width:
        return rows.astype(np.float32)
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
    if isinstance(rows, np.ndarray) and rows.dtype != np.float64:  # none of them can be too large
        return rows.astype(np.float64).astype(np.float32)
    return narrow(name, np.asarray(rows, dtype=np.float64), first=first)


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


def to_target(
    rows: list[list[float | None] | None] | LongArray, width: int, first: int = 0
) -> NDArray[np.float32]:
    """Target rows as [T, width], the first of step `first`; null becomes NaN.

    Raises:
        WrongTarget: a row has another width
        NotFinite: a number is too large
    """
    if isinstance(rows, LongArray):
        return np.concatenate(
            [
                to_target(schemas.read_target_rows(piece, start), width, start)
                for start, piece in rows.pieces()
            ]
        )
    target = np.full((len(rows), width), np.nan)
    for step, row in enumerate(rows):
        if row is None:
            continue
        if len(row) != width:
            raise errors.WrongTarget(
                f"target[{first + step}] should have {width} numbers or be null, "
                f"got {len(row)} numbers"
            )
        target[step] = [np.nan if value is None else value for value in row]
    return narrow("target", target, gaps=True, first=first)


def narrow(
    name: str, wide: NDArray[Any], *, gaps: bool = False, first: int = 0
) -> NDArray[np.float32]:
    """Numbers of any shape as float32, their first row number `first`; NaN may stand in `gaps`.

    Raises:
        NotFinite: one is no number, infinite or too large
    """
    if (
        wide.size <= SUMMED_AT_ONCE and np.vdot(wide, wide) <= LARGEST_NUMBER
    ):  # so that each of them is less
        return wide.astype(np.float32)
    fits = np.abs(wide) <= LARGEST_NUMBER
    if gaps:
        fits |= np.isnan(wide)
    if not fits.all():
        at = tuple(np.argwhere(~fits)[0].tolist())
        there = place((at[0] + first, *at[1:]))
        raise errors.NotFinite(
            f"{name}{there} should be at most {LARGEST_NUMBER:g} in size, got {wide[at]:g}"
        )
    return wide.astype(np.float32)
