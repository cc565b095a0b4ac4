"""Histograms and counters in plain numbers against prometheus-client's own."""

import numpy as np
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client import Histogram as Theirs
from prometheus_client.registry import Collector

from service.telemetry.families import COUNTERS, HISTOGRAMS, add_histogram, families
from service.telemetry.histogram import Histogram
from service.telemetry.statistics import SECONDS


class Ours(Collector):
    """What `families` makes of some numbers."""

    def __init__(self, numbers: dict[tuple[str, ...], float]) -> None:
        self._numbers = numbers

    def collect(self):  # type: ignore[no-untyped-def]
        """See prometheus-client."""
        return families(self._numbers)


def lines(registry: CollectorRegistry) -> set[str]:
    """The samples and what is told of them, but for when they were made."""
    text = generate_latest(registry).decode()
    return {line for line in text.splitlines() if "_created" not in line}


def test_they_are_told_as_prometheus_client_tells_its_own() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counted, name = Histogram(SECONDS), "ntm_queue_seconds"
    help_text, labels = HISTOGRAMS[name]
    histogram = Theirs(name, help_text, labels, buckets=SECONDS, registry=theirs)
    counter = Counter("ntm_steps", COUNTERS["ntm_steps"].help, labels, registry=theirs)
    for number in [*SECONDS, 0.0, 1e9, *np.random.default_rng(0).exponential(1, 200).tolist()]:
        counted.add(number)
        histogram.labels("copy", "1").observe(number)
        counter.labels("copy", "1").inc(number)
    numbers = {("ntm_steps", "copy", "1"): counted.sum}
    add_histogram(numbers, name, ("copy", "1"), counted)
    ours.register(Ours(numbers))
    expected = lines(theirs)
    assert len(expected) == len(SECONDS) + 8
    assert expected <= lines(ours)
