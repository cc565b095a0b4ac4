"""The config refuses what no model can be built from."""

import pytest
from pydantic import ValidationError

from ntm import NTMConfig


@pytest.mark.parametrize(
    "changes",
    [
        *({name: 0} for name in ("input_size", "output_size", "controller_size", "N", "M")),
        *({name: 0} for name in ("num_reads", "num_writes")),
        *({"shift_range": taps} for taps in (1, 2, 4)),
        {"controller": "gru"},
        {"initial_memory": "random"},
        {"architecture": "ntm/2"},
        {"n": 4},
    ],
)
def test_a_field_that_does_not_fit_is_refused_by_name(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(changes))):
        NTMConfig(**{"input_size": 2, "output_size": 2, **changes})


def test_the_defaults_are_the_papers() -> None:
    config = NTMConfig(input_size=2, output_size=2)
    assert (config.controller, config.controller_size, config.N, config.M) == ("lstm", 100, 128, 20)
    assert (config.num_heads, config.shift_range, config.max_shift) == (2, 3, 1)


def test_only_a_learned_memory_fixes_the_number_of_slots() -> None:
    sizes = {"input_size": 2, "output_size": 2, "N": 7}
    assert NTMConfig(**sizes).fixed_slots is None
    assert NTMConfig(**sizes, initial_memory="learned").fixed_slots == 7
