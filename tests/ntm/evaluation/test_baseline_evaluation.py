import numpy as np
import torch

from ntm.architectures.lstm.model import LSTM
from ntm.evaluation.measure import Predictor, measure
from ntm.tasks import Copy, DynamicNgrams
from ntm.training.recipes import Setting


class Oracle:
    """Answers with what `answer` makes of the inputs."""

    memory_slots = 7

    def __init__(self, answer):
        self.answer, self.slots = answer, set()

    def predict(self, sequence, memory_slots=None):
        self.slots.add(memory_slots)
        return torch.from_numpy(self.answer(sequence.numpy()))


def copied(inputs):
    length = (len(inputs) - 2) // 2
    outputs = np.zeros((*inputs.shape[:2], 8), np.float32)
    outputs[length + 2 :] = inputs[1 : length + 1, :, :8]
    return outputs


def test_a_perfect_copy_has_no_wrong_bits():
    told = measure(Oracle(copied), Copy(), Setting(sizes={"length": 5}, sequences=10), seed=3)
    assert (told.mean, told.median, told.worst, told.perfect, told.optimum) == (0, 0, 0, 1, 0)
    assert (told.sequences, told.seed, told.memory_slots) == (10, 3, 7)


def test_every_inverted_bit_is_counted():
    setting = Setting(sizes={"length": 5}, sequences=4, memory_slots=32)
    oracle = Oracle(lambda inputs: 1 - copied(inputs))
    told = measure(oracle, Copy(), setting, seed=1)
    assert (told.mean, told.perfect) == (40, 0)
    assert oracle.slots == {32}


def test_the_bayesian_estimator_is_the_optimum_of_ngrams():
    task = DynamicNgrams()
    setting = Setting(sizes={"length": 60}, sequences=20)
    told = measure(Oracle(task.estimate), task, setting, seed=1)
    assert told.mean == told.optimum > 0
    assert told.perfect == 1
    chance = measure(Oracle(lambda x: np.full_like(x, 0.5)), task, setting, seed=1)
    assert chance.mean == 55
    assert chance.optimum == told.optimum


def test_selection_and_evaluation_draw_different_sequences():
    seen = []
    for role in ("evaluation", "selection"):
        oracle = Oracle(lambda inputs: seen.append(inputs) or copied(inputs))
        measure(oracle, Copy(), Setting(sizes={"length": 5}, sequences=2), seed=1, role=role)
    assert not np.array_equal(*seen)


def test_the_lstm_baseline_is_measured_like_a_model_without_memory():
    model: Predictor = LSTM(input_size=10, output_size=8, size=4, layers=2).eval()
    setting = Setting(sizes={"length": 3}, memory_slots=128, sequences=5).without_memory()
    told = measure(model, Copy(), setting, seed=1)
    assert told.memory_slots == 0
    assert 0 < told.mean < 24


def test_the_lstm_baseline_has_the_size_of_the_papers():
    parameters = sum(p.numel() for p in LSTM(input_size=10, output_size=8).parameters())
    assert abs(parameters - 1_352_969) < 0.03 * 1_352_969  # Table 3; PyTorch keeps two biases
