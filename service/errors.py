"""Every error a client can meet, with its status and code. Nothing else decides on a status."""

import orjson

GRPC_STATUS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class ServiceError(Exception):
    """An error sent to the client as `{"error": <message>, "code": <code>}`."""

    status = 422
    code = "invalid_request"

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @property
    def grpc_status(self) -> str:
        """The name of its status over gRPC."""
        return GRPC_STATUS.get(self.status, "INVALID_ARGUMENT")


class MalformedBody(ServiceError):
    status, code = 400, "malformed_body"


class Unauthorized(ServiceError):
    status, code = 401, "unauthorized"


class Forbidden(ServiceError):
    """The key is known, and may not do that."""

    status, code = 403, "forbidden"


class TooManyRequests(ServiceError):
    """A key has been used more often than its rate."""

    status, code = 429, "rate_exceeded"


class NotFound(ServiceError):
    status, code = 404, "not_found"


class UnknownModel(NotFound):
    code = "unknown_model"


class UnknownVersion(NotFound):
    code = "unknown_version"


class NoExample(NotFound):
    """The model's task is not known here."""

    code = "no_example"


class UnknownTrace(NotFound):
    code = "unknown_trace"


class Unreplayable(ServiceError):
    """The trace is there, but what it recorded cannot be computed again here."""

    status, code = 409, "unreplayable"


class UnknownSession(NotFound):
    code = "unknown_session"


class WrongPosition(ServiceError):
    """A session's piece that is neither the next one nor the last one again."""

    status, code = 409, "wrong_position"


class SessionModelGone(ServiceError):
    """The session is there, but the model version that it runs on is not."""

    status, code = 409, "model_gone"


class BodyTooLarge(ServiceError):
    status, code = 413, "body_too_large"


class ResponseTooLarge(ServiceError):
    status, code = 413, "response_too_large"


class StateTooLarge(ServiceError):
    status, code = 413, "state_too_large"


class InterventionsTooLarge(ServiceError):
    status, code = 413, "interventions_too_large"


class UnsupportedMediaType(ServiceError):
    status, code = 415, "unsupported_media_type"


class UnsupportedContentEncoding(UnsupportedMediaType):
    code = "unsupported_content_encoding"


class NotComparable(ServiceError):
    """Two traces of models or memories of different sizes."""

    code = "not_comparable"


class UnknownThreshold(ServiceError):
    code = "unknown_threshold"


class UnknownField(ServiceError):
    code = "unknown_field"


class UnknownInclude(ServiceError):
    code = "unknown_include"


class EmptySequence(ServiceError):
    code = "empty_sequence"


class RaggedSequence(ServiceError):
    code = "ragged_sequence"


class WrongWidth(ServiceError):
    code = "wrong_width"


class WrongTarget(ServiceError):
    code = "wrong_target"


class WrongIntervention(ServiceError):
    code = "wrong_intervention"


class NotFinite(ServiceError):
    code = "not_finite"


class TooManySteps(ServiceError):
    code = "too_many_steps"


class MemorySlotsOutOfRange(ServiceError):
    code = "memory_slots_out_of_range"


class NoVocabulary(ServiceError):
    """A text for a model that takes numbers only."""

    code = "no_vocabulary"


class UnknownWord(ServiceError):
    code = "unknown_word"


class NoQuestion(ServiceError):
    code = "no_question"


class WrongDatatype(ServiceError):
    code = "wrong_datatype"


class WrongShape(ServiceError):
    code = "wrong_shape"


class UnknownTensor(ServiceError):
    code = "unknown_tensor"


class MissingTensor(ServiceError):
    code = "missing_tensor"


class UnsupportedParameter(ServiceError):
    code = "unsupported_parameter"


class BatchTooLarge(ServiceError):
    code = "batch_too_large"


class QueueFull(ServiceError):
    status, code = 503, "queue_full"


class Overloaded(ServiceError):
    """Requests come faster than they can be read."""

    status, code = 503, "overloaded"


class SessionsFull(ServiceError):
    """There is no room for one more session, or for more of one."""

    status, code = 503, "sessions_full"


class StoreUnavailable(ServiceError):
    status, code = 503, "store_unavailable"


class NoReplica(ServiceError):
    """On a cluster: none of the model's replicas can be reached."""

    status, code = 503, "no_replica"


class Draining(ServiceError):
    status, code = 503, "draining"


class ClientGone(ServiceError):
    """Nobody reads this any more; it is for the count."""

    status, code = 499, "client_gone"


class DeadlineExceeded(ServiceError):
    status, code = 504, "deadline_exceeded"


def status_of(error: ServiceError, path: str) -> int:
    """The status that an error gets: the Open Inference Protocol knows 400 where we say 422."""
    return 400 if error.status == 422 and path.startswith("/v2") else error.status


def error_body(message: str, code: str) -> bytes:
    """The one shape of an error."""
    return orjson.dumps({"error": message, "code": code})
