"""Which rows and features of a table the hypernetwork reads, and the hidden layer that it generates from them.

Axis letters: N rows, D inputs (features, then ramps), H units.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mothernet.network.forward import ForwardPass, GeneratedLayer
from mothernet.settings import FitSettings

__all__ = ["generate_hidden_layer", "screened_features", "stratified_rows"]

Indices = npt.NDArray[np.int64]


def generate_hidden_layer(
    network: ForwardPass,
    x: npt.NDArray[np.float32],
    ramp_index: Indices,
    y: Indices,
    n_classes: int,
    width: int,
    rng: np.random.Generator,
    settings: FitSettings,
) -> GeneratedLayer:
    """One pass of the hypernetwork over a sample of the table.

    Parameters
    ----------
    x : (N, D) array
        Encoded inputs: features, then ramps.
    ramp_index : (ramps, 2) array
        Feature of each ramp and its number among the ramps of that feature.

    Returns
    -------
    GeneratedLayer
        For all D inputs, with zero weights for those that were not read; log penalties in units of 1 / rows.
    """
    n_features = x.shape[1] - len(ramp_index)
    if n_features == 0:
        return GeneratedLayer(np.zeros((0, width)), np.zeros(width), np.zeros(3), 0.0)
    chosen = screened_features(x[:, :n_features], y, n_classes, settings.max_context_features)
    budget = settings.max_cells // (len(chosen) + 1) - width
    n_rows = min(settings.max_context_rows, max(settings.min_context_rows, budget))
    rows = stratified_rows(y, n_rows, rng)
    layer = network(x[np.ix_(rows, chosen)], y[rows], n_classes, width)
    n_read, n_ramps = len(chosen), network.config.ramps
    weight = np.zeros((x.shape[1], width))
    weight[chosen] = layer.weight[:n_read]
    if len(ramp_index):
        ramps = np.zeros((n_features, n_ramps, width))
        ramps[chosen] = layer.weight[n_read:].reshape(n_read, n_ramps, width)
        weight[n_features:] = ramps[ramp_index[:, 0], ramp_index[:, 1]]
    return layer._replace(weight=weight, log_penalty=layer.log_penalty + math.log(len(rows)))


def screened_features(x: npt.NDArray[np.float32], y: Indices, n_classes: int, max_features: int) -> Indices:
    """Ascending indices of all features, or of those whose class means differ most (F statistic): (N, D) to (d,)."""
    D = x.shape[1]
    if max_features >= D:
        return np.arange(D)
    onehot = np.eye(n_classes, dtype=x.dtype)[y]  # (N, C)
    count = onehot.sum(axis=0)[:, None]
    mean = onehot.T @ x / count  # (C, D)
    between = (count * (mean - x.mean(axis=0)) ** 2).sum(axis=0)
    within = ((x - mean[y]) ** 2).sum(axis=0)
    return np.sort(np.argsort(-between / (within + 1e-6), kind="stable")[:max_features])


def stratified_rows(y: Indices, n_rows: int, rng: np.random.Generator) -> Indices:
    """Ascending indices: all rows if they fit, else a sample with classes in proportion, each of them if possible."""
    if len(y) <= n_rows:
        return np.arange(len(y))
    position = np.empty(len(y))
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        # evenly spread positions: the first n_rows hold every class in proportion, and one row of each comes first
        spread = (rng.permutation(len(members)) + rng.random()) / len(members)
        spread[spread.argmin()] = -1
        position[members] = spread
    return np.sort(position.argsort(kind="stable")[:n_rows])
