import pytest
import torch

from ntm import NTM
from ntm.training import compiled
from ntm.training.compiled import CompiledLogits


@pytest.mark.parametrize("steps", [1, 4, 5, 11])
def test_pieces_give_what_the_whole_sequence_gives(steps, monkeypatch):
    monkeypatch.setattr(compiled.torch, "compile", lambda function, **_: function)
    model = NTM(input_size=3, output_size=2, controller_size=8, N=6, M=4)
    sequence = torch.randn(steps, 2, 3)
    torch.testing.assert_close(CompiledLogits(model)(sequence), model.logits(sequence))


@pytest.mark.skipif(not compiled.can_compile(), reason="needs a C compiler")
def test_the_compiled_graph_has_the_same_outputs_and_gradients(monkeypatch):
    monkeypatch.setattr(compiled, "STEPS_AT_ONCE", 1)  # quicker to compile
    model = NTM(input_size=3, output_size=2, controller_size=8, N=6, M=4)
    sequence = torch.randn(3, 2, 3)
    gradients = []
    for logits in (model.logits, CompiledLogits(model)):
        model.zero_grad()
        answers = logits(sequence)
        answers.square().sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
        torch.testing.assert_close(answers, model.logits(sequence), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)
