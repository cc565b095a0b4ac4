"""Request bodies in the OpenAPI document by name: generated clients have a class for each."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

JSON = "application/json"


def with_named_bodies(document: Schema) -> Schema:
    """The document with every JSON body among the schemas, under its title.

    A body that has one of several fields becomes one of several bodies, each with its own field.
    """
    schemas = dict(document["components"]["schemas"])
    paths = {
        path: {method: _named(operation, schemas) for method, operation in methods.items()}
        for path, methods in document["paths"].items()
    }
    return {
        **document,
        "paths": paths,
        "components": {**document["components"], "schemas": schemas},
    }


def resolved(schema: Schema, schemas: dict[str, Schema]) -> Schema:
    """A body's schema with what it names in its place."""
    if "oneOf" in schema:
        return {**schema, "oneOf": [resolved(each, schemas) for each in schema["oneOf"]]}
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _named(operation: Schema, schemas: dict[str, Schema]) -> Schema:
    """An operation whose JSON body, where it has one, is told by reference into `schemas`."""
    body = operation.get("requestBody")
    if body is None or "title" not in (schema := body["content"][JSON]["schema"]):
        return operation
    references = []
    for alternative in _alternatives(schema):
        schemas[alternative["title"]] = alternative
        references.append({"$ref": f"#/components/schemas/{alternative['title']}"})
    named = references[0] if len(references) == 1 else {"oneOf": references}
    content = {**body["content"], JSON: {"schema": named}}
    return {**operation, "requestBody": {**body, "content": content}}


def _alternatives(schema: Schema) -> Iterator[Schema]:
    """The schemas that it is one of; `PieceRequest` and `TextPieceRequest` for example."""
    fields = [each["required"][0] for each in schema.get("oneOf", ())]
    if not fields:
        yield schema
    for at, field in enumerate(fields):
        others = {"oneOf", "title", "properties", "required"}
        yield {
            **{name: value for name, value in schema.items() if name not in others},
            "title": f"{field.capitalize() if at else ''}{schema['title']}",
            "properties": {
                name: value
                for name, value in schema["properties"].items()
                if name == field or name not in fields
            },
            "required": [*schema.get("required", ()), field],
        }
