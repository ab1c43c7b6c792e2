"""From encoded inputs and labels to the weights of a child: one hypernetwork pass, then the output layer solved.

The strength of the output layer's penalty is chosen by cross-validation of that layer alone, its units fixed; or, in
the one-pass mode, taken with the temperature from the hypernetwork. Nothing here knows about columns, files or
estimators.

Axis letters: N rows, F features, D inputs (features and their ramps), H units, K = D + H, C classes.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.head import FeatureScale, OutputLayer, features_of_kind, mean_of_kinds, solve, weighted_gram
from mothernet.hypernetwork import Hypernetwork, UnitLayer, hidden_units

__all__ = ["ChildWeights", "HeadMode", "fit_child_weights"]

HeadMode = Literal["cross-validated", "one-pass"]

MAX_CELLS = 60_000  # (context rows + units) x (inputs + 1) that the hypernetwork reads at most
MAX_CONTEXT_ROWS, MIN_CONTEXT_ROWS = 640, 128
MAX_CONTEXT_INPUTS = 256  # further inputs reach the output layer directly, without hidden units
PENALTY_FACTORS = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
PENALTY_RATIOS = (10.0, 0.1)  # of the penalty of features, then of ramps, beside what the hypernetwork says
# nats / rows that a change of all penalties by a factor e costs: few rows say little, the hypernetwork knows more
PENALTY_BELIEF = 0.4
LOSS_TEMPERATURE = 2.0  # nats of all rows that make a penalty e times less likely
FOLDS = 5
MAX_ROUNDING_ERROR = 4e-6  # of a probability, before the encoding is folded in and adds its own
MAX_STRENGTHENINGS = 8
MIN_FOLD_ROWS, MAX_FOLD_ROWS = 1_000, 4_000  # rows that cross-validation uses, fewer when ...
MAX_FOLD_CELLS = 4_000_000  # ... rows x head features x classes would exceed this


class ChildWeights(NamedTuple):
    """A child on encoded inputs: logits = act(x first[:, :H] + bias[:H]) @ output + x first[:, H:] + bias[H:]."""

    first_weight: npt.NDArray[np.float64]  # (D, H + C)
    first_bias: npt.NDArray[np.float64]  # (H + C,)
    output_weight: npt.NDArray[np.float64]  # (H, C)


def fit_child_weights(
    network: Hypernetwork,
    inputs: npt.NDArray[np.float32],
    ramp_places: npt.NDArray[np.int64],
    y: npt.NDArray[np.int64],
    n_classes: int,
    *,
    width: int,
    head: HeadMode,
    rng: np.random.Generator,
) -> ChildWeights:
    """Fit a child.

    Parameters
    ----------
    inputs : (N, D) array
        Encoded and finite: features, about standardised, then ramps. D may be zero: the child then predicts the class
        frequencies.
    ramp_places : (ramps, 2) array
        Feature of each ramp and its number among the ramps of that feature.
    y : (N,) array
        Labels in ``range(n_classes)``, every class present.
    rng : numpy.random.Generator
        Draws the rows that a large table is read by, and the folds.
    """
    device = next(network.parameters()).device
    x = torch.from_numpy(inputs).to(device)[None]  # (1, N, D)
    labels = torch.from_numpy(y).to(device)  # (N,)
    places = torch.from_numpy(ramp_places).to(device)
    layer = _unit_layer(network, x[0], places, labels, n_classes, width, rng)
    phi = torch.cat([x, hidden_units(x, layer, network.config.activation)], -1)  # (1, N, K)
    scale = FeatureScale.fit(phi)
    phi = scale(phi).double()  # weak penalties and repeated columns are beyond float32
    onehot = F.one_hot(labels, n_classes).to(phi.dtype)[None]  # (1, N, C)
    D, kinds = x.shape[-1], network.config.kinds(width)
    group = torch.tensor([0, 1, 2], device=device).repeat_interleave(
        torch.tensor([D - len(places), len(places), width], device=device)
    )  # (K,)
    penalty = (layer.log_penalty.double() - math.log(phi.shape[1])).exp()[:, group]  # (1, K)
    temperature = 1.0
    if head == "one-pass":
        temperature = float(layer.log_temperature.exp())
    else:
        # by the anchored units, if any: they know labels through the relevance of features only
        seen = features_of_kind(D, kinds, "a" if "a" in kinds else kinds[0]).to(device)
        factor = _cross_validated(phi[..., seen], labels, n_classes, penalty[:, seen], group[seen], rng)  # (3,)
        penalty = penalty * factor[group]
    for _ in range(MAX_STRENGTHENINGS):
        solved = mean_of_kinds(phi, onehot, penalty, kinds, steps=500, tolerance=1e-9)
        weight = solved.weight[0] * temperature / scale.scale[0].T  # (K, C) on unstandardised features
        bias = solved.bias[0, 0] * temperature - scale.mean[0, 0].double() @ weight  # (C,)
        first = torch.cat([layer.weight[0].double(), weight[:D]], 1)
        first_bias = torch.cat([layer.bias[0].double(), bias])
        error = _rounding_error(x[0, :MAX_FOLD_ROWS], first, first_bias, weight[D:], network.config.activation)
        if error < MAX_ROUNDING_ERROR:
            break
        penalty = 3 * penalty  # weights so large and opposed that the file's float32 sums would show it
    return ChildWeights(*(tensor.cpu().numpy() for tensor in (first, first_bias, weight[D:])))


def _rounding_error(x: Tensor, first: Tensor, first_bias: Tensor, output: Tensor, activation: str) -> float:
    """Greatest difference of a probability on (N, D) inputs between float32 and float64 evaluation."""
    probabilities = []
    for dtype in (torch.float32, torch.float64):
        a, b, c = (tensor.float().to(dtype) for tensor in (first, first_bias, output))
        pre = x.to(dtype) @ a + b  # (N, H + C)
        hidden = torch.tanh(pre[:, : len(c)]) if activation == "tanh" else F.relu(pre[:, : len(c)])
        probabilities.append((hidden @ c + pre[:, len(c) :]).softmax(-1).double())
    return float((probabilities[0] - probabilities[1]).abs().max())


def _unit_layer(
    network: Hypernetwork,
    x: Tensor,
    ramp_places: Tensor,
    y: Tensor,
    n_classes: int,
    width: int,
    rng: np.random.Generator,
) -> UnitLayer:
    """The hidden layer for (N, D) inputs, its log penalties in units of 1 / rows."""
    n_features = x.shape[1] - len(ramp_places)
    if n_features == 0:
        return UnitLayer(x.new_zeros(1, 0, width), x.new_zeros(1, width), x.new_zeros(1, 3), x.new_zeros(1))
    chosen = _screen(x[:, :n_features], y, n_classes)
    budget = MAX_CELLS // (len(chosen) + 1) - width
    rows = _stratified_rows(y.cpu().numpy(), min(MAX_CONTEXT_ROWS, max(MIN_CONTEXT_ROWS, budget)), rng)
    context = x[torch.from_numpy(rows).to(x.device)][:, chosen]
    with torch.inference_mode():
        layer = network(context[None], y[torch.from_numpy(rows).to(y.device)][None], n_classes, width)
    n_read = len(chosen)
    weight = x.new_zeros(1, x.shape[1], width)
    weight[:, chosen] = layer.weight[:, :n_read]
    if len(ramp_places):
        ramps = x.new_zeros(n_features, network.config.ramps, width)
        ramps[chosen] = layer.weight[0, n_read:].view(n_read, -1, width)
        weight[0, n_features:] = ramps[ramp_places[:, 0], ramp_places[:, 1]]
    return layer._replace(weight=weight, log_penalty=layer.log_penalty + math.log(len(rows)))


def _screen(x: Tensor, y: Tensor, n_classes: int) -> Tensor:
    """Inputs that the hypernetwork reads: all, or those whose class means differ most (F statistic)."""
    D = x.shape[1]
    if D <= MAX_CONTEXT_INPUTS:
        return torch.arange(D, device=x.device)
    onehot = F.one_hot(y, n_classes).to(x.dtype)  # (N, C)
    count = onehot.sum(0)[:, None]
    mean = onehot.T @ x / count  # (C, D)
    between = (count * (mean - x.mean(0)).square()).sum(0)
    within = (x - mean[y]).square().sum(0)
    return (between / (within + 1e-6)).topk(MAX_CONTEXT_INPUTS).indices.sort().values


def _stratified_rows(y: npt.NDArray[np.int64], n_rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Row numbers, in order: all if they fit, else a sample with classes in proportion, each of them if possible."""
    if len(y) <= n_rows:
        return np.arange(len(y))
    position = np.empty(len(y))
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        # evenly spread places: the first n_rows hold every class in proportion, and one row of each class comes first
        place = (rng.permutation(len(members)) + rng.random()) / len(members)
        place[place.argmin()] = -1
        position[members] = place
    return np.sort(position.argsort(kind="stable")[:n_rows])


def _folds(y: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Fold of every row; the rows of a class are dealt out in turn."""
    order = rng.permutation(len(y))
    order = order[y[order].argsort(kind="stable")]
    fold = np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % FOLDS
    return fold


def _cross_validated(
    phi: Tensor, y: Tensor, n_classes: int, penalty: Tensor, group: Tensor, rng: np.random.Generator
) -> Tensor:
    """Factors (3,) on the penalties of features, ramps and units, by cross-validated log loss of the output layer.

    Tried are factors on all three, from strong to weak, each solve starting at the one before; then factors on the
    features alone and on the ramps alone. Since the units have seen the labels of the rows held out, and since few
    rows say little, a penalty far from the hypernetwork's own must promise more. What is taken is the mean of the
    logarithms of all that were tried, the better the more: the best by a hair is so by chance.
    """
    budget = MAX_FOLD_CELLS // (phi.shape[2] * n_classes)
    rows = _stratified_rows(y.cpu().numpy(), min(MAX_FOLD_ROWS, max(MIN_FOLD_ROWS, budget)), rng)
    chosen = torch.from_numpy(rows).to(phi.device)
    per_row = phi.shape[1] / len(rows)  # lambda goes with 1 / rows
    phi, y = phi[:, chosen], y[chosen]
    fold = torch.from_numpy(_folds(y.cpu().numpy(), rng)).to(phi.device)
    held_out = fold[None] == torch.arange(FOLDS, device=phi.device)[:, None]  # (folds, n)
    row_weight = (~held_out).to(phi.dtype)
    gram = weighted_gram(phi, row_weight) if phi.shape[1] >= phi.shape[2] else None
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
            row_weight=row_weight,
            gram=gram,
            start=start,
            steps=30,
            tolerance=1e-5,
        )
        log_p = F.log_softmax(output(phi), -1).gather(-1, y[None, :, None].expand(FOLDS, -1, 1))[..., 0]
        distance = float(factor[group].log().square().mean())
        losses.append(float(-log_p[counted].mean()) + PENALTY_BELIEF * distance / len(y))
        factors.append(factor)
        return losses[-1], output

    best, best_loss, best_output = penalty.new_ones(3), math.inf, None
    output, worse = None, 0
    for size in PENALTY_FACTORS:
        loss, output = attempt(factor := penalty.new_full((3,), size), output)
        if loss < best_loss:
            best, best_loss, best_output, worse = factor, loss, output, 0
        else:
            worse += 1
            if worse == 2:
                break
    for alone in (0, 1):
        for ratio in PENALTY_RATIOS if (group == alone).any() else ():
            factor = best.clone()
            factor[alone] *= ratio
            loss, output = attempt(factor, best_output)
            if loss < best_loss:
                best, best_loss, best_output = factor, loss, output
                break
    likelihood = torch.softmax(-len(y) / LOSS_TEMPERATURE * torch.tensor(losses, dtype=penalty.dtype), 0)
    return (likelihood.to(penalty.device) @ torch.stack(factors).log()).exp()
