"""How good a hypernetwork is by the objective of pretraining, on fixed tasks that no run trains on."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.network.hypernetwork import Hypernetwork
from mothernet.network.inputs import Ramps, Standardiser, balanced_weights
from mothernet.network.output_layer import PRETRAINING_STEPS, FeatureScale, cross_entropy, solve_by_unit_type
from mothernet.network.units import hidden_units
from mothernet.pretraining.timing import Timed, untimed
from mothernet.prior import PriorConfig, TaskBatch, TaskShape, sample_tasks

__all__ = [
    "VALIDATION_SEED",
    "Scores",
    "autocast",
    "one_vs_one_auc",
    "predicted_penalty_logits",
    "validation_scores",
    "validation_tasks",
]

VALIDATION_SEED = 2**31 - 1  # no run may use it


def predicted_penalty_logits(network: Hypernetwork, batch: TaskBatch, width: int, *, timed: Timed = untimed) -> Tensor:
    """Query logits (B, Q, C) of children whose penalties and temperature the hypernetwork predicts.

    Parameters
    ----------
    width : int
        Units of the children.
    timed : function, optional
        Called with the name of each part, ``"hypernetwork"`` and ``"output layer"``; returns the context it runs in.
    """
    S, n_classes = batch.shape.support, batch.shape.classes
    support, y = batch.X[:, :S], batch.y[:, :S]
    standardise = Standardiser.fit(support)
    inputs, query = standardise(support), standardise(batch.X[:, S:])  # (B, S, F), (B, Q, F)
    n_features, config = inputs.shape[-1], network.config
    with timed("hypernetwork"):
        layer = network(inputs, y, n_classes, width)
    with torch.autocast(inputs.device.type, enabled=False):
        ramps = Ramps.fit(inputs, balanced_weights(y, n_classes), config.ramps)
        phi, phi_query = (
            torch.cat([x, hidden_units(x, layer.weight, layer.bias)], -1) for x in (ramps(inputs), ramps(query))
        )  # (B, S, K), (B, Q, K)
        scale = FeatureScale.fit(phi)
        groups = (n_features, n_features * config.ramps, width)
        penalty = torch.cat([layer.log_penalty[:, i : i + 1].expand(-1, n) for i, n in enumerate(groups)], -1).exp()
        onehot = F.one_hot(y, n_classes).float()
        with timed("output layer"):
            output = solve_by_unit_type(scale(phi), onehot, penalty, config.unit_types(width), steps=PRETRAINING_STEPS)
        logits: Tensor = output(scale(phi_query)) * layer.log_temperature.exp()[:, None, None]
    return logits


def autocast(device: str) -> torch.autocast:
    """A context of bfloat16 matrix products where the hardware makes them."""
    fast = device == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast(device, torch.bfloat16, enabled=fast)


def validation_tasks(device: str | torch.device = "cpu", groups: int = 64) -> list[TaskBatch]:
    """Fixed tasks, four in each group: of the default prior, whatever a run's own, with a seed that no run may use.

    Rows spread over 40 to 600, features over 2 to 40 (both log-uniform, by an additive recurrence; so few groups leave
    gaps), rows x features at most 4,000; two classes in two groups of five, else 3 to 10.
    """
    prior = PriorConfig()
    batches = []
    for i in range(groups):
        u, v, w = (((i + 1) * step) % 1 for step in (0.8191725, 0.6710436, 0.5497005))  # Roberts' sequence
        features, classes = round(2 * 20**v), 2 if w < 0.4 else 3 + int((w - 0.4) / 0.6 * 8)
        support = max(5 * classes, min(round(40 * 15**u), 4000 // features))
        shape = TaskShape(support, prior.query, features, classes)
        batches.append(sample_tasks(prior, 4, shape, seed=VALIDATION_SEED, index=i, device=device))
    return batches


class Scores(NamedTuple):
    """Means over tasks, of query rows; the children have predicted penalties."""

    loss: float  # nats, at most 3 per task
    auc: float  # one-vs-one
    accuracy: float


def one_vs_one_auc(probability: Tensor, y: Tensor) -> Tensor:
    """Mean one-vs-one ROC AUC over pairs of classes that have rows: (B, Q, C) and (B, Q) to (B,); nan for one class.

    As scikit-learn's ``roc_auc_score(multi_class="ovo")``: of rows of classes a and b, how often the score of a ranks
    a row of a above one of b; ties count half.
    """
    onehot = F.one_hot(y, probability.shape[-1]).to(probability.dtype)  # (B, Q, C)
    high, low = probability[:, :, None], probability[:, None]
    above = (high > low).to(onehot.dtype) + 0.5 * (high == low)  # (B, Q, Q, C) by the score of each class
    wins = torch.einsum("bia,bija,bjc->bac", onehot, above, onehot)  # (B, C, C)
    count = onehot.sum(1)  # (B, C)
    pairs = (count[:, :, None] * count[:, None]) * (1 - torch.eye(onehot.shape[-1], device=y.device))
    return (wins / pairs.clamp(min=1) * (pairs > 0)).sum((1, 2)) / (pairs > 0).sum((1, 2))


@torch.no_grad()
def validation_scores(network: Hypernetwork, tasks: list[TaskBatch], width: int = 128) -> Scores:
    """Loss, AUC and accuracy of children of at most ``width`` units with predicted penalties."""
    rows = []
    for batch in tasks:
        with autocast(batch.X.device.type):
            logits = predicted_penalty_logits(network, batch, min(width, network.config.units))
        y = batch.y[:, batch.shape.support :]
        auc = one_vs_one_auc(torch.softmax(logits, -1), y)
        rows.append(torch.stack([cross_entropy(logits, y).clamp(max=3), auc, (logits.argmax(-1) == y).float().mean(1)]))
    return Scores(*torch.cat(rows, 1).nanmean(1).tolist())
