"""Nothing of an answered request is left to the garbage collector."""

import asyncio
import gc
from pathlib import Path

import pytest

from service.api.prediction import Errand
from service.api.recording import Recording
from service.records.trace import Trace
from service.scheduling.sequence import Sequence
from tests.service.api.test_prediction import ALIKE, asked, listening, read_answer

OF_A_REQUEST = (Errand, Sequence, Recording, Trace)
REQUESTS = ("plain", "weightings", "interventions", "too narrow", "no time", "plain")


def objects() -> dict[int, str]:
    """The objects of all requests that are alive, by their identity."""
    return {id(one): type(one).__name__ for one in gc.get_objects() if type(one) in OF_A_REQUEST}


def test_what_was_answered_is_not_kept_in_circles(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would stay until it is collected, and what comes next would get cold memory."""
    monkeypatch.setattr("service.api.prediction.SPANS", "nothing.that.is.there")
    models = tmp_path / "models"
    models.mkdir()
    (models / "copy").symlink_to(repository / "copy")

    async def main() -> None:
        async with listening(models, tmp_path / "data") as (address, _, took):
            reader, writer = await asyncio.open_connection(*address)
            for name in REQUESTS:
                writer.write(asked(content=ALIKE[name][1]))
                await read_answer(reader)
            assert len(took) == len(REQUESTS)
            async with asyncio.timeout(30):  # whoever gave up is let go of with its chunk
                while objects().keys() - before.keys():
                    await asyncio.sleep(0.05)
            writer.close()

    gc.collect()
    before = objects()  # of other tests
    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
