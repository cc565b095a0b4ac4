"""Nothing of an answered request is left to the garbage collector."""

import asyncio
import gc
from pathlib import Path

from service.api.recording import Recording
from service.http.exchange import Exchange
from service.records.trace import Trace
from service.scheduling.sequence import Sequence
from tests.service.api.test_prediction import CASES, asked
from tests.service.connections import listening, read_answer

OF_A_REQUEST = (Exchange, Sequence, Recording, Trace)
REQUESTS = ("plain", "weightings", "interventions", "too narrow", "no time", "plain")


def objects() -> dict[int, str]:
    """The objects of all requests that are alive, by their identity."""
    return {id(one): type(one).__name__ for one in gc.get_objects() if type(one) in OF_A_REQUEST}


def test_what_was_answered_is_not_kept_in_circles(repository: Path, tmp_path: Path) -> None:
    """It would stay until it is collected, and what comes next would get cold memory."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "copy").symlink_to(repository / "copy")

    async def main() -> None:
        async with listening(models, tmp_path / "data") as server:
            reader, writer = await server.connect()
            for name in REQUESTS:
                writer.write(asked(content=CASES[name].content))
                assert (await read_answer(reader)).status == CASES[name].status
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
