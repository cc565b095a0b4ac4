import torch

from ntm.architectures.lstm.model import LSTM
from ntm.architectures.ntm.model import NTM
from ntm.training.loop import make_model
from ntm.training.recipes import RECIPES


def test_only_the_key_strengths_are_biased():
    recipe = RECIPES["copy"].model_copy(update={"model": {"num_reads": 2, "num_writes": 2}})
    fresh = []
    for bias in (0.0, 5.0):
        torch.manual_seed(0)
        model = make_model(recipe.model_copy(update={"key_strength_bias": bias}))
        assert isinstance(model, NTM)
        with torch.no_grad():
            fresh.append(model.heads(torch.zeros(1, 100)))
    for name, plain, biased in zip(fresh[0]._fields, *fresh, strict=True):
        assert torch.equal(plain, biased) == (name != "key_strength")
    torch.testing.assert_close(
        torch.log(torch.expm1(fresh[1].key_strength)),
        torch.log(torch.expm1(fresh[0].key_strength)) + 5,
    )


def test_a_baseline_takes_the_tasks_sizes():
    model = make_model(RECIPES["copy"].model_copy(update={"baseline": "lstm"}))
    assert isinstance(model, LSTM)
    assert model.logits(torch.zeros(4, 2, 10)).shape == (4, 2, 8)
