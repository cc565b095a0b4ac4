"""What the OpenAPI document says of this deployment: its keys, its path, the sizes of its tasks."""

from collections.abc import Iterable
from typing import Any

from fastapi.security import APIKeyHeader, HTTPBearer

from ntm.tasks import Size
from service.http.keys import OPEN_PATHS
from service.models.served import LoadedModel

EXAMPLE = "/models/{name}/example"

# What service/http/keys.py reads; there before a request is, they are only described here.
SCHEMES = {"bearer": HTTPBearer(), "api_key": APIKeyHeader(name="X-API-Key")}


def with_keys(document: dict[str, Any]) -> dict[str, Any]:
    """Every operation needs one of the two headers, except for the probes."""
    schemes = {
        name: scheme.model.model_dump(mode="json", by_alias=True, exclude_none=True)
        for name, scheme in SCHEMES.items()
    }
    components = {**document.get("components", {}), "securitySchemes": schemes}
    paths = {
        path: {method: {**told, "security": []} for method, told in methods.items()}
        if path in OPEN_PATHS
        else methods
        for path, methods in document["paths"].items()
    }
    security: list[dict[str, list[str]]] = [{name: []} for name in schemes]
    return {**document, "components": components, "paths": paths, "security": security}


def with_root_path(document: dict[str, Any], root_path: str) -> dict[str, Any]:
    """Where a proxy offers the service."""
    return {**document, "servers": [{"url": root_path}]}


def with_sizes(document: dict[str, Any], models: Iterable[LoadedModel]) -> dict[str, Any]:
    """The sizes of an example, by the tasks that are served; each model takes those of its own."""
    found: dict[str, dict[str, Size]] = {}
    for task in (model.task for model in models if model.task):
        for name, size in task.sizes.items():
            found.setdefault(name, {})[task.name] = size
    example = document["paths"][EXAMPLE]
    sizes = [parameter(name, tasks) for name, tasks in sorted(found.items())]
    get = {**example["get"], "parameters": [*example["get"]["parameters"], *sizes]}
    return {**document, "paths": {**document["paths"], EXAMPLE: {**example, "get": get}}}


def parameter(name: str, tasks: dict[str, Size]) -> dict[str, Any]:
    """One size that some tasks have."""
    meanings = "; ".join(
        f"{task}: {size.meaning}, {size.low} to {size.high}, else {size.default}"
        for task, size in sorted(tasks.items())
    )
    bounds = {
        "minimum": min(size.low for size in tasks.values()),
        "maximum": max(size.high for size in tasks.values()),
    }
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": meanings,
        "schema": {"type": "integer", **bounds},
    }
