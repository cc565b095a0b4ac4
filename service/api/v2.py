"""/v2: the Open Inference Protocol over REST, for clients that speak it to any server.

A model with a vocabulary takes `text` (BYTES) in place of the sequence: a story and questions.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from service.api import inference
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
from service.api.inference import PLATFORMS, server_facts
from service.api.predict import NOT_KEPT
from service.contract.checks import Prediction
from service.contract.encodings import Tensors, to_json
from service.contract.open_inference import answers, requests
from service.contract.open_inference.requests import InferRequest, Wanted
from service.http.disconnect import WhileConnected
from service.http.exchange import Answer, Endpoint, Exchange, Header
from service.http.offload import convert
from service.models.served import LoadedModel

router = APIRouter(prefix="/v2", tags=["open inference protocol v2"])

Route = Callable[[Request, LoadedModel], Awaitable[Response]]
JSON_LENGTH = requests.HEADER.lower().encode()


def respond(facts: dict[str, Any], status: int = 200) -> Response:
    """Facts as a JSON response."""
    return Response(to_json(facts, {}), status, media_type="application/json")


@router.get("", responses={200: {"model": ServerMetadata}})
@router.get("/", include_in_schema=False)
async def server_metadata(request: Request) -> Response:
    """Name, version and extensions of the server, and what each model really runs on."""
    return respond(
        {
            **server_facts(),
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
            return await answer(
                request, inference.find(models, named["model"], named.get("version"))
            )

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
    named = exchange.parameters
    model = inference.find(context.models, named["model"], named.get("version"))
    request, predictions = await convert(len(body), understand, body, header, model, context)
    exchange.state["model"] = model.name
    with WhileConnected(exchange.state, exchange.receive):
        inferred = await inference.infer(context, model, request, predictions)
    headers: list[Header] = [] if inferred.stored else [NOT_KEPT]
    return await respond_with(inferred.facts, request.wanted, inferred.tensors, headers)


def understand(
    body: bytes, header: str | None, model: LoadedModel, context: Context
) -> tuple[InferRequest, list[Prediction]]:
    """A request from its body, and its checked sequences."""
    speaks = model.vocabulary is not None
    request = requests.parse(body, header, model.signature, speaks=speaks)
    return inference.understood(request, model, context)


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
