"""POST /sessions and its steps, GET and DELETE: a stream fed piece by piece."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import numpy as np
from fastapi import APIRouter, Request, Response
from numpy.typing import NDArray

from ntm.evaluation.reach import slots_warning
from service.api.context import (
    Context,
    context_of,
    media_of,
    read_json_body,
    refuse_unless_json,
)
from service.api.documents import errors
from service.api.documents.responses import inline, or_text
from service.api.documents.sessions import Fed, SessionFacts
from service.api.encoded import encoded
from service.contract import checks, fields, schemas, words
from service.contract.encodings import Tensors, to_json
from service.contract.long_arrays import LongArray
from service.contract.schemas import PieceRequest, SessionRequest
from service.contract.words import TextPieceRequest
from service.errors import DeadlineExceeded, TooManySteps, Unreplayable
from service.http.disconnect import WhileConnected
from service.http.exchange import Answer, Endpoint, Exchange
from service.http.offload import convert
from service.memory import take_for_answer
from service.models.served import LoadedModel
from service.records import session as sessions
from service.records.digests import is_digest_of
from service.records.session import Session
from service.scheduling.walk import Terms, Walk, Walked

router = APIRouter(prefix="/sessions", tags=["sessions"])

Array = NDArray[np.float32]
Result = TypeVar("Result")

# One piece of a session at a time; the store sees to the same between processes.
turns: "WeakValueDictionary[str, asyncio.Lock]" = WeakValueDictionary()


def body_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI entry of a JSON body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.post(
    "",
    status_code=201,
    responses={201: {"model": SessionFacts}, **errors(400, 404, 413, 415, 422, 503)},
    openapi_extra=body_of(SessionRequest.model_json_schema()),
)
async def open_session(request: Request) -> Response:
    """Begin a session on one version of a model, which it keeps."""
    context = context_of(request)
    body = await read_json_body(request, context.settings.max_body_bytes)
    asked = await convert(len(body), schemas.parse_as, SessionRequest, body)
    model = context.models.get(asked.model, asked.version)
    slots = checks.check_slots(asked.memory_slots, model.signature, context.settings)
    session = sessions.begin(model, slots, context.clock())
    await context.sessions.open(session)
    facts = facts_of(session, context)
    if warning := slots_warning(slots, model.verified_slots):
        facts["warning"] = warning
    return Response(to_json(facts, {}), 201, media_type="application/json")


@router.post(
    "/{session_id}/steps",
    name="post_steps",
    responses={200: {"model": Fed}, **errors(400, 404, 409, 413, 415, 422, 503, 504)},
    openapi_extra=body_of(or_text(inline(PieceRequest), inline(TextPieceRequest))),
)
async def steps_route(request: Request, session_id: str) -> Response:
    """Feed the next steps; with `position`, sending a piece again gives the same answer."""
    return await endpoint(context_of(request)).respond(request)


def endpoint(context: Context) -> Endpoint:
    """POST /sessions/{session_id}/steps of an application."""
    handler, limit = partial(feed, context), context.settings.max_body_bytes
    return Endpoint("POST", "/sessions/{session_id}/steps", handler, limit)


async def feed(context: Context, exchange: Exchange) -> Answer:
    """See `steps_route`."""
    refuse_unless_json(media_of(exchange.header(b"content-type")))
    asked = await convert(len(exchange.body), words.parse_piece, exchange.body)
    session_id = exchange.parameters["session_id"]
    work = partial(take_turn, context, session_id, asked)
    with WhileConnected(exchange.state, exchange.receive):
        turn = await in_turn(session_id, context.settings.request_timeout, work)
    session, position, tensors, answers = turn
    facts = {
        "session_id": session.session_id,
        "model": session.model,
        "version": session.version,
        "engine": session.engine,
        "position": position,
        "steps": len(tensors["outputs"]),
        "next_position": position + len(tensors["outputs"]),
        "memory_slots": session.memory_slots,
        **answers,
    }
    return await encoded("json", facts, tensors)


@router.get("/{session_id}", responses={200: {"model": SessionFacts}, **errors(404, 422, 503)})
async def get_session(request: Request, session_id: str) -> Response:
    """Where a session is; its trace is GET /trace/{session_id}."""
    context = context_of(request)
    session = await context.sessions.get(session_id)
    return Response(to_json(facts_of(session, context), {}), media_type="application/json")


@router.delete("/{session_id}", status_code=204, responses=errors(404, 422, 503))
async def delete_session(request: Request, session_id: str) -> Response:
    """Forget a session and its trace."""
    context = context_of(request)
    await context.sessions.delete(session_id)
    context.subscriptions.end(session_id)
    return Response(status_code=204)


class Turn(NamedTuple):
    """A piece that has been computed and kept."""

    session: Session  # as it was before
    position: int  # of the piece's first step
    tensors: Tensors
    answers: dict[str, Any]  # to the questions of a text


async def in_turn(session_id: str, limit: float, work: Callable[[], Awaitable[Result]]) -> Result:
    """The result of work on a session that nobody else works on in this process meanwhile.

    Raises:
        DeadlineExceeded: after `limit` seconds
    """
    try:
        turn = turns.setdefault(session_id, asyncio.Lock())
        async with asyncio.timeout(limit), turn:
            return await work()
    except TimeoutError:
        raise DeadlineExceeded(f"no answer within {limit:g} seconds") from None


async def take_turn(context: Context, session_id: str, asked: PieceRequest) -> Turn:
    """Compute and keep one piece.

    Raises:
        ServiceError: the piece does not fit the session
    """
    while True:
        session = await context.sessions.get(session_id)
        model = await sessions.model_of(session, context.models)
        size = asked.sequence.size if isinstance(asked.sequence, LongArray) else 0
        sequence = await convert(size, check, asked, session, model, context)
        if sessions.is_repeated(session, asked.position, sequence):
            position, walked = await repeat(context, session, model, sequence, asked)
            break
        position = session.position
        checks.check_length(position + len(sequence), session.memory_slots, model.signature)
        walked = await walk(context, session, model, sequence, asked, session.state)
        assert walked.state is not None  # it was asked for
        piece = sessions.piece_of(position, sequence, walked)
        if await context.sessions.advance(session, piece, sequence, walked.state):
            context.subscriptions.publish(session_id, position, walked.outputs)
            break
        # Another worker process was faster with a piece of its own: this one comes after it.
    answers: dict[str, Any] = {}
    if isinstance(asked, TextPieceRequest) and words.asks(asked):
        before = await heard_before(context, session_id, position, model)
        values = fields.tensors_of(
            model.signature, words.kept_of_piece(asked, model.signature), walked.values
        )
        spoken = words.spoken(asked.text, model.vocabulary)
        answers = words.answers(spoken, walked.outputs, values, before)
    return Turn(session, position, tensors_of(walked, asked, model), answers)


async def heard_before(
    context: Context, session_id: str, position: int, model: LoadedModel
) -> list[str]:
    """The sentences of a session before a step, as the model heard them."""
    if position == 0 or model.vocabulary is None:
        return []
    trace = await context.sessions.trace(session_id)
    return words.heard_in(trace.inputs[:position], model.vocabulary)


def tensors_of(walked: Walked, asked: PieceRequest, model: LoadedModel) -> Tensors:
    """The outputs of a piece, and what it includes."""
    included = fields.tensors_of(model.signature, asked.include, walked.values)
    return {"outputs": walked.outputs, **included}


async def repeat(
    context: Context, session: Session, model: LoadedModel, sequence: Array, asked: PieceRequest
) -> tuple[int, Walked]:
    """The last piece again, from the state before it.

    Raises:
        Unreplayable: it does not give what it gave
    """
    assert session.last is not None
    walked = await walk(context, session, model, sequence, asked, session.before)
    if not is_digest_of(session.last.outputs_digest, walked.outputs):
        raise Unreplayable(
            f"session {session.session_id} was computed by engine {session.engine} on another "
            f"machine: its last piece cannot be repeated here"
        )
    return session.last.position, walked


async def walk(
    context: Context,
    session: Session,
    model: LoadedModel,
    sequence: Array,
    asked: PieceRequest,
    state: dict[str, Array] | None,
) -> Walked:
    """A piece from a state."""
    kept = words.kept_of_piece(asked, model.signature)
    segments = [fields.segment(model.signature, kept, len(sequence))]
    piece = Walk(sequence, session.memory_slots, segments, state=state, keep_state=True)
    terms = Terms(context.settings.request_timeout, alone=context.work.running == 1)
    return await model.scheduler.walk(piece, terms)


def check(asked: PieceRequest, session: Session, model: LoadedModel, context: Context) -> Array:
    """The piece's steps as an array, checked as those of POST /predict are.

    Raises:
        ServiceError: one that says which field, what was expected and what came
    """
    settings, signature = context.settings, model.signature
    rows = words.steps_of_piece(asked, model.vocabulary, settings)
    steps = checks.check_steps("sequence", len(rows), settings)
    sequence = checks.to_array("sequence", rows, signature.input_size)
    fields.check(signature, asked.include)
    slots = checks.check_slots(session.memory_slots, signature, settings)
    checks.check_length(steps, slots, signature)
    take_for_answer(checks.check_answer(steps, slots, asked.include, signature, settings))
    most = settings.max_steps
    start = session.position if asked.position is None else asked.position
    if start + steps > most and start == session.position:
        raise TooManySteps(
            f"a session should have at most {most} steps, this one is at {start} and would get "
            f"{steps} more"
        )
    return sequence


def facts_of(session: Session, context: Context) -> dict[str, Any]:
    """What is told of a session."""
    return {
        "session_id": session.session_id,
        "model": session.model,
        "version": session.version,
        "engine": session.engine,
        "memory_slots": session.memory_slots,
        "position": session.position,
        "created_at": session.created_at,
        "used_at": session.used_at,
        "expires_at": session.used_at + context.settings.session_ttl,
    }
