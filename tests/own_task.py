"""A task, an archive and a text of somebody, as files in a folder of theirs."""

from pathlib import Path

import numpy as np

SOURCE = """
import numpy as np
from ntm.tasks import Episode, Size, Task

class Reverse(Task):
    bits: int = 2

    @property
    def input_size(self):
        return self.bits + 1

    @property
    def output_size(self):
        return self.bits

    @property
    def sizes(self):
        return {"length": Size(1, 50, 3, "vectors")}

    def sample(self, rng, batch_size, **sizes):
        length = self.complete(sizes)["length"]
        vectors = rng.integers(0, 2, (length, batch_size, self.bits)).astype(np.float32)
        inputs = np.zeros((2 * length + 1, batch_size, self.bits + 1), np.float32)
        inputs[:length, :, :-1], inputs[length, :, -1] = vectors, 1
        targets = np.full((2 * length + 1, batch_size, self.bits), np.nan, np.float32)
        targets[length + 1 :] = vectors[::-1]
        return Episode(inputs, targets)
"""


def write(folder: Path, source: str = SOURCE) -> Path:
    """my_task.py."""
    (folder / "my_task.py").write_text(source)
    return folder / "my_task.py"


def write_pairs(file: Path, sequences: int = 10, **other: np.ndarray) -> Path:
    """An archive: hear a bit, then say it; the number of a sequence is told by channel 1."""
    inputs = np.zeros((sequences, 3, 2), np.float32)
    inputs[:, 0, 0] = np.arange(sequences) % 2
    inputs[:, :, 1] = np.arange(sequences)[:, None] / 16
    targets = np.full((sequences, 3, 1), np.nan)
    targets[:, 2, 0] = inputs[:, 0, 0]
    np.savez(file, **{"inputs": inputs, "targets": targets, **other})
    return file
