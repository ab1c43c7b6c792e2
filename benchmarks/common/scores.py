"""Scores of predicted probabilities, and their means over tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from mothernet.commands.scores import calibration_error

__all__ = ["SCORES", "calibration_error", "means_by_model", "one_vs_one_auc", "scored"]

SCORES = ("auc", "log_loss", "accuracy", "calibration_error", "fit_seconds", "predict_seconds")


def scored(y: npt.NDArray[np.int64], probability: npt.NDArray[np.float64]) -> dict[str, float]:
    """AUC (one-vs-one), log loss (nats), accuracy and calibration error.

    Parameters
    ----------
    y : (N,) array
        Classes in ``range(C)``.
    probability : (N, C) array
        Clipped to 1e-9 and normalised before anything is measured.
    """
    p = np.clip(np.asarray(probability, float), 1e-9, 1)
    p /= p.sum(1, keepdims=True)
    return {
        "auc": one_vs_one_auc(y, p),
        "log_loss": float(log_loss(y, p, labels=np.arange(p.shape[1]))),
        "accuracy": float(accuracy_score(y, p.argmax(1))),
        "calibration_error": calibration_error(y, p),
    }


def one_vs_one_auc(y: npt.NDArray[np.int64], p: npt.NDArray[np.float64]) -> float:
    """Mean ROC AUC over pairs of the classes that have rows; NaN if only one has."""
    seen = np.unique(y)
    if len(seen) < 2:
        return math.nan
    if p.shape[1] == 2:
        return float(roc_auc_score(y, p[:, 1]))
    p = p[:, seen] / p[:, seen].sum(1, keepdims=True)
    if len(seen) == 2:
        return float(roc_auc_score(y == seen[1], p[:, 1]))
    return float(roc_auc_score(y, p, multi_class="ovo", labels=seen))


def means_by_model(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Means over tables and splits of every model's scores, its mean rank by the tables' mean AUC, and its tables."""
    frame = pd.DataFrame(list(rows))
    means = frame.groupby("model")[[name for name in SCORES if name in frame]].mean().round(4)
    by_table = frame.groupby(["table", "model"])["auc"].mean().unstack()
    means["rank"] = by_table.rank(axis=1, ascending=False).mean().round(2)
    means["tables"] = frame.groupby("model")["table"].nunique()
    found: dict[str, dict[str, float]] = means.to_dict("index")
    return found
