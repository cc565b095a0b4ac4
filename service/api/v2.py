"""/v2: the Open Inference Protocol over REST, for clients that speak it to any server.

A batch [B, T, I] runs as B sequences of their own; its parameter `trace_id` lists their traces in
order, separated by commas.


A model with a vocabulary takes `text` (BYTES) in place of the sequence: a story and questions.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.metadata import version as version_of
from itertools import zip_longest
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from ntm.evaluation.reach import slots_warning
from service.api.context import Context, context_of
from service.api.documents import errors, infer_body
from service.api.documents.v2 import (
    InferAnswer,
    ModelConfig,
    ModelMetadata,
    ModelReady,
    ModelStatistics,
    ServerMetadata,
)
from service.api.encoded import is_long
from service.api.predict import NOT_KEPT
from service.api.recording import Recording
from service.contract import checks, fields, words
from service.contract.checks import Prediction
from service.contract.encodings import Tensors, to_json
from service.contract.open_inference import answers, requests
from service.contract.open_inference.requests import InferRequest, Wanted
from service.contract.open_inference.texts import ANSWER, as_tensor
from service.errors import (
    BatchTooLarge,
    ResponseTooLarge,
    StoreUnavailable,
    TooManySteps,
    UnknownVersion,
)
from service.http.disconnect import WhileConnected
from service.http.exchange import Answer, Endpoint, Exchange, Header
from service.http.offload import convert
from service.memory import take_for_answer
from service.models.served import LoadedModel, Models
from service.scheduling.walk import Segment, Terms, Walk, Walked

router = APIRouter(prefix="/v2", tags=["open inference protocol v2"])

Route = Callable[[Request, LoadedModel], Awaitable[Response]]
PLATFORMS = {
    "onnx": ("onnxruntime_onnx", "onnxruntime"),
    "native": ("ntm_native", "native"),
    "torchscript": ("pytorch_libtorch", "pytorch"),
}
JSON_LENGTH = requests.HEADER.lower().encode()
EXTENSIONS = ("binary_tensor_data", "model_configuration", "statistics", "parameters")


def respond(facts: dict[str, Any], status: int = 200) -> Response:
    """Facts as a JSON response."""
    return Response(to_json(facts, {}), status, media_type="application/json")


@router.get("", responses={200: {"model": ServerMetadata}})
@router.get("/", include_in_schema=False)
async def server_metadata(request: Request) -> Response:
    """Name, version and extensions of the server, and what each model really runs on."""
    return respond(
        {
            "name": "ntm",
            "version": version_of("neural-turing-machine"),
            "extensions": EXTENSIONS,
            "models": [
                {
                    "name": model.name,
                    "version": str(model.version),
                    "engine": model.engine.name,
                    "device": model.engine.device,
                }
                for model in context_of(request).models
            ],
            "native": context_of(request).compiler.facts(),
        }
    )


@router.get("/models/stats", responses={200: {"model": ModelStatistics}})
async def all_statistics(request: Request) -> Response:
    """The statistics of every model."""
    context = context_of(request)
    return respond({"model_stats": [context.statistics.of_model(m) for m in context.models]})


def find(models: Models, name: str, version: str | None) -> LoadedModel:
    """The model that a path names.

    Raises:
        UnknownModel, UnknownVersion
    """
    latest = models.get(name)
    if version is None:
        return latest
    if not (version.isascii() and version.isdecimal() and len(version) < 19):
        known = ", ".join(map(str, models.versions(name)))
        raise UnknownVersion(f"model {name} has no version '{version:.40}', only {known}")
    return models.get(name, int(version))


def path_part(name: str) -> dict[str, Any]:
    """The OpenAPI entry of a part of a path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def serve(method: str, path: str, **described: Any) -> Callable[[Route], Route]:
    """Routes to one answer: with a version in the path, and without for the highest one."""

    def register(answer: Route) -> Route:
        # The paths' parts are read here: declared to FastAPI as parameters, they would put a 422
        # into the document that never happens.
        async def route(request: Request) -> Response:
            models, named = context_of(request).models, request.path_params
            return await answer(request, find(models, named["model"], named.get("version")))

        name = described.pop("name", answer.__name__)
        extra = {"parameters": [path_part("model")], **described.pop("openapi_extra", {})}
        told = {"methods": [method], "description": answer.__doc__, **described}
        router.add_api_route(
            f"/models/{{model}}{path}", route, name=name, openapi_extra=extra, **told
        )
        router.add_api_route(
            f"/models/{{model}}/versions/{{version}}{path}",
            route,
            name=f"{name}_of_version",
            openapi_extra={**extra, "parameters": [path_part("model"), path_part("version")]},
            **told,
        )
        return answer

    return register


@serve("GET", "", responses={200: {"model": ModelMetadata}, **errors(404)})
async def model_metadata(request: Request, model: LoadedModel) -> Response:
    """A model's versions and tensors; -1 stands for sizes that a request chooses."""
    platform, _ = PLATFORMS[model.engine.name]
    versions = context_of(request).models.versions(model.name)
    speaks = model.vocabulary is not None
    return respond(
        answers.model_metadata(model.name, versions, platform, model.signature, speaks=speaks)
    )


@serve(
    "GET",
    "/ready",
    responses={200: {"model": ModelReady}, 503: {"model": ModelReady}, **errors(404)},
)
async def model_ready(request: Request, model: LoadedModel) -> Response:
    """Whether a model takes requests; 503 once the service is shutting down."""
    is_ready = not context_of(request).work.draining
    return respond({"name": model.name, "ready": is_ready}, 200 if is_ready else 503)


@serve("GET", "/config", responses={200: {"model": ModelConfig}, **errors(404)})
async def model_config(request: Request, model: LoadedModel) -> Response:
    """A model's configuration in the words of Triton, for tools that ask before they send."""
    return respond(
        answers.model_config(
            model.name,
            *PLATFORMS[model.engine.name],
            context_of(request).settings.max_batch,
            model.signature,
        )
    )


@serve("GET", "/stats", responses={200: {"model": ModelStatistics}, **errors(404)})
async def model_statistics(request: Request, model: LoadedModel) -> Response:
    """What a model has done since the start, in the words of Triton."""
    return respond({"model_stats": [context_of(request).statistics.of_model(model)]})


@serve(
    "POST",
    "/infer",
    name="infer",
    responses={200: {"model": InferAnswer}, **errors(400, 404, 413, 415, 503, 504)},
    openapi_extra={"requestBody": infer_body()},
)
async def infer_route(request: Request, model: LoadedModel) -> Response:
    """Run a sequence, or a batch of sequences of one length."""
    return await endpoints(context_of(request))[0].respond(request)


def endpoints(context: Context) -> list[Endpoint]:
    """Inference with the highest version of a model, and with the one in the path."""
    handler, limit = partial(infer, context), context.settings.max_body_bytes
    paths = ("/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer")
    return [Endpoint("POST", path, handler, limit) for path in paths]


async def infer(context: Context, exchange: Exchange) -> Answer:
    """See `infer_route`."""
    body, header = exchange.body, exchange.header(JSON_LENGTH)
    model = find(context.models, exchange.parameters["model"], exchange.parameters.get("version"))
    asked, predictions = await convert(len(body), understand, body, header, model, context)
    exchange.state["model"] = model.name
    recorded = predictions if asked.record else []
    recordings = [Recording(context.trace_writer, model, each, ()) for each in recorded]
    with WhileConnected(exchange.state, exchange.receive):
        walked = await walk_all(asked, predictions, recordings, model, context)
    kept, headers = list[str](), list[Header]()
    try:
        kept = [await each.trace_id(one) for each, one in zip(recordings, walked, strict=False)]
    except StoreUnavailable:
        headers.append(NOT_KEPT)
    facts = facts_of(asked, predictions[0], model, kept)
    tensors = join(asked, walked, model)
    return await respond_with(facts, asked.wanted, tensors, headers)


async def respond_with(
    facts: dict[str, Any], wanted: Sequence[Wanted], tensors: Tensors, headers: list[Header]
) -> Answer:
    """The answer with facts and tensors; a long one is encoded while it is read."""
    size = sum(tensor.nbytes for tensor in tensors.values())
    arguments = facts, wanted, tensors
    body, parts = b"", None
    if is_long(tensors):
        parts, length = await convert(size, answers.encode_in_parts, *arguments)
    else:
        body, length = await convert(size, answers.encode, *arguments)
    if length is None:
        return Answer(body, headers=headers, parts=parts)
    headers.append((JSON_LENGTH, b"%d" % length))
    return Answer(body, b"application/octet-stream", headers=headers, parts=parts)


def understand(
    body: bytes, header: str | None, model: LoadedModel, context: Context
) -> tuple[InferRequest, list[Prediction]]:
    """What a body asks, and its checked sequences."""
    speaks = model.vocabulary is not None
    asked = requests.parse(body, header, model.signature, speaks=speaks)
    if asked.text is not None:
        asked = as_steps(asked, asked.text, model, context)
    return asked, check(asked, model, context)


def as_steps(
    asked: InferRequest, text: Sequence[str], model: LoadedModel, context: Context
) -> InferRequest:
    """A request in words with its text as a sequence, and slots for its sentences.

    Raises:
        ServiceError: as `words.ask`
    """
    spoken = words.ask(text, model.vocabulary, context.settings)
    slots = asked.memory_slots
    if slots is None:
        slots = words.slots_for(spoken, model.signature)
    return dataclasses.replace(asked, sequences=spoken.asked.inputs[None], memory_slots=slots)


def check(asked: InferRequest, model: LoadedModel, context: Context) -> list[Prediction]:
    """The sequences of a request, checked against its model.

    Raises:
        BatchTooLarge: more sequences than run together, or none
        ResponseTooLarge: the answer could not be sent
        ServiceError: another that says what is wrong
    """
    settings, told = context.settings, model.signature
    batch = len(asked.sequences)
    if not 1 <= batch <= settings.max_batch:
        raise BatchTooLarge(
            f"sequence should hold 1 to {settings.max_batch} sequences, got {batch}"
        )
    sequences = checks.check_sequence("sequence", asked.sequences, told.input_size, settings)
    steps = sequences.shape[1]
    if batch > 1 and batch * steps > settings.max_queued_steps:
        raise TooManySteps(
            f"a batch should have at most {settings.max_queued_steps} steps in all, "
            f"got {batch} x {steps}"
        )
    slots = checks.check_slots(asked.memory_slots, told, settings)
    checks.check_length(steps, slots, told)
    names = {wanted.name for wanted in asked.wanted} - {ANSWER}
    width = fields.width(told, names - {"outputs"}, slots)
    size = 4 * batch * steps * (width + ("outputs" in names) * told.output_size)
    if size > settings.max_response_bytes:
        raise ResponseTooLarge(
            f"the answer would have {size} bytes of tensors, the limit is "
            f"{settings.max_response_bytes}; ask for `outputs` alone and fetch slices of the "
            f"weightings with GET /trace/{{trace_id}}?steps=a:b"
        )
    take_for_answer(size, whole=len({wanted.binary for wanted in asked.wanted}) > 1)
    return [Prediction(sequence, None, slots) for sequence in sequences]


async def walk_all(
    asked: InferRequest,
    predictions: list[Prediction],
    recordings: list[Recording],
    model: LoadedModel,
    context: Context,
) -> list[Walked]:
    """Walk all sequences side by side; if one fails or the client leaves, none goes on."""
    computed = ("outputs", ANSWER)
    keep = tuple(wanted.name for wanted in asked.wanted if wanted.name not in computed)
    limit = context.settings.request_timeout
    terms = Terms(min(limit, asked.timeout or limit), together=len(predictions) > 1)
    if recordings:
        terms = terms._replace(batch_end=context.trace_writer.store_batch)
    walks = [
        model.scheduler.walk(
            Walk(each.sequence, each.memory_slots, [Segment("predict", len(each.sequence), keep)]),
            terms._replace(tag=recording),
        )
        for each, recording in zip_longest(predictions, recordings)
    ]
    if len(walks) == 1:  # without a task of its own
        return [await walks[0]]
    tasks = [asyncio.ensure_future(walk) for walk in walks]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def join(asked: InferRequest, walked: list[Walked], model: LoadedModel) -> Tensors:
    """The tensors of all sequences, with the batch axis if they came with it."""
    joined: Tensors = {}
    for wanted in asked.wanted:
        rows: list[Any] = [
            one.outputs if wanted.name == "outputs" else one.values.get(wanted.name)
            for one in walked
        ]
        if wanted.name == ANSWER:
            spoken = words.spoken(asked.text or (), model.vocabulary)
            rows = [as_tensor(words.answered(spoken, one.outputs)) for one in walked]
        alone = rows[0][None] if asked.batched else rows[0]
        joined[wanted.name] = alone if len(rows) == 1 else np.stack(rows)
    return joined


def facts_of(
    asked: InferRequest, prediction: Prediction, model: LoadedModel, kept: list[str]
) -> dict[str, Any]:
    """The answer without its tensors."""
    parameters: dict[str, Any] = {"memory_slots": prediction.memory_slots}
    if warning := slots_warning(prediction.memory_slots, model.verified_slots):
        parameters["warning"] = warning
    if kept:
        parameters["trace_id"] = ",".join(kept)
    facts: dict[str, Any] = {"model_name": model.name, "model_version": str(model.version)}
    if asked.id is not None:
        facts["id"] = asked.id
    return {**facts, "parameters": parameters}
