"""Metric families: numbers counted by name and labels, as prometheus-client writes them.

A number's key is the name of its family and the labels; a histogram's buckets and its sum are
numbers of their own, told apart by one more label.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

from service.telemetry.histogram import Histogram

Key = tuple[str, ...]
Numbers = dict[Key, float]

SUM = "sum"  # in the place of a bucket's bound
INFINITY = "+Inf"


class Family(NamedTuple):
    """What is told of a family."""

    help: str
    labels: tuple[str, ...]


MODEL = ("model", "version")
COUNTERS = {
    "ntm_requests": Family(
        "Requests by route, status, error code and the model they reached",
        ("route", "status", "code", "model"),
    ),
    "ntm_steps": Family("Steps computed that a sequence needed", MODEL),
    "ntm_engine_seconds": Family("Time spent in the engine", MODEL),
    "ntm_wasted_steps": Family(
        "Steps computed beyond the end of a sequence, for the sake of its neighbours", MODEL
    ),
    "ntm_sequences": Family(
        "Sequences by outcome: ok, rejected, cancelled, timed_out, failed", (*MODEL, "outcome")
    ),
}
HISTOGRAMS = {
    "ntm_request_seconds": Family("Time from the request's first byte to the answer's", ("route",)),
    "ntm_batch_rows": Family("Sequences computed together in one chunk", MODEL),
    "ntm_queue_seconds": Family("Time from admission to the first step", MODEL),
    "ntm_compute_seconds": Family(
        "Time from a sequence's first step to its last, in turns with others", MODEL
    ),
}


def add_histogram(numbers: Numbers, name: str, labels: Key, histogram: Histogram) -> None:
    """Add a histogram's numbers under a family's name and its labels."""
    for bound, count in zip((*histogram.bounds, None), histogram.counts, strict=True):
        numbers[name, *labels, INFINITY if bound is None else str(float(bound))] = count
    numbers[name, *labels, SUM] = histogram.sum


def families(numbers: Mapping[Key, float]) -> Iterator[Metric]:
    """The families that some numbers are of, of one process or added up."""
    by_name = defaultdict[str, Numbers](dict)
    for (name, *labels), number in sorted(numbers.items()):
        by_name[name][tuple(labels)] = number
    for name, family in COUNTERS.items():
        counter = CounterMetricFamily(name, family.help, labels=family.labels)
        for values, number in by_name[name].items():
            counter.add_metric(values, number)
        yield counter
    for name, family in HISTOGRAMS.items():
        histogram = HistogramMetricFamily(name, family.help, labels=family.labels)
        parts = defaultdict[Key, dict[str, float]](dict)
        for values, number in by_name[name].items():
            parts[values[:-1]][values[-1]] = number
        for values, found in parts.items():
            total = found.pop(SUM)
            histogram.add_metric(values, cumulative(found), total)
        yield histogram


def cumulative(counts: Mapping[str, float]) -> list[tuple[str, float]]:
    """Every bucket with what it and all below it have counted."""
    added, total = list[tuple[str, float]](), 0.0
    for bound in sorted(counts, key=float):
        total += counts[bound]
        added.append((bound, total))
    return added
