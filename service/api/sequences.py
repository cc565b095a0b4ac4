"""The sequence extension of Open Inference v2: parts of a long sequence, each a piece of a session.

A client names its sequence; the session of that name is its own, of one model. `GET
/sessions/{session_id}` and `GET /trace/{session_id}` tell of it until it ends.
"""

import hashlib
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import orjson

from ntm.evaluation.reach import slots_warning
from service.api import sessions
from service.api.context import Context
from service.contract import checks
from service.contract.encodings import Tensors
from service.contract.open_inference.requests import InferRequest, Part
from service.contract.schemas import PieceRequest
from service.errors import BatchTooLarge, ServiceError, UnknownSession
from service.http.keys import owner
from service.models.served import LoadedModel
from service.records.session import begin

ID_DIGITS = 24  # as ids of other sessions have


def session_id_of(sequence_id: int | str, model: str, whose: str) -> str:
    """The id of the session of a client's sequence; of one client two models have two."""
    named = orjson.dumps([whose, model, str(sequence_id)])
    return hashlib.sha256(b"ntm sequence" + named).hexdigest()[:ID_DIGITS]


async def feed(
    context: Context, model: LoadedModel, request: InferRequest, part: Part
) -> tuple[dict[str, Any], Tensors]:
    """Compute a part; what is told of it, and its tensors.

    Raises:
        ServiceError: it does not fit its sequence
    """
    if len(request.sequences) != 1 or request.lengths is not None:
        raise BatchTooLarge("a part of a sequence should be one sequence [T, I] or [1, T, I]")
    session_id = session_id_of(part.sequence_id, model.name, owner.get())
    limit = context.settings.request_timeout
    work = partial(take_part, context, model, request, part, session_id)
    facts, tensors = await sessions.in_turn(session_id, min(limit, request.timeout or limit), work)
    if request.batched:
        tensors = {name: tensor[None] for name, tensor in tensors.items()}
    return {"sequence_id": part.sequence_id, **facts}, tensors


async def take_part(
    context: Context, model: LoadedModel, request: InferRequest, part: Part, session_id: str
) -> tuple[dict[str, Any], Tensors]:
    """See `feed`; nobody else feeds this session meanwhile."""
    if part.start:
        await restart(context, model, request, part, session_id)
    steps = request.sequences[0]
    if part.end and len(steps) == 0:
        await forget(context, session_id)
        return {}, nothing(request, model)
    width = model.signature.input_size
    sequence = checks.check_sequence("sequence", steps, width, context.settings)
    include = [wanted.name for wanted in request.wanted if wanted.name != "outputs"]
    rows: Any = sequence  # an array is taken where lists are
    piece = PieceRequest.model_construct(sequence=rows, position=part.position, include=include)
    try:
        turn = await sessions.take_turn(context, session_id, piece)
    except UnknownSession:
        raise unknown(part, model) from None
    slots, position = turn.session.memory_slots, turn.position
    facts: dict[str, Any] = {
        "memory_slots": slots,
        "position": position,
        "next_position": position + len(sequence),
    }
    if warning := slots_warning(slots, model.verified_slots):
        facts["warning"] = warning
    if part.end:
        await forget(context, session_id)
    else:
        facts["session_id"] = session_id
    return facts, {wanted.name: turn.tensors[wanted.name] for wanted in request.wanted}


async def restart(
    context: Context, model: LoadedModel, request: InferRequest, part: Part, session_id: str
) -> None:
    """Begin the sequence, and forget what came before under its id.

    Raises:
        ServiceError: it does not begin at step 0, or with these memory slots
    """
    if part.position not in (None, 0):
        raise ServiceError(
            f"parameters.position should be 0 where sequence_start is true, got {part.position}"
        )
    slots = checks.check_slots(request.memory_slots, model.signature, context.settings)
    await forget(context, session_id)
    session = begin(model, slots, context.clock())
    await context.sessions.open(replace(session, session_id=session_id))


async def forget(context: Context, session_id: str) -> None:
    """Give the place of a sequence away."""
    with suppress(UnknownSession):
        await context.sessions.delete(session_id)
    context.subscriptions.end(session_id)


def nothing(request: InferRequest, model: LoadedModel) -> Tensors:
    """The tensors of no step."""
    width = model.signature.output_size
    return {
        wanted.name: np.zeros((0, width) if wanted.name == "outputs" else (0, 0, 0), np.float32)
        for wanted in request.wanted
    }


def unknown(part: Part, model: LoadedModel) -> UnknownSession:
    """The error for a sequence that has not begun."""
    return UnknownSession(
        f"no sequence '{part.sequence_id!s:.64}' of model {model.name}, or no longer; its first "
        f"request should have sequence_start"
    )
