"""Calls of somebody's own code where a failure must not end what it is asked for."""

import logging
from collections.abc import Callable
from typing import TypeVar

from ntm.tasks.base import Task

log = logging.getLogger("ntm.tasks")
Result = TypeVar("Result")


def attempt(task: Task, call: Callable[[], Result], otherwise: Result) -> Result:
    """What a call of a task's method gives; where somebody's own code fails, something else.

    Args:
        task: whose method it is; a failure of a task of this library is one of ours, and raised
        call: calls the method
        otherwise: given, and the failure logged, where it fails
    """
    try:
        return call()
    except Exception as error:
        if task.origin is None:
            raise
        log.warning("the task '%s' fails: %s: %s", task.name, type(error).__name__, error)
        return otherwise
