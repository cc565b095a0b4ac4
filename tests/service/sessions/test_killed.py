"""Sessions across kill -9: what was answered is there, and the next piece continues exactly."""

import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tests.service.bodies import array, draw, same
from tests.service.running import Server, serving
from tests.service.sessions.streams import at_once, begin, outputs, send

CLIENTS = 4


class Streamer(threading.Thread):
    """Feeds one session until the server goes away, and remembers what it was told."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__()
        self.server, self.sequence = server, draw(1900, seed=number)
        self.session, self.position, self.answered = "", 0, []  # type: ignore[var-annotated]
        self.sent = 0

    def run(self) -> None:
        with self.server.client() as client:
            self.session = begin(client)
            try:
                while self.position < 1800:
                    self.sent = 1 + (self.position * 7 + 3) % 11
                    self.step(client)
            except httpx.TransportError:
                return

    def step(self, client: httpx.Client) -> None:
        """Send a piece with its position."""
        piece = self.sequence[self.position : self.position + self.sent]
        got = outputs(send(client, self.session, piece, position=self.position))
        self.answered.append(got)
        self.position += self.sent


def test_answered_positions_survive_a_kill_and_go_on_bit_for_bit(
    repository: Path, tmp_path: Path, emptied: dict[str, Any]
) -> None:
    with serving(repository, tmp_path, **emptied) as server:
        streams = [Streamer(server, number) for number in range(CLIENTS)]
        for stream in streams:
            stream.start()
        while min(len(stream.answered) for stream in streams) < 5:
            time.sleep(0.01)
        server.stop(signal.SIGKILL)
        for stream in streams:
            stream.join()
    with serving(repository, tmp_path, **emptied) as server, server.client() as client:
        for stream in streams:
            stored = client.get(f"/sessions/{stream.session}").json()["position"]
            assert stored in (stream.position, stream.position + stream.sent)
            stream.step(client)  # again, as the client cannot know whether it arrived
            stream.sent = 20
            stream.step(client)
            whole = at_once(client, stream.sequence[: stream.position])
            assert same(np.concatenate(stream.answered), whole)
            trace = client.get(f"/trace/{stream.session}").json()
            assert same(array(trace["outputs"]), whole)
