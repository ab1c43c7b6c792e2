"""The first layer as rows of which a cell takes one or two, instead of ramps of which it would take all.

A column of numbers is a broken line for every unit: what its ramps add up to at its knots says all of it. So there is a
row per knot, a prefix sum of the ramps' weights, less what the column adds where a cell is missing; sums in float64. A
row of the table then starts as if all cells were missing, and rows stay small where ramps cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mothernet_export.child import ChildNetwork
from mothernet_export.columns import NumericColumn

__all__ = ["FirstLayer", "first_layer", "ramps_at"]


@dataclass(frozen=True)
class FirstLayer:
    """Rows of the first layer; axis letters: R rows, H units, C outputs.

    Attributes
    ----------
    start : ndarray (H + C,), float64
        The sums of a row whose cells are all missing, without indicators and categories.
    rows : ndarray (R, H + C), float64
        At least one, which is zero where no column has influence.
    knot_rows : tuple of int
        For each numeric column the row of its first knot, -1 if it has none.
    indicator_rows : tuple of int
        For each numeric column the row of its missing indicator, -1 if it has none.
    category_rows : tuple of int
        For each categorical column the row of its first category, -1 if it has none; that of every other string
        comes last.
    """

    start: npt.NDArray[np.float64]
    rows: npt.NDArray[np.float64]
    knot_rows: tuple[int, ...]
    indicator_rows: tuple[int, ...]
    category_rows: tuple[int, ...]


def first_layer(child: ChildNetwork) -> FirstLayer:
    """The rows of a child's first layer."""
    weight = child.first_weight.astype(np.float64)  # (D, H + C)
    start, rows = child.first_bias.astype(np.float64), []
    knot_rows, indicator_rows, category_rows = [], [], []
    n_rows, i = 0, 0  # i is the next input of the first layer
    for column in child.numeric_columns:
        ramps = weight[i : i + column.n_ramps]  # (K, H + C)
        i += column.n_ramps
        knot_rows.append(n_rows if column.n_ramps else -1)
        if column.n_ramps:
            missing = ramps_at(column, column.centre) @ ramps  # (H + C,)
            start += missing
            rows.append(np.concatenate([np.zeros((1, weight.shape[1])), ramps.cumsum(axis=0)]) - missing)
            n_rows += column.n_ramps + 1
    for column in child.numeric_columns:
        indicator_rows.append(n_rows if column.missing_indicator else -1)
        if column.missing_indicator:
            rows.append(weight[i : i + 1])
            n_rows, i = n_rows + 1, i + 1
    for categorical in child.categorical_columns:
        category_rows.append(n_rows if categorical.n_inputs else -1)
        rows.append(weight[i : i + categorical.n_inputs])
        n_rows, i = n_rows + categorical.n_inputs, i + categorical.n_inputs
    return FirstLayer(
        start,
        np.concatenate(rows) if n_rows else np.zeros((1, weight.shape[1])),
        tuple(knot_rows),
        tuple(indicator_rows),
        tuple(category_rows),
    )


def ramps_at(column: NumericColumn, value: float) -> npt.NDArray[np.float64]:
    """The ramps (K,) of a column at a value, by steps of float32 as the reference takes them."""
    low, x = np.array(column.knots[:-1], np.float32), np.float32(value)
    with np.errstate(over="ignore"):
        ramps = np.clip((x - low) * column.inverse_widths, 0, 1)  # (K,)
    return np.asarray(ramps, np.float64)
