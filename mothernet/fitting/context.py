"""Which rows and features of a table the hypernetwork reads, and the hidden layer that it generates from them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.network.hypernetwork import GeneratedLayer, Hypernetwork
from mothernet.settings import FitSettings

__all__ = ["generate_hidden_layer", "screened_features", "stratified_rows"]


def generate_hidden_layer(
    network: Hypernetwork,
    x: Tensor,
    ramp_index: Tensor,
    y: Tensor,
    n_classes: int,
    width: int,
    rng: np.random.Generator,
    settings: FitSettings,
) -> GeneratedLayer:
    """One pass of the hypernetwork over a sample of the table.

    Parameters
    ----------
    x : (N, D) tensor
        Encoded inputs: features, then ramps.
    ramp_index : (ramps, 2) tensor
        Feature of each ramp and its number among the ramps of that feature.

    Returns
    -------
    GeneratedLayer
        For one task and all D inputs, zero weights for those that were not read; log penalties in units of 1 / rows.
    """
    n_features = x.shape[1] - len(ramp_index)
    if n_features == 0:
        return GeneratedLayer(x.new_zeros(1, 0, width), x.new_zeros(1, width), x.new_zeros(1, 3), x.new_zeros(1))
    chosen = screened_features(x[:, :n_features], y, n_classes, settings.max_context_features)
    budget = settings.max_cells // (len(chosen) + 1) - width
    n_rows = min(settings.max_context_rows, max(settings.min_context_rows, budget))
    rows = stratified_rows(y.cpu().numpy(), n_rows, rng)
    context = x[torch.from_numpy(rows).to(x.device)][:, chosen]
    with torch.inference_mode():
        layer = network(context[None], y[torch.from_numpy(rows).to(y.device)][None], n_classes, width)
    n_read = len(chosen)
    weight = x.new_zeros(1, x.shape[1], width)
    weight[:, chosen] = layer.weight[:, :n_read]
    if len(ramp_index):
        ramps = x.new_zeros(n_features, network.config.ramps, width)
        ramps[chosen] = layer.weight[0, n_read:].view(n_read, -1, width)
        weight[0, n_features:] = ramps[ramp_index[:, 0], ramp_index[:, 1]]
    return layer._replace(weight=weight, log_penalty=layer.log_penalty + math.log(len(rows)))


def screened_features(x: Tensor, y: Tensor, n_classes: int, max_features: int) -> Tensor:
    """Ascending indices of all features, or of those whose class means differ most (F statistic): (N, D) to (d,)."""
    D = x.shape[1]
    if max_features >= D:
        return torch.arange(D, device=x.device)
    onehot = F.one_hot(y, n_classes).to(x.dtype)  # (N, C)
    count = onehot.sum(0)[:, None]
    mean = onehot.T @ x / count  # (C, D)
    between = (count * (mean - x.mean(0)).square()).sum(0)
    within = (x - mean[y]).square().sum(0)
    return (between / (within + 1e-6)).topk(max_features).indices.sort().values


def stratified_rows(y: npt.NDArray[np.int64], n_rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
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
