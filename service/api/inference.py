"""Inference of the Open Inference Protocol v2: what REST and gRPC have in common.

A batch [B, T, I] runs as B sequences of their own; the parameter `trace_id` of its answer lists
their traces in order, separated by commas.
"""

import asyncio
from collections.abc import Sequence
from importlib.metadata import version as version_of
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm.evaluation.reach import slots_warning
from service.api import sequences
from service.api.context import Context
from service.api.recording import Recording
from service.contract import checks, fields, words
from service.contract.checks import Prediction
from service.contract.encodings import Tensors
from service.contract.open_inference.requests import InferRequest
from service.contract.open_inference.texts import ANSWER, as_tensor
from service.errors import (
    BatchTooLarge,
    ResponseTooLarge,
    StoreUnavailable,
    TooManySteps,
    UnknownVersion,
)
from service.memory import take_for_answer
from service.models.served import LoadedModel, Models
from service.scheduling.walk import Segment, Terms, Walk, Walked

PLATFORMS = {  # and backends, in the words of Triton
    "onnx": ("onnxruntime_onnx", "onnxruntime"),
    "native": ("ntm_native", "native"),
    "torchscript": ("pytorch_libtorch", "pytorch"),
}
EXTENSIONS = (
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "parameters",
    "sequence",
    "statistics",
)


def server_facts() -> dict[str, Any]:
    """Name, version and extensions of the server."""
    return {
        "name": "ntm",
        "version": version_of("neural-turing-machine"),
        "extensions": EXTENSIONS,
    }


def find(models: Models, name: str, version: str | None) -> LoadedModel:
    """The model of a name, and of a version as clients write it; without one the highest.

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


class Inferred(NamedTuple):
    """An answer before it is encoded."""

    facts: dict[str, Any]  # all but its tensors
    tensors: Tensors
    stored: bool  # False where a trace should be, and the store cannot be reached


async def infer(
    context: Context, model: LoadedModel, request: InferRequest, predictions: list[Prediction]
) -> Inferred:
    """Compute the sequences of a checked request, and store their traces."""
    if request.part is not None:
        parameters, outputs = await sequences.feed(context, model, request, request.part)
        return Inferred({**named(request, model), "parameters": parameters}, outputs, stored=True)
    recorded = predictions if request.record else []
    recordings = [Recording(context.trace_writer, model, each, ()) for each in recorded]
    walked = await walk_all(request, predictions, recordings, model, context)
    trace_ids: list[str] = []
    stored = True
    try:
        trace_ids = [
            await each.trace_id(one) for each, one in zip(recordings, walked, strict=False)
        ]
    except StoreUnavailable:
        stored = False
    facts = facts_of(request, predictions[0], model, trace_ids)
    return Inferred(facts, join(request, walked, model), stored)


def understood(
    request: InferRequest, model: LoadedModel, context: Context
) -> tuple[InferRequest, list[Prediction]]:
    """A request with its text, if it has one, as steps; and its checked sequences."""
    if request.text is not None:
        request = as_steps(request, request.text, model, context)
    return request, check(request, model, context)


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
    return asked._replace(sequences=spoken.asked.inputs[None], memory_slots=slots)


def check(asked: InferRequest, model: LoadedModel, context: Context) -> list[Prediction]:
    """The sequences of a request, checked against its model; a part is when its session is known.

    Raises:
        BatchTooLarge: more sequences than run together, or none
        ResponseTooLarge: the answer could not be sent
        ServiceError: another that says what is wrong
    """
    settings, told = context.settings, model.signature
    if asked.part is not None:
        return []
    batch = len(asked.sequences)
    if not 1 <= batch <= settings.max_batch:
        raise BatchTooLarge(
            f"sequence should hold 1 to {settings.max_batch} sequences, got {batch}"
        )
    checked = checks.check_sequence("sequence", asked.sequences, told.input_size, settings)
    steps = checked.shape[1]
    lengths = asked.lengths or (steps,) * batch
    if batch > 1 and sum(lengths) > settings.max_queued_steps:
        raise TooManySteps(
            f"a batch should have at most {settings.max_queued_steps} steps in all, "
            f"got {sum(lengths)} in {batch} sequences"
        )
    slots = checks.check_slots(asked.memory_slots, told, settings)
    checks.check_length(max(lengths), slots, told)
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
    return [
        Prediction(sequence[:length], None, slots)
        for sequence, length in zip(checked, lengths, strict=True)
    ]


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
    timeout, together = min(limit, asked.timeout or limit), len(predictions) > 1
    batch_end = context.trace_writer.store_batch if recordings else None
    walks = [
        model.scheduler.walk(
            Walk(each.sequence, each.memory_slots, [Segment("predict", len(each.sequence), keep)]),
            Terms(timeout, together=together, batch_end=batch_end, tag=recording),
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
    """The tensors of all sequences, with the batch axis if they came with it.

    Rows that end early are 0 from there on.
    """
    joined: Tensors = {}
    for wanted in asked.wanted:
        rows: list[Any] = [
            one.outputs if wanted.name == "outputs" else one.values.get(wanted.name)
            for one in walked
        ]
        if wanted.name == ANSWER:
            spoken = words.spoken(asked.text or (), model.vocabulary)
            rows = [as_tensor(words.answered(spoken, one.outputs)) for one in walked]
        if asked.lengths is not None:
            rows = [padded(row, asked.sequences.shape[1]) for row in rows]
        alone = rows[0][None] if asked.batched else rows[0]
        joined[wanted.name] = alone if len(rows) == 1 else np.stack(rows)
    return joined


def padded(row: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """A row with 0 at the steps that it does not have."""
    whole = np.zeros((steps, *row.shape[1:]), row.dtype)
    whole[: len(row)] = row
    return whole


def named(request: InferRequest, model: LoadedModel) -> dict[str, Any]:
    """What an answer is to, and of what."""
    facts: dict[str, Any] = {"model_name": model.name, "model_version": str(model.version)}
    if request.id is not None:
        facts["id"] = request.id
    return facts


def facts_of(
    asked: InferRequest, prediction: Prediction, model: LoadedModel, kept: list[str]
) -> dict[str, Any]:
    """The answer without its tensors."""
    parameters: dict[str, Any] = {"memory_slots": prediction.memory_slots}
    if warning := slots_warning(prediction.memory_slots, model.verified_slots):
        parameters["warning"] = warning
    if kept:
        parameters["trace_id"] = ",".join(kept)
    return {**named(asked, model), "parameters": parameters}
