"""Interventions cost what was sent, however many slots and items they speak of."""

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.api.test_hostile_bodies import MEBIBYTE, highest
from tests.service.bodies import draw
from tests.service.running import PATIENCE, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

SLOTS = 16_384
ITEMS: dict[str, dict[str, Any]] = {
    "the same weighting": {"head": "read.0", "set": {"weighting": "uniform"}},
    "nothing": {"head": "read.0", "set": {"weighting": "zero"}},
}


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_many_of_them_take_no_memory_of_their_own(
    repository: Path, tmp_path: Path, item: dict[str, Any]
) -> None:
    """10,000 items with 16,384 slots each were 1.27 GB."""
    asked = {
        "model": "copy",
        "version": 1,
        "sequence": draw(2).tolist(),
        "memory_slots": SLOTS,
        "interventions": [{"steps": 0, **item}] * 10_000,
        "record": False,
    }
    with serving(repository, tmp_path) as server:
        before = highest(server)
        answer = httpx.post(server.url + "/predict", content=json.dumps(asked), timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        assert highest(server) - before < 256 * MEBIBYTE


def test_to_read_them_counts_in_the_deadline(repository: Path, tmp_path: Path) -> None:
    asked = {
        "model": "copy",
        "version": 1,
        "sequence": draw(2).tolist(),
        "interventions": [{"steps": 0, "set": {"memory": 0.5}}] * 10_000,
        "timeout": 0.001,
    }
    with serving(repository, tmp_path) as server:
        answer = httpx.post(server.url + "/predict", content=json.dumps(asked), timeout=PATIENCE)
        assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
        assert answer.json()["error"] == "no answer within 0.001 seconds"
