"""The rows by which a smaller child is judged: training rows, and rows made of them that nobody observed.

Axis letters: N rows, n training rows among them, F columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mothernet.fitting.hidden_layer import stratified_rows
from mothernet.settings import FitSettings

__all__ = ["JudgedRows", "draw_judged_rows"]

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


class JudgedRows(NamedTuple):
    """Rows whose cells are training rows'."""

    source: Indices  # (N, F) training row of each cell
    weight: Array  # (N,) sums to one
    n_real: int  # so many are training rows as they are, the first ones


def draw_judged_rows(
    y: Indices, n_columns: int, rng: np.random.Generator, settings: FitSettings, row_weight: Array | None
) -> JudgedRows:
    """Training rows, at most ``settings.matched_rows`` or so, and rows in which some cells are another row's.

    Half of the weight is that of the training rows.
    """
    real, share = _training_rows(y, rng, settings)
    mixed = np.tile(rng.choice(real, settings.mixed_rows)[:, None], n_columns)  # (mixed rows, F)
    foreign = rng.random(mixed.shape) < settings.mixed_share
    mixed[foreign] = rng.choice(real, foreign.sum())
    source = np.concatenate([np.tile(real[:, None], n_columns), mixed])
    share = share if row_weight is None else share * row_weight[real]
    weight = np.concatenate([share / share.sum(), np.full(len(mixed), 1 / len(mixed))]) / 2
    return JudgedRows(source, weight, len(real))


def _training_rows(y: Indices, rng: np.random.Generator, settings: FitSettings) -> tuple[Indices, Array]:
    """Training rows by which a smaller child is judged, and what each stands for; of a large table rare classes have
    more rows than their share, or what is said of them would rest on a handful."""
    real = stratified_rows(y, settings.matched_rows, rng)
    if len(y) < settings.min_refined_rows:
        return real, np.ones(len(real))
    count = np.bincount(y)
    most = settings.matched_rows // (2 * len(count))
    rare = [rng.permutation(np.flatnonzero(y == c))[:most] for c in range(len(count))]
    real = np.unique(np.concatenate([real, *rare]))
    return real, (count / np.maximum(np.bincount(y[real], minlength=len(count)), 1))[y[real]]
