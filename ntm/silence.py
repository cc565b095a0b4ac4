"""Opting out of telemetry: nothing leaves the machine that its user did not ask to send.

ONNX Runtime makes a device id and calls home from its import on; Ray does when it starts. Both
read an environment variable first, which child processes inherit.
"""

import os

OPTED_OUT = {"ORT_DISABLE_TELEMETRY": "1", "RAY_USAGE_STATS_ENABLED": "0", "DO_NOT_TRACK": "1"}


def opt_out() -> None:
    """Before either is imported; a variable that the user has set stays as it is."""
    for name, value in OPTED_OUT.items():
        os.environ.setdefault(name, value)
