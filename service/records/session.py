"""A session: a sequence fed piece by piece, its state kept between the pieces.

The pieces give bit for bit what one request gives. The state before the last piece is kept too, so
that a client that did not get its answer can send the piece again and gets the same one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ntm.signature import State
from service import ids
from service.engines import EngineUnavailable
from service.errors import SessionModelGone, UnknownModel, UnknownVersion, WrongPosition
from service.models.served import LoadedModel, Models
from service.records.digests import digest_of, is_digest_of
from service.scheduling.walk import Walked

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Piece:
    """A stretch of a session that has been answered."""

    position: int  # its first step
    steps: int
    inputs_digest: str
    outputs_digest: str


@dataclass(frozen=True)
class Session:
    """A session as it is stored; a state of None is the model's initial one."""

    session_id: str
    model: str
    version: int
    model_digest: str
    engine: str
    memory_slots: int
    created_at: float
    used_at: float
    position: int = 0  # the next step
    last: Piece | None = None
    before: State | None = None  # the state before the last piece
    state: State | None = None  # the state now


def begin(model: LoadedModel, slots: int, now: float) -> Session:
    """A new session at step 0."""
    return Session(
        session_id=ids.token(12),
        model=model.name,
        version=model.version,
        model_digest=model.digest,
        engine=model.engine.name,
        memory_slots=slots,
        created_at=now,
        used_at=now,
    )


async def model_of(session: Session, models: Models) -> LoadedModel:
    """The model that a session runs on.

    Raises:
        SessionModelGone: the version is not served any more, or another one by its number, or not
            on the engine that computed it so far
    """
    told = f"session {session.session_id} runs on {session.model}/{session.version}"
    try:
        model = models.get(session.model, session.version)
    except (UnknownModel, UnknownVersion):
        raise SessionModelGone(f"{told}, which is not served any more") from None
    if model.digest != session.model_digest:
        raise SessionModelGone(f"{told}, of which other files are served now")
    try:
        return await models.on_engine(model, session.engine)
    except EngineUnavailable as error:
        raise SessionModelGone(f"{told} on engine {session.engine}: {error}") from None


def is_repeated(session: Session, position: int | None, sequence: Array) -> bool:
    """Whether a piece is the last one sent again; False where it is the next one.

    Raises:
        WrongPosition: it is neither
    """
    if position is None or position == session.position:
        return False
    last = session.last
    if last is None or position != last.position:
        retry = "" if last is None else f", or {last.position} to repeat the last piece"
        raise WrongPosition(f"position should be {session.position}{retry}, got {position}")
    if len(sequence) != last.steps or not is_digest_of(last.inputs_digest, sequence):
        raise WrongPosition(
            f"position {position} was answered for another sequence of {last.steps} steps; "
            f"the next position is {session.position}"
        )
    return True


def piece_of(position: int, sequence: Array, walked: Walked) -> Piece:
    """The record of a piece that has just been computed."""
    return Piece(position, len(sequence), digest_of(sequence), digest_of(walked.outputs))
