"""The same model and requests, served by us and by others: python benchmarks/peers.py

Builds a virtual environment for every peer, and measures them in turns. Each runs for its part of a
turn only, because some keep a core busy when nobody asks them anything. In the first turn all their
answers are checked against the step loop.
"""

import argparse
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request, urlopen

import contenders
import load
import numpy as np
import results
import running
import server
import torch
from comparison import CLIENTS, report
from contenders import Contender
from forms import WEIGHTINGS, Asked, Tensors
from load import Window
from running import CannotRun, Running

from ntm.architectures.ntm.model import NTM
from ntm.architectures.ntm.signature import signature
from ntm.export.unrolled import chunk
from ntm.repository import checkpoint
from ntm.repository.folders import find
from ntm.tasks import Copy

HEADING = "## Peers"
FOLDER = contenders.ROOT / "build" / "peers"
LENGTHS = {"42 steps": [20] * 40, "4 to 82 steps": list(range(1, 41))}  # vectors to copy
TOLERANCE = 1e-4
CHUNK = 14  # steps of the graph that peers run; three are a copy of 20


@dataclass(frozen=True)
class Case:
    """Which requests, what they ask for, and in which form."""

    lengths: str
    weightings: bool
    form: str

    def __str__(self) -> str:
        asked = "outputs and weightings" if self.weightings else "outputs"
        return f"{self.lengths}, {asked}, {self.form}"


@dataclass(frozen=True)
class Measured:
    """A window, and the cores that the server used in it."""

    contender: str
    case: str
    clients: int
    window: Window
    cores: float


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [contender.name for contender in contenders.ALL]
    parser.add_argument("--only", help=f"a comma list of {', '.join(names)}")
    parser.add_argument("--repeats", type=int, default=5, help="turns of everything")
    parser.add_argument("--seconds", type=int, default=2, help="of one window")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for environments and logs")
    parser.add_argument("--no-write", action="store_true", help="leave the results as they are")
    told = parser.parse_args()
    wanted = set((told.only or ",".join(names)).split(","))
    if wanted - set(names):
        parser.error(f"there is no {', '.join(wanted - set(names))}")
    chosen = [contender for contender in contenders.ALL if contender.name in wanted]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(told.folder.resolve(), Path(temporary))
        try:
            measured = bench.turns(chosen, told.repeats, told.seconds)
        finally:
            bench.stop()
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": results.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": load.name(),
        "python": contenders.python_version(),
        "repeats": told.repeats,
        "seconds": told.seconds,
        "titles": {contender.name: contender.title for contender in chosen},
        "failed": bench.failed,
        "wrong": bench.wrong,
        "windows": [flat(one) for one in measured],
    }
    section = "\n".join([HEADING, "", *report(found, [str(case) for case in ALL_CASES])])
    print(section)
    if not told.no_write:
        results.keep("peers", found)
        results.write(HEADING, section)


class Bench:
    """All servers, and what they should answer."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self._folder, self._model, self._models = folder, temporary / "graph", temporary / "models"
        server.reference_model(self._models)
        model = checkpoint.load(find(self._models / "copy"))
        write_graph(self._models, self._model)
        self._sequences = {name: sequences(lengths) for name, lengths in LENGTHS.items()}
        self._expected = {
            name: [step_loop(model, one) for one in asked]
            for name, asked in self._sequences.items()
        }
        self._running: dict[Contender, Running] = {}
        self.failed: dict[str, str] = {}  # contender to why
        self.wrong: dict[str, str] = {}  # contender and case to what was wrong

    def turns(self, chosen: list[Contender], repeats: int, seconds: int) -> list[Measured]:
        """Every case with every number of clients, contenders one after the other."""
        measured = []
        for turn in range(repeats):
            print(f"turn {turn + 1} of {repeats}", flush=True)
            first = turn % len(chosen)
            for contender in chosen[first:] + chosen[:first]:
                if contender.name not in self.failed:
                    self._start(contender, check=turn == 0)
                    measured += self._turn(contender, seconds)
                    self._end(contender)
        return measured

    def _turn(self, contender: Contender, seconds: int) -> list[Measured]:
        return [
            self._window(contender, case, clients, seconds)
            for case in ALL_CASES
            for clients in CLIENTS
            if contender in self._running and self._is_right(contender, case)
        ]

    def _start(self, contender: Contender, check: bool) -> None:
        """Start one and, where asked to, check all that it answers; or note why not."""
        print(f"starting {contender.title}", flush=True)
        first = next(iter(contender.forms.values())).ask(self._sequences["42 steps"][0], False)

        def answers(url: str) -> bool:
            try:
                return contender.ready(ask(url, first)[0])
            except OSError:
                return False

        try:
            site = contenders.settle(contender, self._folder, self._model, self._models)
            command, environment = contender.launch(site)
            started = running.start(command, environment, site.folder, site.port, answers)
        except (CannotRun, OSError, StopIteration) as error:
            self.failed[contender.name] = str(error)
            print(f"{contender.title} cannot run: {error}", flush=True)
            return
        self._running[contender] = started
        if check:
            for case in cases(contender):
                self._check(contender, started, case)

    def _end(self, contender: Contender) -> None:
        if contender in self._running:
            self._running.pop(contender).stop()

    def _check(self, contender: Contender, started: Running, case: Case) -> None:
        """32 clients at once, so that batches mix what they may mix."""
        form = contender.forms[case.form]
        asked = [form.ask(one, case.weightings) for one in self._sequences[case.lengths]]

        def wrong(one: Asked, expected: Tensors) -> str:
            try:
                tensors = form.read(*ask(started.url, one))
            except (OSError, KeyError, ValueError) as error:
                return f"{type(error).__name__}: {error}"
            for name in ["outputs"] + WEIGHTINGS * case.weightings:
                if name not in tensors or tensors[name].shape != expected[name].shape:
                    return f"{name} is missing or of another length"
                if not np.abs(tensors[name] - expected[name]).max() <= TOLERANCE:
                    return f"{name} is not what the step loop gives"
            return ""

        with ThreadPoolExecutor(max(CLIENTS)) as pool:
            found = list(filter(None, pool.map(wrong, asked, self._expected[case.lengths])))
        if found:
            told = f"{len(found)} of {len(asked)} answers wrong: {found[0]}"
            self.wrong[f"{contender.name}, {case}"] = told
            print(f"{contender.title}, {case}: {told}", flush=True)

    def _is_right(self, contender: Contender, case: Case) -> bool:
        return case in cases(contender) and f"{contender.name}, {case}" not in self.wrong

    def _window(self, contender: Contender, case: Case, clients: int, seconds: int) -> Measured:
        started, form = self._running[contender], contender.forms[case.form]
        asked = [form.ask(one, case.weightings) for one in self._sequences[case.lengths]]

        def warm_up(one: Asked) -> None:
            with suppress(OSError):  # the window counts what fails
                ask(started.url, one)

        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(warm_up, asked))
        before = started.processor_seconds()
        window = load.window(started.url, [one.whole() for one in asked], clients, seconds)
        spent = started.processor_seconds() - before
        return Measured(contender.name, str(case), clients, window, spent / seconds)

    def stop(self) -> None:
        """End all."""
        for contender in list(self._running):
            self._end(contender)


ALL_CASES = [
    Case(lengths, weightings, form)
    for lengths in LENGTHS
    for weightings in (False, True)
    for form in ("json", "binary")
]


def cases(contender: Contender) -> list[Case]:
    """What a contender can be asked."""
    return [case for case in ALL_CASES if case.form in contender.forms]


def ask(url: str, asked: Asked) -> tuple[bytes, dict[str, str]]:
    """One answer and its headers."""
    request = Request(url + asked.path, asked.body, asked.headers)
    with urlopen(request, timeout=60) as answer:
        return answer.read(), dict(answer.headers)


def sequences(lengths: list[int]) -> list[np.ndarray]:
    """Copies of so many vectors, in a random order; each [T, I]."""
    rng = np.random.default_rng(0)
    return [
        np.ascontiguousarray(Copy().sample(rng, 1, length=int(length)).inputs[:, 0])
        for length in rng.permutation(lengths)
    ]


def step_loop(model: NTM, sequence: np.ndarray) -> Tensors:
    """What PyTorch gives, step by step."""
    state, told = model.initial_state(1), []
    with torch.inference_mode():
        for x in torch.from_numpy(sequence)[:, None]:
            output, state = model(x, state)
            told.append((output, state.read_weightings, state.write_weightings))
    names = ("outputs", *WEIGHTINGS)
    return {n: torch.cat(v).numpy() for n, v in zip(names, zip(*told, strict=True), strict=True)}


def write_graph(models: Path, folder: Path) -> None:
    """What peers run: the exported graph of a chunk, and the state before the first step."""
    model = checkpoint.load(find(models / "copy"))
    folder.mkdir(parents=True)
    graph = chunk(model.config, checkpoint.weights_of(model), CHUNK, "predict")
    (folder / "chunk.onnx").write_bytes(graph.SerializeToString())
    np.savez(folder / "initial.npz", **signature(model.config).initial_state(1, model.config.N))


def flat(one: Measured) -> dict[str, str | int | float]:
    """As JSON keeps it."""
    told = asdict(one)
    return told | told.pop("window")


if __name__ == "__main__":
    main()
