"""GET /models: what is served, how good it is, and a ready-made request for it."""

from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from ntm.repository.folders import RepositoryError, read_file, read_json
from ntm.tasks import Task
from service.api.context import Context, context_of
from service.api.documents import errors
from service.api.documents.models import DescribedSignature, Example, ModelDetails, ModelList
from service.contract.encodings import to_json
from service.errors import NoExample, ServiceError
from service.models.served import LoadedModel

router = APIRouter(prefix="/models", tags=["models"])


def respond(facts: dict[str, Any]) -> Response:
    """Facts as a JSON response."""
    return Response(to_json(facts, {}), media_type="application/json")


@router.get("", responses={200: {"model": ModelList}})
async def list_models(request: Request) -> Response:
    """Every model that is served, and every one that could not be loaded."""
    models = context_of(request).models
    names = dict.fromkeys(model.name for model in models)
    served = [summary(models.get(name), models.versions(name)) for name in names]
    return respond({"models": served, "broken": models.broken})


@router.get("/{name}", responses={200: {"model": ModelDetails}, **errors(404, 422)})
async def get_model(request: Request, name: str, version: int | None = None) -> Response:
    """A model's card, signature and evaluation."""
    models = context_of(request).models
    model = models.get(name, version)
    return respond(
        {
            **summary(model, models.versions(name)),
            "config": model.description.model_dump(mode="json"),
            "signature": DescribedSignature.of(model.signature).model_dump(mode="json"),
            "verified_memory_slots": list(model.verified_slots),
            "evaluation": evaluation_of(model),
            "card": card_of(model),
            "stories": [{"title": t, "text": list(x)} for t, x in stories_of(model).items()],
            "example_sizes": {
                size: {
                    "default": told.default,
                    "low": told.low,
                    "high": told.high,
                    "meaning": told.meaning,
                }
                for size, told in (model.task.sizes if model.task else {}).items()
            },
        }
    )


@router.get("/{name}/example", responses={200: {"model": Example}, **errors(404, 422, 504)})
async def get_example(
    request: Request, name: str, seed: int = 1, version: int | None = None
) -> Response:
    """A body that POST /predict accepts as it is; further parameters are the task's sizes."""
    context = context_of(request)
    model = context.models.get(name, version)
    task = task_of(model)
    sizes = sizes_of(request, task)
    if not 0 <= seed < 2**63:
        raise ServiceError(f"seed should be from 0 to {2**63 - 1}, got {seed}")
    episode, needed, said = await context.examples.draw(
        task, model.signature, seed, sizes, context.settings.request_timeout
    )
    if len(episode.inputs) > context.settings.max_steps:
        raise ServiceError(
            f"such an example has {len(episode.inputs)} steps, the service takes at most "
            f"{context.settings.max_steps}"
        )
    taken = len(episode.inputs) if model.signature.slot_a_step else 0
    slots = slots_for(model, max(taken, needed), context)
    target = [
        None if np.isnan(row).all() else [None if np.isnan(v) else v for v in row.tolist()]
        for row in episode.targets[:, 0]
    ]
    return respond(
        {
            "model": model.name,
            "version": model.version,
            "memory_slots": slots,
            "sequence": np.ascontiguousarray(episode.inputs[:, 0]),
            "target": target,
            **({"words": said} if said else {}),
        }
    )


def task_of(model: LoadedModel) -> Task:
    """The task that examples are of.

    Raises:
        NoExample: it is not known here
    """
    if model.task is None:
        raise NoExample(f"model {model.name} has no examples: {model.description.why_unknown()}")
    return model.task


def sizes_of(request: Request, task: Task) -> dict[str, int]:
    """The task sizes in a query, completed and checked.

    Raises:
        ServiceError: a size is unknown, no integer, or out of its bounds
    """
    sizes: dict[str, int] = {}
    for name, value in request.query_params.items():
        if name in ("seed", "version"):
            continue
        try:
            sizes[name] = int(value)
        except ValueError:
            raise ServiceError(f"{name:.40} should be an integer, got '{value:.40}'") from None
    try:
        return task.complete(sizes)
    except ValueError as error:
        raise ServiceError(f"{error}") from None


def slots_for(model: LoadedModel, needed: int, context: Context) -> int:
    """The model's own N, or the next power of two that holds the slots an example needs.

    Raises:
        ServiceError: the service does not allow that many
    """
    own = model.signature.memory_slots
    if needed <= own or model.signature.fixed_slots is not None:
        return own
    slots = 1 << (needed - 1).bit_length()
    if slots > context.settings.max_memory_slots:
        raise ServiceError(
            f"such an example needs {slots} memory slots, the service allows "
            f"{context.settings.max_memory_slots}"
        )
    return slots


def summary(model: LoadedModel, versions: list[int]) -> dict[str, Any]:
    """What a list shows of a model."""
    return {
        "name": model.name,
        "version": model.version,
        "versions": versions,
        "task": model.description.task_name,
        "architecture": model.description.architecture,
        "input_size": model.signature.input_size,
        "output_size": model.signature.output_size,
        "memory_slots": model.signature.memory_slots,
        "vocabulary_size": None if model.vocabulary is None else len(model.vocabulary.words),
        "heads": {"read": model.signature.read_heads, "write": model.signature.write_heads},
        "engine": model.engine.name,
        "device": model.engine.device,
    }


def stories_of(model: LoadedModel) -> dict[str, tuple[str, ...]]:
    """Stories of its task that it knows all words of, by title."""
    vocabulary = model.vocabulary
    if model.task is None or vocabulary is None:
        return {}
    told = model.task.stories
    return {title: text for title, text in told.items() if not vocabulary.unknown(text)}


def card_of(model: LoadedModel) -> str | None:
    """The model card, if there is one."""
    try:
        return read_file(model.folder.card).decode(errors="replace")
    except RepositoryError:
        return None


def evaluation_of(model: LoadedModel) -> dict[str, Any] | None:
    """What `ntm eval` measured, if it did."""
    try:
        return read_json(model.folder.evaluation)
    except RepositoryError:
        return None
