"""Feed sequences piece by piece, several at once, as a program does whose data comes in slowly."""

import asyncio
import sys

import numpy as np
from numpy.typing import NDArray

from ntm.client import AsyncClient

URL = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000"


async def stream(client: AsyncClient, seed: int) -> NDArray[np.float32]:
    """The outputs of one sequence that is fed in pieces of three steps."""
    sequence = (await client.example("copy", seed=seed)).sequence
    async with await client.session("copy") as session:
        pieces = [await session.feed(sequence[at : at + 3]) for at in range(0, len(sequence), 3)]
    whole = await client.predict("copy", sequence, record=False)
    outputs = np.concatenate([piece.outputs for piece in pieces])
    assert np.array_equal(outputs, whole.outputs)  # bit for bit what one request gives
    return outputs


async def main() -> None:
    async with AsyncClient(URL) as client:
        streams = await asyncio.gather(*(stream(client, seed) for seed in range(1, 5)))
    print(f"{len(streams)} streams, {sum(map(len, streams))} steps")


asyncio.run(main())
