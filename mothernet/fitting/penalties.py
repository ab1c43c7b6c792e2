"""The output layer's penalties by cross-validation of that layer, its units fixed.

Axis letters: n rows, K features of the output layer, C classes; groups of features are features, ramps and units.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.fitting.context import stratified_rows
from mothernet.network.output_layer import OutputLayer, solve, weighted_gram
from mothernet.settings import FitSettings

__all__ = ["cross_validated_factors"]


def cross_validated_factors(
    phi: Tensor,
    y: Tensor,
    n_classes: int,
    penalty: Tensor,
    group: Tensor,
    rng: np.random.Generator,
    settings: FitSettings,
    row_weight: Tensor | None = None,
) -> Tensor:
    """Factors (3,) on the penalties of features, ramps and units, by cross-validated log loss of the output layer.

    Tried are factors on all three, from strong to weak, each solve starting at the one before; then factors on the
    features alone and on the ramps alone. Since the units have seen the labels of the rows held out, and since few
    rows say little, a penalty far from the hypernetwork's own must promise more. What is taken is the mean of the
    logarithms of all that were tried, weighted by their likelihood: the best by a hair is so by chance.

    Parameters
    ----------
    phi : (1, n, K) tensor
        Standardised features of the output layer.
    y : (n,) tensor
        Labels in ``range(n_classes)``.
    penalty : (1, K) tensor
        What the hypernetwork says.
    group : (K,) tensor
        0 for features, 1 for ramps, 2 for units.
    rng : numpy.random.Generator
        Draws the rows and their folds.
    row_weight : (1, n) tensor, optional
        Weights of the rows in the loss. Default: all equal.
    """
    budget = settings.max_fold_cells // (phi.shape[2] * n_classes)
    n_rows = min(settings.max_fold_rows, max(settings.min_fold_rows, budget))
    rows = stratified_rows(y.cpu().numpy(), n_rows, rng)
    chosen = torch.from_numpy(rows).to(phi.device)
    per_row = phi.shape[1] / len(rows)  # lambda goes with 1 / rows
    phi, y = phi[:, chosen], y[chosen]
    fold = torch.from_numpy(_folds(y.cpu().numpy(), settings.folds, rng)).to(phi.device)
    held_out = fold[None] == torch.arange(settings.folds, device=phi.device)[:, None]  # (folds, n)
    trained = (~held_out).to(phi.dtype)
    judged = None
    if row_weight is not None:
        judged = row_weight[:, chosen].expand(settings.folds, -1)  # (folds, n)
        trained = trained * judged
    gram = weighted_gram(phi, trained) if phi.shape[1] >= phi.shape[2] else None
    # the only row of a class cannot be predicted without it, and must not decide
    counted = held_out & (torch.bincount(y, minlength=n_classes)[y] > 1)
    if not counted.any():
        return penalty.new_ones(3)
    losses, factors = [], []
    onehot = F.one_hot(y, n_classes).to(phi.dtype)[None]

    def attempt(factor: Tensor, start: OutputLayer | None) -> tuple[float, OutputLayer]:
        output = solve(
            phi,
            onehot,
            penalty * factor[group] * per_row,
            row_weight=trained,
            gram=gram,
            start=start,
            steps=settings.fold_steps,
            tolerance=settings.fold_tolerance,
        )
        log_p = F.log_softmax(output(phi), -1).gather(-1, y[None, :, None].expand(settings.folds, -1, 1))[..., 0]
        distance = float(factor[group].log().square().mean())
        fit = log_p[counted].mean() if judged is None else (log_p * judged)[counted].sum() / judged[counted].sum()
        losses.append(float(-fit) + settings.penalty_prior * distance / len(y))
        factors.append(factor)
        return losses[-1], output

    best, best_loss, best_output = penalty.new_ones(3), math.inf, None
    output, worse = None, 0
    for size in settings.penalty_factors:
        loss, output = attempt(factor := penalty.new_full((3,), size), output)
        if loss < best_loss:
            best, best_loss, best_output, worse = factor, loss, output, 0
        else:
            worse += 1
            if worse == settings.penalty_patience:
                break
    for alone in (0, 1):
        for ratio in settings.penalty_ratios if (group == alone).any() else ():
            factor = best.clone()
            factor[alone] *= ratio
            loss, output = attempt(factor, best_output)
            if loss < best_loss:
                best, best_loss, best_output = factor, loss, output
                break
    log_likelihood = -len(y) / settings.loss_temperature * torch.tensor(losses, dtype=penalty.dtype)
    return (torch.softmax(log_likelihood, 0).to(penalty.device) @ torch.stack(factors).log()).exp()


def _folds(y: npt.NDArray[np.int64], n_folds: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Fold of every row; the rows of a class are dealt out in turn."""
    order = rng.permutation(len(y))
    order = order[y[order].argsort(kind="stable")]
    fold = np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % n_folds
    return fold
