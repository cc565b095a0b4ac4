"""Stages in the OpenAPI document: fields of answers, and of `include`, by the models served."""

from collections.abc import Iterable
from typing import Any

from ntm.runs.record import name_on, stages_in_traces
from ntm.signature import MEMORY, SIDES, Signature, Stage
from service.contract.fields import GENERAL

ANSWERS = ("Trace", "Predicted", "Fed")  # schemas of answers that tell stages
BODIES = ("/predict", "/sessions/{session_id}/steps")  # requests that include them
HEADS = {"heads": "H", "read": "R", "write": "W"}

Schema = dict[str, Any]


def with_stages(document: Schema, signatures: Iterable[Signature]) -> Schema:
    """The document with the stages of these models; a model tells those of its own."""
    known = list(signatures)
    fields = properties(known)
    schemas = dict(document["components"]["schemas"])
    for name in ANSWERS:
        answer = schemas[name]
        schemas[name] = {**answer, "properties": {**answer["properties"], **fields}}
    components = {**document["components"], "schemas": schemas}
    paths = {**document["paths"], **{path: including(document, path, known) for path in BODIES}}
    return {**document, "components": components, "paths": paths}


def properties(signatures: Iterable[Signature]) -> Schema:
    """What an answer may tell of a run: weightings, groups of stages, the memory."""
    shapes: dict[str, dict[str, int]] = {}  # how each tensor is described, and its axes
    for signature in signatures:
        for name, axes in axes_by_name(signature).items():
            text = "".join(f"[{axis}]" for axis in axes)
            shapes.setdefault(name, {})[text] = len(axes)
    found: Schema = {}
    for name in sorted(shapes, key=place):
        *outer, last = name.split(".")
        inside = found
        for part in outer:
            group = inside.setdefault(part, {"type": "object", "properties": {}})
            inside = group["properties"]
        inside[last] = tensor(shapes[name])
    return found


def place(name: str) -> int:
    """Where a field comes in an answer."""
    return GENERAL.index(name.partition(".")[0])


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
    depths = sorted(set(shapes.values()))
    kinds = [nested(depth) for depth in depths]
    schema = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {**schema, "description": " or ".join(shapes)}


def nested(depth: int) -> Schema:
    """Numbers in as many arrays."""
    return {"type": "array", "items": nested(depth - 1)} if depth else {"type": "number"}


def including(document: Schema, path: str, signatures: Iterable[Signature]) -> Schema:
    """A path whose body names fields, with their names."""
    stages = (stage.name for signature in signatures for stage in signature.stages)
    names = list(dict.fromkeys((*GENERAL, *stages)))
    post = document["paths"][path]["post"]
    content = dict(post["requestBody"]["content"])
    schema = content["application/json"]["schema"]
    include = {**schema["properties"]["include"], "items": {"type": "string", "enum": names}}
    schema = {**schema, "properties": {**schema["properties"], "include": include}}
    content["application/json"] = {**content["application/json"], "schema": schema}
    body = {**post["requestBody"], "content": content}
    return {**document["paths"][path], "post": {**post, "requestBody": body}}
