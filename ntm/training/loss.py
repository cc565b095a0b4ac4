"""The loss of a model's answers, and when a training has diverged."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ntm.tasks import Task
from ntm.tasks.base import Output
from ntm.training.recipe import FITTING, Loss, unfit

EXPLODED = 100.0  # times the first batch's loss
PATIENCE = 50  # updates in a row


class TrainingError(ValueError):
    """A training that cannot give a model; the message says why and what to change."""


def answer_loss(
    logits: Tensor, targets: Tensor, output: Output = "sigmoid", loss: Loss | None = None
) -> Tensor:
    """The mean loss over the answers that matter (targets not NaN).

    Args:
        logits: the model's outputs before their activation [T, B, O]
        targets: [T, B, O]
        output: the activation
        loss: one that fits it; by default the first of `FITTING`
    """
    loss = loss or FITTING[output][0]
    if loss == "cross-entropy":
        answered = ~torch.isnan(targets).any(dim=-1)
        return F.cross_entropy(logits[answered], targets[answered])
    matters = ~torch.isnan(targets)
    if loss == "squared-error":
        outputs = torch.sigmoid(logits) if output == "sigmoid" else logits
        return F.mse_loss(outputs[matters], targets[matters])
    return F.binary_cross_entropy_with_logits(logits[matters], targets[matters])


def check_loss(output: Output, loss: Loss | None) -> None:
    """Refuse a loss that does not fit a model's output.

    Raises:
        TrainingError: it does not
    """
    if (why := unfit(output, loss)) is not None:
        raise TrainingError(why)


def check_output(task: Task, output: Output) -> None:
    """Refuse a model whose outputs cannot answer a task.

    Raises:
        TrainingError: the answers are probabilities and the outputs have no bounds
    """
    if task.answers_probabilities and output != "sigmoid":
        raise TrainingError(
            f"output should be sigmoid for {task.name}, whose answers are probabilities, "
            f"got {output}"
        )


def check_targets(targets: Tensor, output: Output, loss: Loss | None = None) -> None:
    """Refuse targets that the outputs can never reach.

    Raises:
        TrainingError: a target of a sigmoid lies outside 0 to 1, or one of cross-entropy is no
            distribution over the classes
    """
    if (loss or FITTING[output][0]) == "cross-entropy":
        matters = ~torch.isnan(targets)
        sums = targets.nan_to_num().sum(dim=-1)[matters.any(dim=-1)]
        whole = torch.equal(matters.any(dim=-1), matters.all(dim=-1))
        if not whole or bool((targets < 0).any()) or not torch.allclose(sums, torch.ones(())):
            raise TrainingError(
                "targets of cross-entropy should be all NaN at a step, or 1 for one class and 0 "
                'for the others; "binary-cross-entropy" is for bits that are set independently'
            )
    if output == "sigmoid" and bool(((targets < 0) | (targets > 1)).any()):
        strayed = targets[(targets < 0) | (targets > 1)][0].item()
        raise TrainingError(
            f"targets should lie from 0 to 1 for an output of sigmoid, got {strayed:g}; "
            f'a model with output "identity" learns other numbers'
        )


@dataclass
class Divergence:
    """How many updates in a row had a loss that is no number or has exploded."""

    first: float = math.nan
    updates: int = 0

    def observe(self, loss: float) -> None:
        """Take the loss of one more update.

        Raises:
            TrainingError: it has been so for too long
        """
        if math.isnan(self.first) and math.isfinite(loss):
            self.first = loss
        exploded = not math.isfinite(loss) or loss > EXPLODED * max(self.first, 1.0)
        self.updates = self.updates + 1 if exploded else 0
        if self.updates >= PATIENCE:
            self.refuse(loss)

    def refuse(self, loss: float) -> None:
        """End the training where the last update had such a loss.

        Raises:
            TrainingError: it had
        """
        if self.updates:
            raise TrainingError(
                f"the training diverged: its loss is {loss:g} after {self.first:g} in the first "
                f"batch, and nothing of it is saved; try a lower --learning-rate"
            )
