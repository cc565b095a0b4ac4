"""GET /trace, GET and DELETE /trace/{trace_id}: what was computed, computed again on demand."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from ntm.runs.trace import how_it_remembers, layout
from service.api.context import Context, context_of, refuse_unknown_parameters
from service.api.documents import errors
from service.api.documents.traces import TRACED, TraceList
from service.api.encoded import is_long
from service.contract.encodings import ENCODERS, MEDIA_TYPES, PARTS, Tensors
from service.engines import EngineUnavailable
from service.errors import (
    ResponseTooLarge,
    ServiceError,
    UnknownModel,
    UnknownTrace,
    UnknownVersion,
    Unreplayable,
)
from service.http.disconnect import WhileConnected
from service.http.negotiation import preferred
from service.inspection import figures
from service.inspection.replay import replay
from service.inspection.selection import Selection, assemble, plan, select, size_of
from service.memory import take_for_answer
from service.models.served import LoadedModel
from service.records.trace import Trace

router = APIRouter(tags=["trace"], dependencies=[Depends(refuse_unknown_parameters)])


@router.get("/trace", responses={200: {"model": TraceList}, **errors(422, 503)})
async def list_traces(
    request: Request,
    model: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: str | None = None,
) -> Response:
    """The traces kept, newest first; `next` is the cursor of the next page."""
    context = context_of(request)
    page, following = await context.traces.page(model, limit, cursor)
    encoded = ENCODERS["json"]({"traces": page, "next": following}, {})
    return Response(encoded, media_type="application/json")


@router.get("/trace/{trace_id}", responses={200: TRACED, **errors(404, 409, 413, 422, 503, 504)})
async def get_trace(
    request: Request,
    trace_id: str,
    include: str | None = None,
    steps: str | None = None,
    heads: str | None = None,
    format: str | None = None,
    figure: str | None = None,
    at: str | None = None,
    other: str | None = None,
) -> Response:
    """A trace, or a session's by its session_id: inputs, outputs, weightings, or what is asked.

    `include` is a comma list of inputs, outputs, target, read_weightings, write_weightings,
    addressing, controls (of addressing what is no weighting), writes, reads, controller, memory,
    and of single stages of the model, which GET /models/{name} lists; `steps` is a:b; `heads` like
    read.0,write.0; `format` is json, npz, safetensors, png or svg. Of png and svg, `figure` is
    overview, addressing (of one of `heads`), memory (`at` steps like 0,10,20), difference (from the
    trace `other`), compare (with `other` of another architecture), fig6, fig9 (repeat copy), fig12
    (associative recall), fig17 (priority sort), walk (graph), hops (a story; `at` marks sentences),
    or what its architecture adds, such as allocation and modes.
    """
    context = context_of(request)
    kind = choose_format(format, request.headers.get("accept", ""))
    trace = await find_trace(trace_id, context)
    model = await model_of(trace, context)
    request.state.model = model.name
    if kind not in ("png", "svg"):
        figures.refuse_parameters(figure=figure, at=at, other=other)
        selection = select(trace, model, include, steps, heads)
        with WhileConnected(request.scope["state"], request.receive):
            facts, tensors = await compute(trace, model, selection, kind, context)
        return await respond(kind, facts, tensors)
    query = figures.parse_query(figure, heads, at, other, model)
    runs = [(trace, model)]
    if query.other is not None:
        compared = await find_trace(query.other, context)
        runs.append((compared, await model_of(compared, context)))
    fields = ",".join(query.fields)
    selections = [select(*run, fields, steps, heads) for run in runs]
    with WhileConnected(request.scope["state"], request.receive):
        return await picture(runs, selections, query, kind, context)


async def picture(
    runs: Sequence[tuple[Trace, LoadedModel]],
    selections: Sequence[Selection],
    query: figures.FigureQuery,
    kind: str,
    context: Context,
) -> Response:
    """A figure of a trace, or of two, as png or svg."""
    computed = [
        await compute(*run, selection, kind, context)
        for run, selection in zip(runs, selections, strict=True)
    ]
    encoded = await figures.draw(query, kind, *computed)
    return Response(encoded, media_type=MEDIA_TYPES[kind])


async def respond(kind: str, facts: dict[str, Any], tensors: Tensors) -> Response:
    """The answer with facts and tensors; a long one is encoded while it is read."""
    if kind in PARTS and is_long(tensors):
        return StreamingResponse(PARTS[kind](facts, tensors), media_type=MEDIA_TYPES[kind])
    encoded = await asyncio.to_thread(ENCODERS[kind], facts, tensors)
    return Response(encoded, media_type=MEDIA_TYPES[kind])


async def compute(
    trace: Trace, model: LoadedModel, selection: Selection, kind: str, context: Context
) -> tuple[dict[str, Any], Tensors]:
    """The facts of a trace, and the selected tensors computed again.

    Args:
        trace: which one
        model: that it was computed with
        selection: of its tensors
        kind: of the answer
        context: of the application
    Raises:
        ResponseTooLarge: it says how to slice
        ServiceError: as `replay`
    """
    size = refuse_large_answer(selection, model, trace, context)
    take_for_answer(size, whole=kind not in PARTS)
    segments = plan(selection, model, trace.steps)
    walked = await replay(trace, model, segments, context.settings.request_timeout)
    return facts_of(trace, model, selection), assemble(trace, model, selection, walked)


@router.delete("/trace/{trace_id}", status_code=204, responses=errors(404, 422, 503))
async def delete_trace(request: Request, trace_id: str) -> Response:
    """Forget a trace."""
    await context_of(request).traces.delete(trace_id)
    return Response(status_code=204)


async def find_trace(trace_id: str, context: Context) -> Trace:
    """A recorded request, or a session as one sequence so far.

    Raises:
        UnknownTrace: there is neither
    """
    try:
        return await context.traces.get(trace_id)
    except UnknownTrace:
        return await context.sessions.trace(trace_id)


def choose_format(asked: str | None, accept: str) -> str:
    """The format by the query, else by the Accept header, else JSON.

    Raises:
        ServiceError: the query names none that there is
    """
    if asked is not None:
        if asked not in MEDIA_TYPES:
            raise ServiceError(
                f"format should be one of {', '.join(MEDIA_TYPES)}, got '{asked:.40}'"
            )
        return asked
    return preferred(accept, {media: name for name, media in MEDIA_TYPES.items()}, "json")


async def model_of(trace: Trace, context: Context) -> LoadedModel:
    """The model that a trace was computed with.

    Raises:
        Unreplayable: the version is gone, or another one by the same number, or its engine
    """
    try:
        model = context.models.get(trace.model, trace.version)
    except (UnknownModel, UnknownVersion):
        raise Unreplayable(
            f"trace {trace.trace_id} was computed by {trace.model}/{trace.version}, which is not "
            f"served any more"
        ) from None
    if model.digest != trace.model_digest:
        raise Unreplayable(
            f"trace {trace.trace_id} was computed by other files of {trace.model}/{trace.version} "
            f"(or another engine: {trace.engine}) than those served now"
        )
    try:
        return await context.models.on_engine(model, trace.engine)
    except EngineUnavailable as error:
        raise Unreplayable(
            f"trace {trace.trace_id} was computed by engine {trace.engine}: {error}"
        ) from None


def refuse_large_answer(
    selection: Selection, model: LoadedModel, trace: Trace, context: Context
) -> int:
    """Say no before computing what could not be sent; bytes of its tensors.

    Raises:
        ResponseTooLarge: it says how to slice
    """
    size = size_of(selection, model, trace)
    limit = context.settings.max_response_bytes
    if size > limit:
        steps = selection.stop - selection.start
        fitting = max(1, steps * limit // size)
        raise ResponseTooLarge(
            f"the answer would have {size} bytes of tensors, the limit is {limit}; ask for fewer "
            f"steps at a time, such as steps={selection.start}:{selection.start + fitting}"
        )
    return size


def facts_of(trace: Trace, model: LoadedModel, selection: Selection) -> dict[str, Any]:
    """The response without its tensors."""
    return {
        "trace_id": trace.trace_id,
        "model": trace.model,
        "version": trace.version,
        "model_digest": trace.model_digest,
        "engine": trace.engine,
        "created_at": trace.created_at,
        "steps": trace.steps,
        "range": [selection.start, selection.stop],
        "memory_slots": trace.memory_slots,
        "heads": {"read": model.signature.read_heads, "write": model.signature.write_heads},
        "selected_heads": {
            "read": list(selection.read_heads),
            "write": list(selection.write_heads),
        },
        "shifts": list(model.signature.shifts),
        **how_it_remembers(model.signature),
        "interventions": list(trace.interventions),
        "task": model.description.task,
        "phases": [],
        **layout(model.task, trace.inputs),
    }
