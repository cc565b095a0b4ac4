"""Answers that hold tensors: encoded as a whole where they are short, else while they are read."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from service.contract.encodings import ENCODERS, MEDIA_TYPES, PARTS, Tensors, effort
from service.http.exchange import Answer, Header
from service.http.offload import convert
from service.memory import LONG_ANSWER

NBYTES = attrgetter("nbytes")
# as headers have them
MEDIA = {name: media.encode() for name, media in MEDIA_TYPES.items()}


def is_long(tensors: Tensors) -> bool:
    """Whether an answer with these is encoded while it is read."""
    size: int = sum(map(NBYTES, tensors.values()))
    return size > LONG_ANSWER


async def encoded(
    kind: str, facts: dict[str, Any], tensors: Tensors, headers: Sequence[Header] = ()
) -> Answer:
    """The answer with facts and tensors.

    Args:
        kind: json or safetensors
        facts: and tensors, by name
        headers: beside length and type of the body
    """
    if is_long(tensors):
        return Answer(b"", MEDIA[kind], headers=headers, parts=PARTS[kind](facts, tensors))
    body = await convert(effort(kind, tensors), ENCODERS[kind], facts, tensors)
    return Answer(body, MEDIA[kind], headers=headers)
