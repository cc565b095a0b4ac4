"""POST /predict: a sequence in, outputs out, and a trace kept."""

import math
import time
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from fastapi import APIRouter, Request, Response
from numpy.typing import NDArray

from ntm.evaluation.reach import slots_warning
from ntm.tasks import Task, wrong_bits
from ntm.tasks.attempt import attempt
from service.api.context import Context, context_of, media_of, refuse_unless_json
from service.api.documents import errors, predict_body
from service.api.documents.predict import PREDICTED
from service.api.encoded import encoded
from service.api.recording import Recording
from service.contract import checks, fields, safetensors_body, schemas, words
from service.contract.checks import Prediction
from service.contract.encodings import MEDIA_TYPES, Tensors
from service.contract.long_arrays import LongArray
from service.contract.schemas import PredictRequest
from service.contract.words import Spoken
from service.errors import DeadlineExceeded, NotFound, StoreUnavailable
from service.http.disconnect import WhileConnected
from service.http.exchange import Answer, Endpoint, Exchange, Header
from service.http.negotiation import preferred
from service.http.offload import convert
from service.memory import take_for_answer
from service.models.served import LoadedModel
from service.scheduling.walk import Terms, Walk, Walked

router = APIRouter(tags=["predict"])

# The answer is there, and as good as any: the client should not have to ask again for a record.
NOT_KEPT = (b"warning", b'199 ntm "the store does not answer: no trace was kept"')

SHORT = 2**10  # bytes of what is remembered of a body beside its sequence
WORTH_COUNTING = 0.1  # seconds
SOON_PARSED = 2**12  # bytes; to look at fewer before they are parsed gains nothing

KINDS = {MEDIA_TYPES[name]: name for name in ("json", "safetensors")}


@router.post(
    "/predict",
    name="predict",
    responses={200: PREDICTED, **errors(400, 404, 413, 415, 422, 503, 504)},
    openapi_extra={"requestBody": predict_body()},
)
async def route(request: Request) -> Response:
    """Run a sequence through a model; `include` adds stages, `target` counts wrong bits.

    `interventions` change the run: stages of a head, the memory, the inputs, at the steps named.
    """
    return await endpoint(context_of(request)).respond(request)


def endpoint(context: Context) -> Endpoint:
    """POST /predict of an application."""
    return Endpoint("POST", "/predict", partial(predict, context), context.settings.max_body_bytes)


async def predict(context: Context, exchange: Exchange) -> Answer:
    """See `route`."""
    media, body, state = media_of(exchange.header(b"content-type")), exchange.body, exchange.state
    asked = await convert(len(body), understand, media, body, context)
    state["model"] = asked.model.name
    walk, terms = plan_of(asked, context, time.perf_counter() - state["began"])
    with WhileConnected(state, exchange.receive):
        walked = await asked.model.scheduler.walk(walk, terms)
    trace_id = None
    headers: tuple[Header, ...] = ()
    if isinstance(terms.tag, Recording):
        try:
            trace_id = await terms.tag.trace_id(walked)
        except StoreUnavailable:
            headers = (NOT_KEPT,)
    facts, tensors = answer(asked, walked, trace_id)
    kind = preferred(exchange.header(b"accept"), KINDS, "json")
    return await encoded(kind, facts, tensors, headers)


class Asked(NamedTuple):
    """What a body asks, of which model, and the checked tensors."""

    request: PredictRequest  # shared by all who ask the same but for their tensors
    model: LoadedModel
    prediction: Prediction
    text: Spoken | None = None  # where it was asked in words

    @property
    def kept(self) -> list[str]:
        """The fields of the run that its answer needs."""
        include = self.request.include
        return words.kept(include, self.model.signature) if self.text else include


def understand(media: str, body: bytes, context: Context) -> Asked:
    """What a body of this media type asks.

    Raises:
        ServiceError: it cannot be read, or does not fit the model
    """
    if media == MEDIA_TYPES["safetensors"]:
        return from_safetensors(body, context)
    refuse_unless_json(media)
    return from_json(body, context)


def plan_of(asked: Asked, context: Context, spent: float) -> tuple[Walk, Terms]:
    """What to walk and on which terms, whose tag is the trace that is wanted, if one is.

    Args:
        asked: what is asked
        context: of the application
        spent: seconds that it took to receive and read it, which count
    Raises:
        ServiceError: it would take too long, or give too much
    """
    prediction, signature = asked.prediction, asked.model.signature
    steps, slots, include = len(prediction.sequence), prediction.memory_slots, asked.request.include
    take_for_answer(checks.check_answer(steps, slots, include, signature, context.settings))
    recording = recording_of(asked, context)
    timeout = checks.check_timeout(asked.request.timeout, context.settings)
    left = time_left(timeout, spent)
    segments = [fields.segment(signature, asked.kept, steps)]
    terms = Terms(
        left,
        spent=timeout - left,
        alone=context.work.running == 1,
        batch_end=None if recording is None else context.trace_writer.store_batch,
        tag=recording,
    )
    return Walk(prediction.sequence, slots, segments, edits=prediction.edits), terms


def time_left(timeout: float, spent: float) -> float:
    """Seconds to walk in.

    Raises:
        DeadlineExceeded: there are none left
    """
    if spent >= timeout:
        raise DeadlineExceeded(f"no answer within {timeout:g} seconds")
    return timeout if spent < WORTH_COUNTING else round(timeout - spent, 3)


def from_json(body: bytes, context: Context) -> Asked:
    """What a JSON body asks."""
    if len(body) > SOON_PARSED:
        name, steps = schemas.glance(body)
        refuse_if_full(name, None, steps, context)
    cut = schemas.cut_out(body)
    if cut is not None and len(cut[0]) <= SHORT and (asked := schemas.ask_beside(cut[0])):
        model = context.models.get(asked.model, asked.version)
        model.scheduler.refuse_if_full(len(cut[1]))
        checked = checks.check(asked, model.signature, context.settings, cut[1])
        return Asked(asked, model, checked)
    told = schemas.load_cut(body, cut)
    if words.is_text(told):
        return from_text(told, context)
    rows = told.get("sequence")
    if isinstance(rows, list | np.ndarray | LongArray):
        refuse_if_full(told.get("model"), told.get("version"), len(rows), context)
    asked = schemas.validate(PredictRequest, told)
    model = context.models.get(asked.model, asked.version)
    return Asked(asked, model, checks.check(asked, model.signature, context.settings))


def from_text(told: dict[str, Any], context: Context) -> Asked:
    """What a JSON body asks in words."""
    asked = words.parse_request(told)
    model = context.models.get(asked.model, asked.version)
    spoken = words.ask(asked.text, model.vocabulary, context.settings)
    refuse_if_full(asked.model, asked.version, len(spoken.asked.inputs), context)
    if asked.memory_slots is None:
        asked.memory_slots = words.slots_for(spoken, model.signature)
    checked = checks.check(asked, model.signature, context.settings, spoken.asked.inputs)
    return Asked(asked, model, checked, spoken)


def refuse_if_full(name: Any, version: Any, steps: int, context: Context) -> None:
    """Say no as soon as a length is known: in a flood that is most of what there is to do.

    Raises:
        QueueFull: there is no room for it; whether it is sound has not been looked at
    """
    if not (isinstance(name, str) and isinstance(version, int | None)):
        return
    with suppress(NotFound):  # which is told in its turn
        context.models.get(name, version).scheduler.refuse_if_full(steps)


def from_safetensors(body: bytes, context: Context) -> Asked:
    """What a safetensors body asks."""
    asked, tensors = safetensors_body.parse(body)
    model = context.models.get(asked.model, asked.version)
    checked = safetensors_body.check(asked, tensors, model.signature, context.settings)
    return Asked(asked, model, checked)


def recording_of(asked: Asked, context: Context) -> Recording | None:
    """The trace that is wanted, if one is."""
    if not asked.request.record:
        return None
    edited = asked.request.interventions
    return Recording(context.trace_writer, asked.model, asked.prediction, edited)


Array = NDArray[np.float32]


def score(task: Task, outputs: Array, target: Array) -> dict[str, Any]:
    """How far outputs are from a target, both [T, output_size]: wrong bits, or the task's error.

    Where somebody's own code fails, that is a warning.
    """
    if task.unit == "wrong bits":
        return {"wrong_bits": int(wrong_bits(outputs[:, None], target[:, None])[0])}
    try:
        error = float(task.error(outputs[:, None], target[:, None])[0])
    except Exception as failed:
        if task.origin is None:
            raise
        return {"warning": f"no error: {task.name}.error fails: {type(failed).__name__}: {failed}"}
    return {"error": error if math.isfinite(error) else None, "error_unit": task.unit}


def answer_of(task: Task, prediction: Prediction, walked: Walked) -> str | None:
    """What the outputs answer in words; None where a task has none."""
    return task.answer(prediction.sequence, walked.outputs)


def answer(asked: Asked, walked: Walked, trace_id: str | None) -> tuple[dict[str, Any], Tensors]:
    """The response as facts and tensors."""
    model, prediction = asked.model, asked.prediction
    facts: dict[str, Any] = {
        "trace_id": trace_id,
        "model": model.name,
        "version": model.version,
        "engine": model.engine.name,
        "steps": len(prediction.sequence),
        "memory_slots": prediction.memory_slots,
    }
    warnings = [slots_warning(prediction.memory_slots, model.verified_slots)]
    if prediction.target is not None and model.task is None:
        name = model.description.task_name
        warnings.append(f"no error: the task '{name}', whose targets these are, is not known here")
    if asked.text is not None and words.slots_are_unknown(prediction.edits):
        warnings.append(words.NO_HOPS)
    if any(warnings):
        facts["warning"] = "; ".join(filter(None, warnings))
    if prediction.target is not None and model.task is not None:
        facts |= score(model.task, walked.outputs, prediction.target)
    if model.task is not None:
        said = attempt(model.task, partial(answer_of, model.task, prediction, walked), None)
        facts |= {} if said is None else {"answer": said}
    if asked.text is not None:
        values = fields.tensors_of(model.signature, asked.kept, walked.values)
        if words.slots_are_unknown(prediction.edits):
            values = {}
        facts |= words.answers(asked.text, walked.outputs, values)
    included = fields.tensors_of(model.signature, asked.request.include, walked.values)
    return facts, {"outputs": walked.outputs, **included}
