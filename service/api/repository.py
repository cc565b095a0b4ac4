"""The model repository extension of Open Inference v2, and the level of the log."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from service.api.context import Context, context_of, read_json_body
from service.api.documents import errors
from service.api.documents.responses import inline
from service.api.v2 import path_part
from service.contract import schemas
from service.contract.encodings import to_json
from service.errors import ServiceError, UnknownModel, UnsupportedParameter
from service.http.roles import refuse_unless_operator
from service.operations import Level

router = APIRouter(tags=["operations"])

MOST = 2**16  # bytes of a body


class IndexRequest(BaseModel):
    """The body of POST /v2/repository/index."""

    repository_name: str = ""
    ready: Annotated[bool, Field(strict=True, description="only models that take requests")] = False


class LoadRequest(BaseModel):
    """The body of a load or unload."""

    parameters: dict[str, Any] = Field(
        default_factory=dict, description="none that would change a model"
    )


class LogLevel(BaseModel):
    """The body of PUT /log-level, and the answer."""

    level: Level


class IndexEntry(BaseModel):
    """A version in the repository."""

    name: str
    version: str
    state: str = Field(description="READY or UNAVAILABLE")
    reason: str


def index(context: Context, ready: bool) -> list[dict[str, str]]:
    """Every version in the repository, and whether it takes requests."""
    models = context.models
    entries = [entry(*model.key, "READY", "") for model in models]
    if not ready:
        entries += [entry(*key, "UNAVAILABLE", "unloaded") for key in models.resting]
        entries += [
            entry(each["name"], each["version"], "UNAVAILABLE", each["error"])
            for each in models.broken
            if not each["served"]
        ]
    return sorted(entries, key=lambda each: (each["name"], each["version"]))


def entry(name: str, version: int | None, state: str, reason: str) -> dict[str, str]:
    """One of them."""
    version_text = "" if version is None else str(version)
    return {"name": name, "version": version_text, "state": state, "reason": reason}


async def load(context: Context, name: str) -> None:
    """Serve a model as it lies in the repository now.

    Raises:
        UnknownModel: there is none of that name
        ServiceError: it cannot be served
    """
    operations = context.operations
    await operations.change(
        lambda chosen: chosen.model_copy(update={"unloaded": chosen.unloaded - {name}})
    )
    await context.look()
    if any(model.name == name for model in context.models):
        return
    reasons = [each["error"] for each in context.models.broken if each["name"] == name]
    if not reasons:
        raise UnknownModel(f"there is no model '{name:.64}' in the repository")
    raise ServiceError(f"model {name} cannot be served: {reasons[0]}")


async def unload(context: Context, name: str) -> None:
    """Serve a model no more, after what it has; also when the repository is looked at again.

    Raises:
        UnknownModel: there is none of that name
    """
    if name not in context.operations.chosen.unloaded:
        context.models.get(name)
    await context.operations.change(
        lambda chosen: chosen.model_copy(update={"unloaded": chosen.unloaded | {name}})
    )


def refuse_parameters(parameters: dict[str, Any]) -> None:
    """Say no to what would load a model in another way than it lies in the repository.

    Raises:
        UnsupportedParameter: there is such a parameter
    """
    for name in parameters:
        if name != "unload_dependents":
            raise UnsupportedParameter(f"parameters.{name:.40} is not supported")


async def body_as(kind: type[schemas.Body], request: Request) -> schemas.Body:
    """A small body of JSON; nothing is an empty object."""
    body = await read_json_body(request, MOST)
    return schemas.parse_as(kind, body or b"{}")


def described(body: type[BaseModel], *parts: str) -> dict[str, Any]:
    """The OpenAPI entries of a body that may be left out, and of parts of a path."""
    schema = {"application/json": {"schema": inline(body)}}
    return {
        "parameters": [path_part(part) for part in parts],
        "requestBody": {"required": False, "content": schema},
    }


@router.post(
    "/v2/repository/index",
    responses={200: {"model": list[IndexEntry]}, **errors(400, 413, 415)},
    openapi_extra=described(IndexRequest),
)
async def repository_index(request: Request) -> Response:
    """Every version in the repository, and why one is not served."""
    asked = await body_as(IndexRequest, request)
    entries = index(context_of(request), asked.ready)
    return Response(orjson.dumps(entries), media_type="application/json")


@router.post(
    "/v2/repository/models/{model}/load",
    responses=errors(400, 404, 413, 415),
    openapi_extra=described(LoadRequest, "model"),
)
async def load_model(request: Request) -> Response:
    """Serve a model, or look again at one that is served; for keys with the role `operate`."""
    refuse_unless_operator(request.scope)
    refuse_parameters((await body_as(LoadRequest, request)).parameters)
    await load(context_of(request), request.path_params["model"])
    return Response(b"{}", media_type="application/json")


@router.post(
    "/v2/repository/models/{model}/unload",
    responses=errors(400, 404, 413, 415),
    openapi_extra=described(LoadRequest, "model"),
)
async def unload_model(request: Request) -> Response:
    """Serve a model no more; for keys with the role `operate`."""
    refuse_unless_operator(request.scope)
    refuse_parameters((await body_as(LoadRequest, request)).parameters)
    await unload(context_of(request), request.path_params["model"])
    return Response(b"{}", media_type="application/json")


@router.get("/log-level", responses={200: {"model": LogLevel}})
async def get_log_level(request: Request) -> Response:
    """How important what is logged is at least; for keys with the role `operate`."""
    refuse_unless_operator(request.scope)
    return level_answer(context_of(request))


@router.put(
    "/log-level",
    responses={200: {"model": LogLevel}, **errors(400, 413, 415, 422)},
    openapi_extra=described(LogLevel),
)
async def put_log_level(request: Request) -> Response:
    """Log more or less, in all processes at once; for keys with the role `operate`."""
    refuse_unless_operator(request.scope)
    asked = await body_as(LogLevel, request)
    context = context_of(request)
    await context.operations.change(
        lambda chosen: chosen.model_copy(update={"log_level": asked.level})
    )
    return level_answer(context)


def level_answer(context: Context) -> Response:
    """The level that holds."""
    return Response(
        to_json({"level": context.operations.chosen.log_level}, {}), media_type="application/json"
    )
