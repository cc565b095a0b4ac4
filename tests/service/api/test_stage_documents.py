"""What the OpenAPI document says of stages is what answers of any architecture hold."""

from typing import Any

import jsonschema
import numpy as np
import pytest

from ntm import DNCConfig, NTMConfig
from ntm.architectures import catalogue
from ntm.architectures.lstm.config import LSTMConfig
from ntm.architectures.memory_network.config import MemoryNetworkConfig
from ntm.signature import Signature
from service.api.documents import stages as documents
from service.contract import encodings, fields

SIZES: dict[str, Any] = {"input_size": 3, "output_size": 2}
SIGNATURES = {
    "ntm": NTMConfig(**SIZES, controller_size=4, N=5, M=4, num_reads=2),
    "dnc": DNCConfig(**SIZES, controller_size=4, N=5, W=4),
    "lstm": LSTMConfig(**SIZES),
    "memory network": MemoryNetworkConfig(**SIZES, N=5),
}
KNOWN = {name: catalogue.signature_of(config) for name, config in SIGNATURES.items()}


def told(signature: Signature) -> Any:
    """Every field of a run of random numbers, as an answer tells it."""
    rng, steps, slots = np.random.default_rng(0), 2, 5

    def values(*shape: int | str) -> Any:
        sizes = [slots if size == "slots" else int(size) for size in shape]
        return rng.normal(size=(steps, *sizes)).astype(np.float32)

    recorded = {stage.name: values(*stage.shape) for stage in signature.stages}
    recorded["memory"] = values("slots", signature.memory_width)
    names = fields.of_a_run(signature)
    tensors = fields.tensors_of(signature, names, recorded)
    return encodings.merged({}, {name: tensor.tolist() for name, tensor in tensors.items()})


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("others", [[], list(KNOWN)])
def test_an_answer_holds_what_the_document_describes(name: str, others: list[str]) -> None:
    signatures = [KNOWN[each] for each in dict.fromkeys([name, *others])]
    described = {"type": "object", "properties": documents.properties(signatures)}
    answer = told(KNOWN[name])
    jsonschema.validate(answer, {**described, "additionalProperties": False})
    for field in answer:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({field: ["a word"]}, described)


def test_what_may_be_pinned_is_bounded_as_the_table_says() -> None:
    pins = documents.pins(KNOWN.values())
    assert pins.keys() == {stage.name for one in KNOWN.values() for stage in one.pinnable}
    for name, value, fits in (
        ("gate", 0.5, True), ("gate", 1.5, False), ("gate", [0.5], False),
        ("weighting", "uniform", True), ("weighting", "all", False), ("read_mode", [0, 0, 1], True),
        ("add", [0.5] * 4, True), ("add", "zero", False),
    ):  # fmt: skip
        found = jsonschema.Draft202012Validator(pins[name]).is_valid(value)
        assert found == fits, (name, value)


def test_one_name_may_be_a_tensor_of_one_model_and_a_group_of_another() -> None:
    number = {"type": "number"}
    (described,) = documents.properties_of({"reads": number, "reads.other": number}).values()
    assert jsonschema.Draft202012Validator(described).is_valid(1)
    assert jsonschema.Draft202012Validator(described).is_valid({"other": 1})
    assert not jsonschema.Draft202012Validator(described).is_valid({"other": "a word"})
