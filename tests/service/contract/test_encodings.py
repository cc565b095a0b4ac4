"""Tensors in answers as JSON: the same text however it is written."""

from pathlib import Path

import numpy as np
import orjson
import pytest

from ntm.architectures import kernels
from service.contract import encodings
from service.contract.encodings import PIECE, to_json

SHAPES = [(3, 4), (PIECE + 1,), (PIECE // 8, 3, 5), (2, PIECE), (0, 8), (3, 0)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("is_loaded", [False, True])
def test_json_is_what_one_call_of_orjson_gives(
    shape: tuple[int, ...], is_loaded: bool, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = kernels.load(compiled) if is_loaded else None
    monkeypatch.setattr(kernels, "loaded", lambda: kernel)
    tensor = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    tensor.flat[:1] = np.nan
    told = {"steps": 3, "a": {"b": tensor, "c": tensor}}
    expected = orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)
    assert to_json({"steps": 3}, {"a.b": tensor, "a.c": tensor}) == expected


@pytest.mark.parametrize("rows", [0, 1, 3, 5000])
def test_parts_are_the_whole(rows: int) -> None:
    """Byte for byte, whatever is in the facts."""
    rng = np.random.default_rng(0)
    tensors = {
        "b.x": rng.random((rows, 2, 20), np.float32),
        "a": rng.random(rows, np.float32),
        "b.y": np.full((rows, 1), np.nan, np.float32),
    }
    facts = {"z": 'a"b', "list": [1, None]}
    assert b"".join(encodings.json_parts(facts, tensors)) == encodings.to_json(facts, tensors)
    parts = list(encodings.safetensors_parts(facts, tensors))
    assert b"".join(parts) == encodings.to_safetensors(facts, tensors)
    assert max(map(len, encodings.json_parts(facts, tensors))) < 2**21
