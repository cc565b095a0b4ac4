"""Answers of the Open Inference Protocol v2."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Exact(BaseModel):
    """An answer with these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class ServerModel(Exact):
    name: str
    version: str
    engine: str
    device: str


class Compiling(Exact):
    """What the native engine needs once a machine; until it is ready the onnx engine answers."""

    state: Literal["ready", "compiling", "failed", "not_compiled"]
    seconds: float | None = Field(description="that it took, or has taken so far")


class ServerMetadata(Exact):
    name: str
    version: str
    extensions: list[str]
    models: list[ServerModel]
    native: Compiling


class TensorMetadata(Exact):
    name: str
    datatype: Literal["FP32", "BYTES"]
    shape: list[int] = Field(description="-1 where a request chooses")


class ModelMetadata(Exact):
    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerLive(Exact):
    live: bool


class ServerReady(Exact):
    ready: bool


class ModelReady(Exact):
    name: str
    ready: bool


class TensorConfig(Exact):
    name: str
    data_type: Literal["TYPE_FP32"]
    dims: list[int] = Field(description="without the batch axis")


class ModelConfig(Exact):
    name: str
    platform: str
    backend: str
    max_batch_size: int = Field(ge=1)
    input: list[TensorConfig]
    output: list[TensorConfig]
    dynamic_batching: dict[str, Any]
    parameters: dict[str, dict[str, str]]


class Spent(Exact):
    count: int = Field(ge=0)
    ns: int = Field(ge=0)


class InferenceStatistics(Exact):
    success: Spent
    fail: Spent
    queue: Spent = Field(description="waiting for the engine, between chunks too")
    compute_input: Spent
    compute_infer: Spent
    compute_output: Spent
    cache_hit: Spent
    cache_miss: Spent


class BatchStatistics(Exact):
    batch_size: int = Field(ge=1)
    compute_input: Spent
    compute_infer: Spent
    compute_output: Spent


class OneModelStatistics(Exact):
    name: str
    version: str
    last_inference: int = Field(description="milliseconds since the epoch")
    inference_count: int = Field(description="sequences answered")
    execution_count: int = Field(description="runs of the engine, each a chunk of steps")
    inference_stats: InferenceStatistics
    batch_stats: list[BatchStatistics]


class ModelStatistics(Exact):
    model_stats: list[OneModelStatistics]


class OutputParameters(Exact):
    binary_data_size: int = Field(ge=0)


class OutputTensor(Exact):
    name: str = Field(description="one that the model's metadata lists")
    datatype: Literal["FP32", "BYTES"]
    shape: list[int]
    parameters: OutputParameters | None = None
    data: list[float] | list[str] | None = Field(default=None, description="flat, row-major")


class AnswerParameters(Exact):
    memory_slots: int
    trace_id: str | None = Field(
        default=None, description="one id a sequence, separated by commas; absent without record"
    )


class InferAnswer(Exact):
    model_name: str
    model_version: str
    id: str | None = None
    parameters: AnswerParameters
    outputs: list[OutputTensor]
