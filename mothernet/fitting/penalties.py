"""The output layer's penalties by cross-validation of that layer, its units fixed.

Axis letters: n rows, K features of the output layer, C classes; groups of features are features, ramps and units.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mothernet.fitting.hidden_layer import stratified_rows
from mothernet.fitting.output_layer import OutputLayer, solve
from mothernet.fitting.probabilities import log_softmax, softmax
from mothernet.settings import FitSettings

__all__ = ["CrossValidation", "cross_validated", "held_out_temperature", "stratified_folds"]

_TEMPERATURES = 13  # of a grid

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


class CrossValidation(NamedTuple):
    """What cross-validation says of the output layer."""

    factors: Array  # (3,) on the penalties of features, ramps and units
    temperature: float  # factor on the logits


def cross_validated(
    phi: Array,
    y: Indices,
    n_classes: int,
    penalty: Array,
    group: Indices,
    rng: np.random.Generator,
    settings: FitSettings,
    row_weight: Array | None = None,
) -> CrossValidation:
    """Factors on the penalties, and on the logits, by the log loss of the output layer on rows held out.

    Tried are factors on all three, from strong to weak, each solve starting at the one before; then factors on the
    features alone and on the ramps alone. Since the units have seen the labels of the rows held out, and since few
    rows say little, a penalty far from the hypernetwork's own must promise more. What is taken is the mean of the
    logarithms of all that were tried, weighted by their likelihood: the best by a hair is so by chance. How sure the
    child may be is asked of the best one's logits; few rows say little about it, so it stays near one unless they
    insist (a normal prior on its logarithm).

    Parameters
    ----------
    phi : (n, K) array
        Standardised features of the output layer.
    y : (n,) array
        Labels in ``range(n_classes)``.
    penalty : (K,) array
        What the hypernetwork says.
    group : (K,) array
        0 for features, 1 for ramps, 2 for units.
    rng : numpy.random.Generator
        Draws the rows and their folds.
    row_weight : (n,) array, optional
        Weights of the rows in the loss. Default: all equal.
    """
    budget = settings.max_fold_cells // (phi.shape[1] * n_classes)
    n_rows = min(settings.max_fold_rows, max(settings.min_fold_rows, budget))
    rows = stratified_rows(y, n_rows, rng)
    per_row = len(phi) / len(rows)  # lambda goes with 1 / rows
    phi, y = phi[rows], y[rows]
    weight = np.ones(len(rows)) if row_weight is None else row_weight[rows]
    fold = stratified_folds(y, settings.folds, rng)
    held_out = fold == np.arange(settings.folds)[:, None]  # (folds, n)
    # the only row of a class cannot be predicted without it, and must not decide
    counted = np.bincount(y, minlength=n_classes)[y] > 1  # (n,)
    if not counted.any():
        return CrossValidation(np.ones(3), 1.0)
    losses: list[float] = []
    factors: list[Array] = []
    onehot = np.eye(n_classes)[y]

    def attempt(factor: Array, start: OutputLayer | None) -> tuple[float, OutputLayer, Array]:
        if start is not None and len(losses) % 2 == 0:  # near enough for one other penalty, not for more
            start = start._replace(inverse=None)
        output = solve(
            phi,
            onehot,
            penalty * factor[group] * per_row,
            steps=settings.fold_steps,
            tolerance=settings.fold_tolerance,
            row_weight=~held_out * weight,
            start=start,
        )
        logits = output(phi)[fold, np.arange(len(y))]  # (n, C) of the problem that a row was held out of
        log_p = log_softmax(logits)[np.arange(len(y)), y]
        distance = float((np.log(factor[group]) ** 2).mean())
        fit = float(weight[counted] @ log_p[counted] / weight[counted].sum())
        losses.append(settings.penalty_prior * distance / len(y) - fit)
        factors.append(factor)
        return losses[-1], output, logits

    best, best_loss, best_output, best_logits = np.ones(3), math.inf, None, np.zeros((0, 0))
    output, worse = None, 0
    for size in settings.penalty_factors:
        loss, output, logits = attempt(factor := np.full(3, size), output)
        if loss < best_loss:
            best, best_loss, best_output, best_logits, worse = factor, loss, output, logits, 0
        else:
            worse += 1
            if worse == settings.penalty_patience:
                break
    for alone in (0, 1):
        for ratio in settings.penalty_ratios if (group == alone).any() else ():
            factor = best.copy()
            factor[alone] *= ratio
            loss, output, logits = attempt(factor, best_output)
            if loss < best_loss:
                best, best_loss, best_output, best_logits = factor, loss, output, logits
                break
    likelihood = softmax(-len(y) / settings.loss_temperature * np.array(losses))
    temperature = held_out_temperature(
        best_logits[counted], y[counted], weight[counted], settings.temperature_deviation
    )
    return CrossValidation(np.exp(likelihood @ np.log(factors)), temperature)


def held_out_temperature(logits: Array, y: Indices, row_weight: Array, deviation: float) -> float:
    """The most probable factor on (n, C) logits of rows that were held out; `deviation` is that of its logarithm."""
    found, reach = 0.0, 5 * deviation
    for _ in range(2):  # about the best of the first grid, a finer one
        tried, costs = found + reach * np.linspace(-1, 1, _TEMPERATURES), []
        for logarithm in tried:
            log_p = log_softmax(np.exp(logarithm) * logits)[np.arange(len(y)), y]
            costs.append(logarithm**2 / (2 * deviation**2) - row_weight @ log_p)
        found, reach = float(tried[np.argmin(costs)]), 2 * reach / (_TEMPERATURES - 1)
    return float(np.exp(found))


def stratified_folds(y: Indices, n_folds: int, rng: np.random.Generator) -> Indices:
    """Fold of every row; the rows of a class are dealt out in turn."""
    order = rng.permutation(len(y))
    order = order[y[order].argsort(kind="stable")]
    fold = np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % n_folds
    return fold
