"""Stages in the OpenAPI document: fields of answers and of `include`, and what may be pinned."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from ntm.interventions.items import field_of
from ntm.runs.record import name_on, stages_in_traces
from ntm.signature import MEMORY, SIDES, Signature, Stage
from service.contract.fields import GENERAL

ANSWERS = ("Trace", "Predicted", "Fed")  # schemas of answers that tell stages
BODIES = ("/predict", "/sessions/{session_id}/steps")  # requests that include them
TO_BODY = ("post", "requestBody", "content", "application/json", "schema", "properties")
TO_CHANGES = ("interventions", "items", "properties", "set")
HEADS = {"heads": "H", "read": "R", "write": "W"}

Schema = dict[str, Any]


def with_stages(document: Schema, signatures: Iterable[Signature]) -> Schema:
    """The document with the stages of these models; a model tells and takes those of its own."""
    known = list(signatures)
    fields = properties(known)
    schemas = dict(document["components"]["schemas"])
    for name in ANSWERS:
        answer = schemas[name]
        schemas[name] = {**answer, "properties": {**answer["properties"], **fields}}
    names = [stage.name for signature in known for stage in signature.stages]
    include = {"type": "string", "enum": list(dict.fromkeys((*GENERAL, *names)))}
    paths = dict(document["paths"])
    for path in BODIES:
        paths[path] = replaced(paths[path], (*TO_BODY, "include", "items"), include)
    changes = {"additionalProperties": False, "properties": pins(known)}
    paths["/predict"] = replaced(paths["/predict"], (*TO_BODY, *TO_CHANGES), changes)
    components = {**document["components"], "schemas": schemas}
    return {**document, "components": components, "paths": paths}


def replaced(schema: Schema, place: Sequence[str], parts: Schema) -> Schema:
    """The same with parts of what lies inside it replaced, properties added to those there."""
    if place:
        first, *rest = place
        return {**schema, first: replaced(schema[first], rest, parts)}
    added = {**schema.get("properties", {}), **parts.get("properties", {})}
    return {**schema, **parts, **({"properties": added} if added else {})}


def pins(signatures: Iterable[Signature]) -> Schema:
    """What an intervention may set a stage to."""
    forms: dict[str, dict[str, Schema]] = {}
    for signature in signatures:
        for stage in signature.pinnable:
            form = TypeAdapter[Any](field_of(stage) | None).json_schema()
            forms.setdefault(stage.name, {})[json.dumps(form)] = form
    return {name: any_of(list(found.values())) for name, found in forms.items()}


def any_of(schemas: Sequence[Schema]) -> Schema:
    """One schema, or one of several."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def properties(signatures: Iterable[Signature]) -> Schema:
    """What an answer may tell of a run: weightings, groups of stages, the memory."""
    shapes: dict[str, dict[str, int]] = {}  # how each tensor is described, and its axes
    for signature in signatures:
        for name, axes in axes_by_name(signature).items():
            text = "".join(f"[{axis}]" for axis in axes)
            shapes.setdefault(name, {})[text] = len(axes)
    return properties_of({name: tensor(told) for name, told in shapes.items()})


def properties_of(tensors: Mapping[str, Schema]) -> Schema:
    """Schemas by dotted name as nested objects; one name may be a tensor here and a group there."""
    found: dict[str, list[Schema]] = {}
    inside: dict[str, dict[str, Schema]] = {}
    for name, schema in tensors.items():
        first, _, rest = name.partition(".")
        if rest:
            inside.setdefault(first, {})[rest] = schema
        else:
            found.setdefault(first, []).append(schema)
    for first, own in inside.items():
        group = {"type": "object", "properties": properties_of(own)}
        found.setdefault(first, []).append(group)
    return {name: any_of(found[name]) for name in sorted(found, key=place)}


def place(name: str) -> int:
    """Where a field comes in an answer; single stages in the order of their table."""
    return GENERAL.index(name) if name in GENERAL else len(GENERAL)


def axes_by_name(signature: Signature) -> dict[str, list[str]]:
    """The axes of every tensor in a trace: steps T, heads H, R or W, slots N, width M."""
    found = {
        name: axes_of(signature, stage, name) for name, stage in stages_in_traces(signature).items()
    }
    return found | ({MEMORY: ["T", "N", "M"]} if signature.has_memory else {})


def axes_of(signature: Signature, stage: Stage, name: str) -> list[str]:
    """The axes of a stage's tensor."""
    sides = {name_on(side, stage): head for side, head in zip(SIDES, "RW", strict=True)}
    heads = sides.get(name, HEADS.get(stage.owner))
    inner = stage.shape[1:] if heads else stage.shape
    if stage.is_scalar:
        inner = inner[:-1]
    letters = {"slots": "N", signature.memory_width: "M"}
    return ["T", *([heads] if heads else []), *(letters.get(d, str(d)) for d in inner)]


def tensor(shapes: dict[str, int]) -> Schema:
    """Nested arrays of numbers, of one depth or of several."""
    schema = any_of([nested(depth) for depth in sorted(set(shapes.values()))])
    return {**schema, "description": " or ".join(shapes)}


def nested(depth: int) -> Schema:
    """Numbers in as many arrays."""
    return {"type": "array", "items": nested(depth - 1)} if depth else {"type": "number"}
