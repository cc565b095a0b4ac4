"""The activations of `Wiring` as ONNX nodes."""

from ntm.architectures.onnx_step import Values
from ntm.onnx_graph import Graph

SINGLE = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid", "softplus": "Softplus"}


def activate(graph: Graph, kind: str, value: str) -> str:
    """One activation of `activations.ACTIVATIONS`, element by element or over the last axis."""
    if kind in SINGLE:
        return graph.add(SINGLE[kind], value)
    if kind == "linear":
        return value
    if kind == "exp":
        return graph.add("Exp", value)
    if kind == "clipped":
        return clip(graph, value)
    if kind == "hard-sigmoid":
        scaled = graph.add("Mul", value, graph.floats(0.2))
        return clip(graph, graph.add("Add", scaled, graph.floats(0.5)))
    if kind == "scalar":
        return between_shifts(graph, value)
    if kind == "softmax-of-relu":
        value = graph.add("Relu", value)
    return graph.add("Softmax", value, axis=-1)


def clip(graph: Graph, value: str) -> str:
    """Clipped to 0..1."""
    return graph.add("Min", graph.add("Max", value, graph.floats(0.0)), graph.floats(1.0))


def between_shifts(graph: Graph, value: str) -> str:
    """[B, H, 1] as the weightings [B, H, 3] of the shifts by -1, 0 and +1."""
    one = graph.floats(1.0)
    doubled = graph.add("Mul", graph.add("Sigmoid", value), graph.floats(2.0))
    z = graph.add("Sub", doubled, one)
    back, forth = graph.add("Relu", z), graph.add("Relu", graph.add("Neg", z))
    stays = graph.add("Sub", one, graph.add("Abs", z))
    return graph.concat([back, stays, forth], 2)


def strengths(graph: Graph, kinds: tuple[str, str], block: str, unused: int) -> tuple[str, str]:
    """β and γ - 1 of every head [B, H, 1], from the block [B, H, 2 + unused] that they begin.

    Whole blocks are activated: what ONNX Runtime computes several values at a time would
    otherwise round a last few differently.
    """
    sizes = [1, 1, unused]
    blocks: Values = {kind: activate(graph, kind, block) for kind in dict.fromkeys(kinds)}
    parts = {kind: graph.split(value, sizes, axis=2) for kind, value in blocks.items()}
    return parts[kinds[0]][0], parts[kinds[1]][1]
