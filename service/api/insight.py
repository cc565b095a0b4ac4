"""GET /trace/{trace_id}/provenance, /difference/{other_id} and /findings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict

from ntm.architectures.rollout import RolledPart
from ntm.insight import Finding, Provenance, Thresholds
from ntm.insight.findings import definitions
from service.api.context import Context, context_of
from service.api.documents import errors
from service.api.documents import insight as documents
from service.api.traces import find_trace, model_of, picture
from service.contract.encodings import to_json
from service.errors import DeadlineExceeded, ServiceError, UnknownThreshold
from service.http.disconnect import WhileConnected
from service.inspection import figures, insight
from service.inspection.answers import Answers
from service.inspection.replay import Replay, begin
from service.inspection.selection import select
from service.records.trace import Trace

router = APIRouter(prefix="/trace/{trace_id}", tags=["trace"])
FAILURES = errors(404, 409, 413, 422, 503, 504)


class AskedThresholds(Thresholds):
    """As query parameters, of which unknown ones are refused with a list of those there are."""

    model_config = ConfigDict(extra="ignore")


@router.get("/provenance", responses={200: {"model": documents.Provenance}, **FAILURES})
async def get_provenance(
    request: Request,
    trace_id: str,
    step: Annotated[int, Query(ge=0, le=2**31)],
    head: str = "read.0",
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> Response:
    """What every earlier write and the first memory gave to a read vector, exactly.

    `step` and `head` (read.0, read.1, ...) name the read; all but the `limit` largest parts are
    summed. Of a model with layers it also tells which steps' inputs that came from through the
    layers below, by attention rollout, which is no exact sum.
    """
    context = context_of(request)
    async with replaying(request, context, trace_id) as (replay,):
        trace = replay.trace
        which = insight.read_head(head, replay.model.signature.read_heads)
        if step >= trace.steps:
            raise ServiceError(f"step should be below {trace.steps}, got {step}")
        told = await insight.provenance(replay, step, which, limit)
    facts = {**named(trace), "head": f"read.{which}", **of_provenance(told.exactly, told.error)}
    return answer(facts | {"rolled_out": of_rollout(told.rolled_out, limit)})


@router.get("/margin", responses={200: {"model": documents.Margin}, **FAILURES})
async def get_margin(
    request: Request,
    trace_id: str,
    step: Annotated[int | None, Query(ge=0, le=2**31)] = None,
    support: Annotated[str | None, Query(pattern=r"^\d{1,6}(,\d{1,6}){0,19}$")] = None,
) -> Response:
    """Which sentences an answer owes its margin over the next best one to; `step` is its step.

    Without a step it is the last one. An exact sum over hops and sentences for the attention as it
    was. `support` names the sentences that the answer should rest on, from 0 in the order of
    hearing, such as 0,2; findings say where it rests on others.
    """
    context = context_of(request)
    async with replaying(request, context, trace_id) as (replay,):
        trace = replay.trace
        at = trace.steps - 1 if step is None else step
        if at >= trace.steps:
            raise ServiceError(f"step should be below {trace.steps}, got {at}")
        facts = [int(number) for number in support.split(",")] if support else []
        told = await insight.margin(replay, at, facts)
    return answer({**named(trace), "step": at, **told})


@router.get("/difference/{other_id}", responses={200: documents.DIFFERENCE, **FAILURES})
async def get_difference(
    request: Request,
    trace_id: str,
    other_id: str,
    tolerance: Annotated[float, Query(ge=0, allow_inf_nan=False)] = 0.0,
    format: Literal["json", "png", "svg"] = "json",
    figure: Literal["difference", "compare"] | None = None,
) -> Response:
    """Two traces side by side: where they part, and how far every stage is from the other's.

    Compared are the steps that both have. What differs by no more than `tolerance` is the same. Of
    two architectures `answers` tells where the answer at every step came from, in each. As png or
    svg it is a `figure`: `difference`, or `compare`, which draws two architectures on one time axis
    and is what they get by default.
    """
    context = context_of(request)
    if format != "json":
        return await pictured(request, context, (trace_id, other_id), figure, format)
    figures.refuse_parameters(figure=figure)
    async with replaying(request, context, trace_id, other_id) as (left, right):
        told, answers = await insight.difference(left, right, tolerance)
    first = {"step": told.first_step, "stages": told.first_stages}
    facts = {
        "traces": [
            {**named(replay.trace), "steps": replay.trace.steps} for replay in (left, right)
        ],
        "steps": told.steps,
        "memory_slots": left.trace.memory_slots,
        "tolerance": told.tolerance,
        "first": None if told.first_step is None else first,
        "changed_bits": {"count": told.changed_bits, "steps": told.changed_steps},
        "stages": [vars(stage) for stage in told.stages],
        "answers": None if answers is None else of_answers(answers),
    }
    return answer(facts)


async def pictured(
    request: Request, context: Context, trace_ids: tuple[str, str], figure: str | None, kind: str
) -> Response:
    """Two traces as a figure."""
    traces = [await find_trace(trace_id, context) for trace_id in trace_ids]
    runs = [(trace, await model_of(trace, context)) for trace in traces]
    request.state.model = runs[0][1].name
    architectures = {model.signature.architecture for _, model in runs}
    chosen = figure or ("compare" if len(architectures) > 1 else "difference")
    query = figures.parse_query(chosen, None, None, trace_ids[1], runs[0][1])
    selections = [select(*run, ",".join(query.fields), None, None) for run in runs]
    with WhileConnected(request.scope["state"], request.receive):
        return await picture(runs, selections, query, kind, context)


@router.get("/findings", responses={200: {"model": documents.Findings}, **FAILURES})
async def get_findings(
    request: Request, trace_id: str, thresholds: Annotated[AskedThresholds, Query()]
) -> Response:
    """What is odd about a trace, by head, with the steps; every threshold is a parameter."""
    context = context_of(request)
    for name in request.query_params:
        if name not in Thresholds.model_fields:
            raise UnknownThreshold(
                f"a threshold should be one of {', '.join(Thresholds.model_fields)}, "
                f"got '{name:.40}'"
            )
    async with replaying(request, context, trace_id) as (replay,):
        found = await insight.findings(replay, thresholds)
    facts = {
        **named(replay.trace),
        "steps": replay.trace.steps,
        "memory_slots": replay.trace.memory_slots,
        "findings": [of_finding(each) for each in found],
        "definitions": definitions(),
        "thresholds": thresholds.model_dump(),
    }
    return answer(facts)


@asynccontextmanager
async def replaying(
    request: Request, context: Context, *trace_ids: str
) -> AsyncIterator[list[Replay]]:
    """Replays of traces, for as long as the client waits and a request may take.

    Raises:
        ServiceError: a trace is not there or cannot be replayed, or the time is up
    """
    limit = context.settings.request_timeout
    found = [await find_trace(trace_id, context) for trace_id in trace_ids]
    models = [await model_of(trace, context) for trace in found]
    request.state.model = models[0].name
    try:
        with WhileConnected(request.scope["state"], request.receive):
            async with asyncio.timeout(limit), context.inspections:
                yield [
                    await begin(trace, model, limit)
                    for trace, model in zip(found, models, strict=True)
                ]
    except TimeoutError:
        raise DeadlineExceeded(f"no answer within {limit:g} seconds") from None


def named(trace: Trace) -> dict[str, Any]:
    """Which trace it is."""
    return {"trace_id": trace.trace_id, "model": trace.model, "version": trace.version}


def of_provenance(told: Provenance, error: float) -> dict[str, Any]:
    """A provenance as the answer tells it."""
    count, share, vector = told.rest
    parts = [
        {**vars(part), "head": None if part.head is None else f"write.{part.head}"}
        for part in told.parts
    ]
    return {
        "step": told.step,
        "read": told.read,
        "error": error,
        "parts": parts,
        "rest": {"count": count, "share": share, "vector": vector},
    }


def of_rollout(parts: list[RolledPart] | None, limit: int) -> dict[str, Any] | None:
    """The largest parts of a rollout, and what the others are together."""
    if parts is None:
        return None
    rest = {"count": len(parts[limit:]), "share": sum(part.share for part in parts[limit:])}
    return {"parts": [vars(part) for part in parts[:limit]], "rest": rest}


def of_answers(answers: Answers) -> dict[str, Any]:
    """Where the answers of two runs came from."""
    steps = [
        {"step": step, "heard": heard, "sides": [vars(source) for source in sides]}
        for (step, heard), *sides in zip(answers.steps.items(), *answers.sides, strict=True)
    ]
    return {"heads": [f"read.{head}" for head in answers.heads], "steps": steps,
            "left_out": answers.left_out}  # fmt: skip


def of_finding(finding: Finding) -> dict[str, Any]:
    """A finding as the answer tells it."""
    return {**vars(finding), "definition": finding.definition}


def answer(facts: dict[str, Any]) -> Response:
    """As JSON."""
    return Response(to_json(facts, {}), media_type="application/json")
