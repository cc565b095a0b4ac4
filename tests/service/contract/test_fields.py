"""Fields of a run: what `include` may name for a model, and what has to be recorded for it."""

import numpy as np
import pytest

from ntm import DNCConfig, NTMConfig
from ntm.architectures.dnc import signature as dnc
from ntm.architectures.ntm import signature as ntm
from service.contract import fields
from service.errors import UnknownInclude

DNC = dnc.signature(DNCConfig(input_size=3, output_size=2, controller_size=4, N=5, W=4))
NTM = ntm.signature(NTMConfig(input_size=3, output_size=2, controller_size=4, N=5, M=4))


def test_a_matrix_of_pairs_of_slots_is_told_where_it_is_named() -> None:
    names = [stage.name for stage in fields.stages_of(DNC, "writes")]
    assert {"erase", "usage", "precedence"} <= set(names)
    assert "link" not in names
    assert fields.names_of(DNC, ["link"]) == ("link",)
    assert fields.width(DNC, ["link"], slots=9) == 81
    assert fields.of_a_run(DNC)[-1] == "link"
    link = np.zeros((6, 9, 9), np.float32)
    assert list(fields.tensors_of(DNC, ["link"], {"link": link})) == ["writes.link"]


def test_no_more_is_recorded_than_the_fields_need() -> None:
    assert fields.segment(NTM, [], 7) == ("predict", 7, ())
    both = ("read_weightings", "write_weightings")
    assert fields.segment(NTM, both[::-1], 7) == ("predict", 7, both)
    assert fields.segment(NTM, ["read_weightings", "gate"], 7) == (
        "inspect", 7, ("gate", "weighting"),
    )  # fmt: skip
    assert fields.segment(DNC, ["write_weightings", "memory"], 7) == (
        "inspect", 7, ("write_weighting", "memory"),
    )  # fmt: skip


def test_fields_are_found_by_the_tensors_that_tell_them() -> None:
    wanted = ("read_weightings", "addressing.write.gate", "writes.erase", "memory", "reads")
    assert fields.telling(NTM, wanted) == ("read_weightings", "gate", "erase", "memory", "reads")
    with pytest.raises(KeyError, match=r"addressing\.read\.allocation_gate"):
        fields.telling(DNC, ["writes.erase", "addressing.read.allocation_gate"])


def test_the_stages_of_another_architecture_are_refused() -> None:
    fields.check(NTM, ["addressing", "gate", "memory", "read_weightings"])
    fields.check(DNC, ["addressing", "read_mode", "memory", "read_weightings"])
    with pytest.raises(UnknownInclude, match=r"write_gate, .*, got 'gate'"):
        fields.check(DNC, ["addressing", "gate"])


def test_the_size_of_what_is_told_is_that_of_its_tensors() -> None:
    rng, slots, steps = np.random.default_rng(0), 5, 6
    for signature in (NTM, DNC):
        values = {
            stage.name: rng.normal(
                size=(steps, *(slots if d == "slots" else d for d in stage.shape))
            )
            for stage in signature.stages
        } | {"memory": rng.normal(size=(steps, slots, 4))}
        for name in (*fields.GENERAL, *(stage.name for stage in signature.stages)):
            told = fields.tensors_of(signature, [name], values)
            size = sum(tensor.size for tensor in told.values())
            assert size == steps * fields.width(signature, [name], slots), name
