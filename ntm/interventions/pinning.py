"""Interventions as inputs of exported graphs; by default pins that are nowhere in force."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm.signature import Signature

Pins = dict[str, NDArray[Any]]


def no_pins(signature: Signature, steps: int) -> Pins:
    """For every pinnable stage a pin that is nowhere in force, broadcast from [K, 1, 1, 1]."""
    pins: Pins = {}
    for stage in signature.stages:
        if stage.pinnable:
            pins[f"pin.{stage.name}"] = np.zeros((steps, 1, 1, 1), np.float32)
            pins[f"pinned.{stage.name}"] = np.zeros((steps, 1, 1, 1), np.bool_)
    return pins
