"""The methods of the protocol: each takes a message and a context, and returns a message."""

from collections.abc import Awaitable, Callable

from starlette.types import Scope

from service.api import inference, repository
from service.api.context import Context
from service.contract.checks import Prediction
from service.contract.open_inference import answers
from service.contract.open_inference.requests import InferRequest
from service.errors import NotFound
from service.grpc.messages import Message, message
from service.grpc.tensors import request_of, response_of
from service.http.offload import convert
from service.http.roles import refuse_unless_operator
from service.memory import LONG_ANSWER, take
from service.models.served import LoadedModel

Method = Callable[[Context, Scope, Message], Awaitable[Message]]

ServerLiveResponse = message("ServerLiveResponse")
ServerReadyResponse = message("ServerReadyResponse")
ModelReadyResponse = message("ModelReadyResponse")
ServerMetadataResponse = message("ServerMetadataResponse")
ModelMetadataResponse = message("ModelMetadataResponse")
RepositoryIndexResponse = message("RepositoryIndexResponse")
RepositoryModelLoadResponse = message("RepositoryModelLoadResponse")
RepositoryModelUnloadResponse = message("RepositoryModelUnloadResponse")

SERIALIZED = 2  # copies of an answer's tensors: in the message, and in its bytes


async def server_live(context: Context, scope: Scope, request: Message) -> Message:
    """It answers."""
    return ServerLiveResponse(live=True)


async def server_ready(context: Context, scope: Scope, request: Message) -> Message:
    """Whether requests are taken; not any more once the service is shutting down."""
    return ServerReadyResponse(ready=not context.work.draining)


async def model_ready(context: Context, scope: Scope, request: Message) -> Message:
    """Whether a model takes requests; one that is not there does not."""
    try:
        inference.find(context.models, request.name, request.version or None)
    except NotFound:
        return ModelReadyResponse(ready=False)
    return ModelReadyResponse(ready=not context.work.draining)


async def server_metadata(context: Context, scope: Scope, request: Message) -> Message:
    """Name, version and extensions of the server."""
    return ServerMetadataResponse(**inference.server_facts())


async def model_metadata(context: Context, scope: Scope, request: Message) -> Message:
    """A model's versions and tensors; -1 stands for sizes that a request chooses."""
    model = inference.find(context.models, request.name, request.version or None)
    platform, _ = inference.PLATFORMS[model.engine.name]
    versions = context.models.versions(model.name)
    return ModelMetadataResponse(
        **answers.model_metadata(
            model.name,
            versions,
            platform,
            model.signature,
            speaks=model.vocabulary is not None,
        )
    )


async def model_infer(context: Context, scope: Scope, request: Message) -> Message:
    """Run a sequence, or a batch of sequences."""
    model = inference.find(context.models, request.model_name, request.model_version or None)
    scope["state"]["model"] = model.name
    size = request.ByteSize()
    asked, predictions = await convert(size, understand, request, model, context)
    remaining: float | None = scope["state"].get("remaining")
    if remaining is not None:
        asked = asked._replace(timeout=min(remaining, asked.timeout or remaining))
    facts, tensors, _ = await inference.infer(context, model, asked, predictions)
    size = sum(tensor.nbytes for tensor in tensors.values())
    if size > LONG_ANSWER:  # of shorter ones more has been counted
        take("answers", SERIALIZED * size)
    return await convert(size, response_of, facts, asked.wanted, tensors)


def understand(
    request: Message, model: LoadedModel, context: Context
) -> tuple[InferRequest, list[Prediction]]:
    """What a message asks, and its checked sequences."""
    speaks = model.vocabulary is not None
    return inference.understood(request_of(request, model.signature, speaks=speaks), model, context)


async def repository_index(context: Context, scope: Scope, request: Message) -> Message:
    """Every version in the repository, and why one is not served."""
    return RepositoryIndexResponse(models=repository.index(context, request.ready))


async def load_model(context: Context, scope: Scope, request: Message) -> Message:
    """Serve a model, or look again at one that is served; for keys with the role `operate`."""
    refuse_unless_operator(scope)
    repository.refuse_parameters(dict(request.parameters))
    await repository.load(context, request.model_name)
    return RepositoryModelLoadResponse()


async def unload_model(context: Context, scope: Scope, request: Message) -> Message:
    """Serve a model no more; for keys with the role `operate`."""
    refuse_unless_operator(scope)
    repository.refuse_parameters(dict(request.parameters))
    await repository.unload(context, request.model_name)
    return RepositoryModelUnloadResponse()


METHODS: dict[str, Method] = {
    "ServerLive": server_live,
    "ServerReady": server_ready,
    "ModelReady": model_ready,
    "ServerMetadata": server_metadata,
    "ModelMetadata": model_metadata,
    "ModelInfer": model_infer,
    "RepositoryIndex": repository_index,
    "RepositoryModelLoad": load_model,
    "RepositoryModelUnload": unload_model,
}
STREAMS: dict[str, Method] = {"ModelStreamInfer": model_infer}  # one answer a message
