"""How much better a model is than others, and how sure that is: differences over tables, their intervals, wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["compared", "mean_interval"]

DRAWS, COVERAGE, SEED = 10_000, 0.95, 0
TIE = 0.001  # a smaller difference on a table is a tie
BETTER = {"auc": 1, "log_loss": -1}  # sign of a difference that is for the better


def mean_interval(differences: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Bootstrap interval of a mean over tables: 95 % percentiles of 10,000 draws, seeded.

    Parameters
    ----------
    differences : (T,) array
        One for each table; tables are what is drawn, so the interval says how it would be on other tables like these.

    References
    ----------
    Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapter 13.
    """
    drawn = np.random.default_rng(SEED).integers(len(differences), size=(DRAWS, len(differences)))
    low, high = np.quantile(differences[drawn].mean(1), [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)


def compared(rows: Sequence[dict[str, Any]], model: str) -> dict[str, dict[str, dict[str, float]]]:
    """A model beside each other one, by model and score: mean difference over tables, its interval, wins and losses.

    Parameters
    ----------
    rows : sequence of dict
        With ``table``, ``split``, ``model``, ``auc`` and ``log_loss``. Splits where one of two models has no score do
        not count; a table counts with the mean over its splits.

    Returns
    -------
    dict
        ``difference`` (of the model minus the other), ``low``, ``high``, ``wins``, ``ties``, ``losses`` and ``tables``.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    frame = pd.DataFrame(list(rows))
    for score, better in BETTER.items():
        by_model = frame.pivot_table(index=["table", "split"], columns="model", values=score)
        for other in by_model.columns.drop(model, errors="ignore") if model in by_model else ():
            difference = (by_model[model] - by_model[other]).dropna().groupby("table").mean().to_numpy()  # (T,)
            if not len(difference):
                continue
            low, high = mean_interval(difference)
            wins, losses = (int((sign * better * difference >= TIE).sum()) for sign in (1, -1))
            found.setdefault(other, {})[score] = {
                "difference": round(float(difference.mean()), 4),
                "low": round(low, 4),
                "high": round(high, 4),
                "wins": wins,
                "ties": len(difference) - wins - losses,
                "losses": losses,
                "tables": len(difference),
            }
    return found
