"""Which units of a large hidden layer a small one can do without.

Optimal brain surgeon (Hassibi and Stork, NeurIPS 1992) on a ridge regression of the teacher's logits, rows weighted by
how uncertain they are: a squared error is then twice a divergence, and what is lost without a unit, if all others make
up for it, is known from the inverse of one matrix. Units go in batches of the cheapest, and the inverse shrinks by
blocks, so that hundreds of units cost a few products of matrices. What a unit must be worth belongs elsewhere.

Axis letters: N rows, V inputs, H units, K = V + H features, C classes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mothernet.fitting.cholesky_inverse import damped_inverse

__all__ = ["heaviest_units", "surviving_units"]

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]

BATCHES = 12  # of the units left, so large a part goes at a time ...
ALONE = 24  # ... and this part once fewer than twice as many are left
_RIDGE = 1e-6  # on features of variance one


def heaviest_units(units: Floats, output_weight: Array, row_weight: Array, n_kept: int) -> npt.NDArray[np.int64]:
    """Ascending indices of the units, (N, H) with weights (H, C), by which the logits vary most."""
    share = row_weight.astype(units.dtype)
    variance = (share @ units**2 - (share @ units) ** 2) * (output_weight**2).sum(axis=1)
    return np.sort((-variance).argsort(kind="stable")[:n_kept])


def surviving_units(
    inputs: Array,
    units: Floats,
    logits: Array,
    uncertainty: Array,
    *,
    price: float,
    budget: float,
    max_units: int,
    scale_floor: float,
) -> tuple[npt.NDArray[np.int64], Array, Array, Array]:
    """Units that are worth their price, and a layer on inputs and these units that explains the logits.

    Parameters
    ----------
    inputs, units, logits : (N, V), (N, H) and (N, C) arrays
    uncertainty : (N,) array
        Weights of the rows, which sum to one, times one minus the sum of the squared probabilities.
    price, budget : float
        What one unit may cost (nats), and all that go together.
    max_units : int
        So many at most, whatever the others cost.

    Returns
    -------
    Indices of the units (H',), weights of the inputs (V, C), of the units (H', C), and the bias (C,).
    """
    V, H = inputs.shape[1], units.shape[1]
    uncertainty = np.maximum(uncertainty, 1e-12 / len(uncertainty))
    total = float(uncertainty.sum())
    price, budget, share = price / total, budget / total, uncertainty / total
    root = np.sqrt(share)[:, None]
    phi = np.empty((len(inputs), V + H))  # (N, K)
    np.multiply(inputs, root, out=phi[:, :V])
    np.multiply(units, root, out=phi[:, V:])
    mean, centre = root[:, 0] @ phi, share @ logits  # (K,), (C,)
    gram = phi.T @ phi - np.outer(mean, mean)  # (K, K) of centred features
    scale = np.sqrt(np.maximum(gram.diagonal(), 0)) + scale_floor
    inverse = damped_inverse(gram / np.outer(scale, scale), _RIDGE)
    layer = inverse @ ((phi.T @ (root * logits) - np.outer(mean, centre)) / scale[:, None])  # (K, C)
    # what is left, and its part of the inverse: what it says of inputs, nobody asks before the end
    left, among, its_layer = np.arange(V, V + H), inverse[V:, V:], layer[V:]
    while True:
        cost = (its_layer**2).sum(axis=1) / (2 * np.maximum(among.diagonal(), 1e-300))
        order = cost.argsort(kind="stable")
        batch = max(1, len(left) // (BATCHES if len(left) > 2 * ALONE else ALONE))
        free = (cost[order] <= price) & (cost[order].cumsum() <= budget)
        n_gone = max(min(batch, int(free.sum())), min(batch, len(left) - max_units))
        if n_gone < 1:
            break
        budget -= float(cost[order[:n_gone]].sum())
        is_left = np.ones(len(left), bool)
        is_left[order[:n_gone]] = False
        across = among[np.ix_(is_left, ~is_left)]
        step = np.linalg.solve(
            among[np.ix_(~is_left, ~is_left)], np.concatenate([across.T, its_layer[~is_left]], axis=1)
        )  # (gone, left + C)
        among = among[np.ix_(is_left, is_left)] - across @ step[:, : len(across)]
        its_layer = its_layer[is_left] - across @ step[:, len(across) :]
        left = left[is_left]
    gone = np.setdiff1d(np.arange(V, V + H), left)
    layer -= inverse[:, gone] @ np.linalg.solve(inverse[np.ix_(gone, gone)], layer[gone])
    weight = layer / scale[:, None]
    return left - V, weight[:V], weight[left], centre - mean @ weight
