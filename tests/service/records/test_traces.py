"""What a replay keeps in memory is what was asked for, and no more than was announced."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from ntm.repository.folders import VersionFolder
from service.contract import fields
from service.inspection import selection as selections
from service.memory import Budget
from service.models import served
from service.records import trace as traces
from service.scheduling.cores import Cores
from service.scheduling.walk import Terms, Walk
from service.settings import Settings
from tests.service.bodies import draw

SINGLE = [*selections.ALWAYS, *fields.GENERAL, "inputs,outputs,target", "reads,write_weightings"]


@pytest.mark.parametrize("name", ["copy", "wide"])
@pytest.mark.parametrize("include", SINGLE)
def test_a_replay_holds_no_more_than_its_size_says(
    repository: Path, name: str, include: str
) -> None:
    folder = VersionFolder(repository / name / "1")
    model = served.load(folder, Settings(), lambda model, chunk: None, Cores(1), Budget(2**30))
    trace = traces.record(model, draw(40), draw(40)[:, :4], 64, draw(40)[:, :4], 0.0)
    selection = selections.select(trace, model, include, "3:29", None)
    plan = selections.plan(selection, model, trace.steps)
    walked = asyncio.run(model.scheduler.walk(Walk(trace.inputs, 64, plan), Terms(30)))
    model.scheduler.close()
    told = selections.assemble(trace, model, selection, walked)
    size = selections.size_of(selection, model, trace)
    assert sum(tensor.nbytes for tensor in told.values()) == size
    both = 4 * 26 * 64 * model.signature.heads  # one weighting stage comes for all heads at once
    held = sum(value.nbytes for value in walked.values.values())
    assert held <= size + (both if "weightings" in include else 0)
    assert all(len(tensor) == 26 for tensor in told.values())
    assert all(np.isfinite(tensor).all() for tensor in told.values())
