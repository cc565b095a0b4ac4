"""Whole chunks: K steps in one graph, with the state going in and coming out, or inside."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from ntm.architectures import catalogue
from ntm.architectures.onnx_step import OnnxStep, Values
from ntm.onnx_graph import Graph
from ntm.signature import Signature, State, StateTensor, initial_row

KINDS = ("predict", "inspect")


def chunk(config: Any, weights: State, steps: int, kind: str) -> onnx.ModelProto:
    """K steps of a model.

    Inputs are `x` [K, B, I] and `state.<name>` for every state tensor; outputs are `outputs`
    [K, B, O] and `next.<name>`. A `predict` graph also gives `read_weightings` [K, B, R, N] and
    `write_weightings`; an `inspect` graph every stage, and it takes `pin.<stage>` with
    `pinned.<stage>` (bool), both broadcast against [K, B, *stage]: where pinned, the pin is used.
    """
    told, graph = catalogue.signature_of(config), Graph(f"ntm_{kind}_{steps}")
    step = catalogue.of(config).step_class(graph, config, weights, recorded=kind == "inspect")
    x = graph.input("x", (steps, "batch", config.input_size))
    state = {s.name: graph.input(f"state.{s.name}", s.shape) for s in told.state}
    pins = _pin_inputs(graph, told, steps) if kind == "inspect" else {}
    packed = step.pack(state)
    packed, records, products = _steps(graph, step, x, packed, steps, pins=pins)
    outputs = graph.reshape(step.outputs(products), steps, -1, config.output_size)
    graph.output("outputs", outputs, (steps, "batch", config.output_size))
    if kind == "predict":
        _give_weightings(graph, told, records)
    else:
        for stage in told.stages:
            value = _over_time(graph, [r[stage.name] for r in records])
            graph.output(stage.name, value, (steps, "batch", *stage.shape))
    for tensor, value in zip(told.state, step.unpack(packed).values(), strict=True):
        graph.output(f"next.{tensor.name}", value, tensor.shape)
    return graph.build({"ntm.architecture": told.architecture, "ntm.graph": kind})


def standalone(config: Any, weights: State, steps: int, slots: int) -> onnx.ModelProto:
    """A whole sequence of fixed length in one self-contained file, initial state inside.

    Input `sequence` [K, B, I]; outputs `outputs` [K, B, O], `read_weightings` [K, B, R, N],
    `write_weightings` [K, B, W, N].
    """
    told, graph = catalogue.signature_of(config), Graph(f"ntm_{steps}_steps")
    step = catalogue.of(config).step_class(graph, config, weights)
    x = graph.input("sequence", (steps, "batch", config.input_size))
    batch = graph.add("Shape", x, start=1, end=2)
    learned = catalogue.learned_values_of(config, weights)
    state = {s.name: _initial(graph, s, batch, slots, learned) for s in told.state}
    _, records, products = _steps(graph, step, x, step.pack(state), steps, slots)
    outputs = graph.reshape(step.outputs(products), steps, -1, config.output_size)
    graph.output("outputs", outputs, (steps, "batch", config.output_size))
    _give_weightings(graph, told, records, slots)
    notes = {
        "ntm.architecture": told.architecture,
        "ntm.config": config.model_dump_json(),
        "ntm.shifts": json.dumps(told.shifts),
    }
    return graph.build(notes)


def nodes_per_step(config: Any, weights: State) -> float:
    """How many nodes one more step adds to a predict graph."""
    few, many = (len(chunk(config, weights, k, "predict").graph.node) for k in (2, 10))
    return (many - few) / 8


def _steps(
    graph: Graph,
    step: OnnxStep,
    x: str,
    packed: Any,
    steps: int,
    slots: int | None = None,
    pins: dict[str, list[Values]] | None = None,
) -> tuple[Any, list[Values], list[str]]:
    prepared = step.prepare(packed, slots)
    records, products = [], []
    for t, x_t in enumerate(step.inputs(x, steps)):

        def pin(stage: str, value: str, t: int = t) -> str:
            if not pins or stage not in pins:
                return value
            at = pins[stage][t]
            return graph.add("Where", at["pinned"], at["pin"], value)

        packed, record, product = step(x_t, packed, prepared, pin)
        records.append(record)
        products.append(product)
    return packed, records, products


def _pin_inputs(graph: Graph, told: Signature, steps: int) -> dict[str, list[Values]]:
    """Inputs `pin.<stage>` and `pinned.<stage>`, cut into steps."""
    pins: dict[str, list[Values]] = {}
    for stage in told.stages:
        if not stage.pinnable:
            continue
        at: list[Values] = [{} for _ in range(steps)]
        for role, kind in (("pin", TensorProto.FLOAT), ("pinned", TensorProto.BOOL)):
            shape = [steps] + [f"{role}_{stage.name}_{axis}" for axis in range(3)]
            value = graph.input(f"{role}.{stage.name}", shape, kind)
            cut = graph.split(value, [1] * steps, axis=0)
            for t in range(steps):
                at[t][role] = graph.add("Squeeze", cut[t], graph.integers(0))
        pins[stage.name] = at
    return pins


def _over_time(graph: Graph, values: Sequence[str]) -> str:
    """Stack [B, ...] of every step to [K, B, ...]."""
    inner = graph.add("Shape", values[0], start=1)
    shape = graph.concat([graph.integers(len(values), -1), inner], 0)
    return graph.add("Reshape", graph.concat(values, 0), shape)


def _give_weightings(
    graph: Graph, told: Signature, records: Sequence[Values], slots: int | str = "slots"
) -> None:
    """Outputs `read_weightings` and `write_weightings` from the stages of every step."""
    for stage in told.in_group("weighting"):
        stacked = _over_time(graph, [record[stage.name] for record in records])
        sides = {name: len(heads) for name, heads in told.sides_of(stage).items()}
        parts = [stacked] if len(sides) == 1 else graph.split(stacked, [*sides.values()], axis=2)
        for (name, count), value in zip(sides.items(), parts, strict=True):
            graph.output(name, value, (len(records), "batch", count, slots))


def _initial(graph: Graph, tensor: StateTensor, batch: str, slots: int, learned: State) -> str:
    """The initial value of a state tensor for a batch size known only when the graph runs."""
    inner = [slots if d == "slots" else int(d) for d in tensor.shape[1:]]
    row = np.broadcast_to(initial_row(tensor, slots, learned), inner)
    shape = graph.concat([batch, graph.integers(*inner)], 0)
    return graph.add("Expand", graph.constant(row[None]), shape)
