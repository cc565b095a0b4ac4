"""Tensors in answers as JSON: the same text however it is written."""

from pathlib import Path

import numpy as np
import orjson
import pytest

from ntm.architectures import kernels
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
