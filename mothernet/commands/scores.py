"""Scores of probabilities, by NumPy alone: a command that fits for a second must not load packages for another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

__all__ = ["Scores", "score"]

_SMALLEST = float(np.finfo(np.float64).eps)  # of a probability, as scikit-learn bounds it


@dataclass(frozen=True)
class Scores:
    """Mean one-vs-one ROC AUC, log loss (nats) and accuracy."""

    auc: float
    log_loss: float
    accuracy: float


def score(y: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating]) -> Scores:
    """Scores of probabilities (N, C) against labels (N,) in ``range(C)``, each of which occurs; as scikit-learn's."""
    p = probabilities.astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    pairs = []
    for a, b in combinations(range(p.shape[1]), 2):
        rows = (y == a) | (y == b)
        pairs.append((_auc(y[rows] == a, p[rows, a]) + _auc(y[rows] == b, p[rows, b])) / 2)
    loss = -np.log(p[np.arange(len(y)), y].clip(_SMALLEST, 1 - _SMALLEST)).mean()
    return Scores(float(np.mean(pairs)), float(loss), float((p.argmax(axis=1) == y).mean()))


def _auc(is_positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> float:
    """How often a positive row has the higher score than a negative one; ties count half."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    mid_rank = count.cumsum() - (count - 1) / 2  # (distinct scores,)
    n_positive = int(is_positive.sum())
    above = mid_rank[place][is_positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * (len(score) - n_positive)))
