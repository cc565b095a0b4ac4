"""Words in, words out: texts as sequences for models with a vocabulary, outputs as answers."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ntm.answers import answers_of, as_json
from ntm.interventions.edits import Edits
from ntm.signature import Signature
from ntm.vocabulary import Asked, UnknownWords, Vocabulary, is_question
from service import errors
from service.contract import checks, schemas
from service.contract.encodings import Tensors
from service.contract.long_arrays import LongArray
from service.contract.schemas import PieceRequest, PredictRequest, Rows
from service.memory import take
from service.settings import Settings

ATTENTION = "read_weightings"
NUMBERS_ONLY = "this model has no vocabulary: it takes a sequence of numbers"
NO_HOPS = "no hops: interventions changed what the slots hold, which need not be the sentences told"
SLOTS = 64  # a text that needs more slots than the model's own gets a multiple of so many

Text = Annotated[
    list[Annotated[str, Field(strict=True)]],
    Field(description="sentences, and questions, which end with a question mark"),
]
NoRows = Annotated[SkipJsonSchema[Rows], Field(default_factory=list)]


class TextRequest(PredictRequest):
    """The body of POST /predict with words in place of numbers."""

    text: Text
    sequence: NoRows


class TextPieceRequest(PieceRequest):
    """The body of POST /sessions/{session_id}/steps with words in place of numbers."""

    text: Text
    sequence: NoRows


class Spoken(NamedTuple):
    """A text on its way to a model."""

    vocabulary: Vocabulary
    text: tuple[str, ...]
    asked: Asked


def is_text(told: dict[str, Any]) -> bool:
    """Whether a body speaks in words.

    Raises:
        ServiceError: in words and in numbers
    """
    if "text" in told and "sequence" in told:
        raise errors.ServiceError("text takes the place of sequence: send one of them")
    return "text" in told


def parse_request(told: dict[str, Any]) -> TextRequest:
    """The body of a prediction, as an object that has a text."""
    return schemas.validate(TextRequest, plain(told))


def parse_piece(body: bytes) -> PieceRequest:
    """The body of a session's piece, in words or in numbers."""
    told = schemas.load(body)
    if is_text(told):
        return schemas.validate(TextPieceRequest, plain(told))
    return schemas.validate(PieceRequest, told)


def plain(told: dict[str, Any]) -> dict[str, Any]:
    """The same with the text as a list, also where it is long."""
    text = told["text"]
    return {**told, "text": text.to_list()} if isinstance(text, LongArray) else told


def encode(text: Sequence[str], vocabulary: Vocabulary | None, settings: Settings) -> Spoken:
    """A text as steps.

    Raises:
        NoVocabulary, UnknownWord, EmptySequence, TooManySteps
        ServiceError: a sentence has no words; there is no room for its steps
    """
    if vocabulary is None:
        raise errors.NoVocabulary(NUMBERS_ONLY)
    steps = checks.check_steps("text", vocabulary.steps(text), settings)
    take("bodies", 4 * steps * vocabulary.input_size)
    try:
        return Spoken(vocabulary, tuple(text), vocabulary.encode(text))
    except UnknownWords as error:
        raise errors.UnknownWord(str(error)) from None
    except ValueError as error:
        raise errors.ServiceError(f"text: {error}") from None


def ask(text: Sequence[str], vocabulary: Vocabulary | None, settings: Settings) -> Spoken:
    """A text that asks something, as steps.

    Raises:
        NoQuestion: it has no question
        ServiceError: as `encode`
    """
    spoken = encode(text, vocabulary, settings)
    if not spoken.asked.questions:
        raise errors.NoQuestion("text should have a question: a sentence with a question mark")
    return spoken


def slots_for(spoken: Spoken, signature: Signature) -> int | None:
    """N for a text where nobody asks for one: the model's own, or more if it has more sentences."""
    needed = len(spoken.asked.sentences)
    if signature.slots_hold != "sentences" or needed <= signature.memory_slots:
        return None
    return -(-needed // SLOTS) * SLOTS


def slots_are_unknown(edits: Edits | None) -> bool:
    """Whether a slot may hold something else than the sentence that was told for it."""
    return edits is not None and edits.changes_slots


def kept(include: Sequence[str], signature: Signature) -> list[str]:
    """The fields to keep of a run so that answers can be told beside what is included."""
    return [*include, ATTENTION] if signature.slots_hold == "sentences" else [*include]


def answers(
    spoken: Spoken, outputs: NDArray[np.float32], values: Tensors, before: Sequence[str] = ()
) -> dict[str, Any]:
    """What is answered to a text: to its last question, and to all where there are several.

    Args:
        spoken: the text
        outputs: [T, output_size]
        values: the weightings that were kept, by side
        before: sentences that were heard before
    """
    weightings = values.get(ATTENTION)
    attention = None if weightings is None else weightings.mean(axis=1)
    given = answers_of(spoken.vocabulary, spoken.text, spoken.asked, outputs, attention, before)
    told = [as_json(answer) for answer in given]
    if not told:
        return {}
    facts = {name: value for name, value in told[-1].items() if name != "question"}
    return facts | ({"answers": told} if len(told) > 1 else {})


def answered(spoken: Spoken, outputs: NDArray[np.float32]) -> list[str]:
    """The most probable answer to every question of a text, from its outputs [T, output_size]."""
    given = answers_of(spoken.vocabulary, spoken.text, spoken.asked, outputs, None)
    return [one.answer for one in given]


def heard_in(inputs: NDArray[np.float32], vocabulary: Vocabulary) -> list[str]:
    """The sentences of earlier steps [T, input_size], in their order."""
    told = [vocabulary.sentence(row) for row in inputs if row[:-1].any() and row[-1] <= 0.5]
    return [f"{sentence[:1].upper()}{sentence[1:]}." for sentence in told]


def asks(request: TextPieceRequest) -> bool:
    """Whether a session's piece has a question."""
    return any(map(is_question, request.text))


def spoken(text: Sequence[str], vocabulary: Vocabulary | None) -> Spoken:
    """A text that was encoded before, once more.

    Raises:
        NoVocabulary
    """
    if vocabulary is None:
        raise errors.NoVocabulary(NUMBERS_ONLY)
    return Spoken(vocabulary, tuple(text), vocabulary.encode(text))


def steps_of_piece(request: PieceRequest, vocabulary: Vocabulary | None, settings: Settings) -> Any:
    """The steps of a session's piece, in words or in numbers.

    Raises:
        ServiceError: as `encode`
    """
    if not isinstance(request, TextPieceRequest):
        return request.sequence
    return encode(request.text, vocabulary, settings).asked.inputs


def kept_of_piece(request: PieceRequest, signature: Signature) -> list[str]:
    """The fields to keep of a piece's run; see `kept`."""
    if isinstance(request, TextPieceRequest) and asks(request):
        return kept(request.include, signature)
    return [*request.include]
