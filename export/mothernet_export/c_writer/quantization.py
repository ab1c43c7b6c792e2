"""Weights as 8-bit integers: rows with multipliers, columns with scales, so that all sums are of integers.

A sum is over rows, each times a factor between 0 and 1: those of the first layer that a row of the table chooses, or
those of the output layer, times units. Factors become integers too, as fine as 32 bits allow: what is lost is in the
weights. Multipliers and scales share out, evenly as to the logarithm, what rows and columns differ in size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mothernet_export.c_writer.first_layer import first_layer, ramps_at
from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, Column, NumericColumn
from mothernet_export.quantization import LARGEST

__all__ = ["Quantized", "quantized", "quantized_layers", "rounded"]

_LARGEST = LARGEST["int8"]
_SUM_LIMIT = 2**31 - 1
_FACTOR_LIMIT = 2**23  # float32 counts so far
_ROUNDS = 3  # of balancing; more change nothing


@dataclass(frozen=True)
class Quantized:
    """Rows (R, W) as products: integer x multiplier x scale.

    Attributes
    ----------
    integers : ndarray (R, W), -127 to 127
    multipliers : ndarray (R,), from 0
    scales : ndarray (W,), float32
    """

    integers: npt.NDArray[np.int64]
    multipliers: npt.NDArray[np.int64]
    scales: npt.NDArray[np.float32]

    @property
    def rows(self) -> npt.NDArray[np.float64]:
        """What the products say, (R, W)."""
        return self.integers.astype(np.float64) * self.multipliers[:, None] * self.scales


def quantized(rows: npt.NDArray[np.float64], n_terms: int) -> Quantized:
    """The products that are nearest to `rows` (R, W), such that sums of `n_terms` rows fit into 32 bits.

    Examples
    --------
    >>> found = quantized(np.array([[1.0, -0.5], [0.0, 0.0], [0.01, 0.005]]), n_terms=2)
    >>> found.integers.tolist(), found.rows.round(3).tolist()
    ([[127, -116], [0, 0], [127, 116]], [[1.0, -0.498], [0.0, 0.0], [0.01, 0.005]])
    """
    row_sizes, column_sizes = np.ones((len(rows), 1)), np.ones((1, rows.shape[1]))
    for _ in range(_ROUNDS):
        largest_weights = np.abs(rows / row_sizes).max(axis=0, keepdims=True, initial=0.0)
        column_sizes = _positive(np.sqrt(largest_weights * column_sizes))
        row_sizes = _positive(np.abs(rows / column_sizes).max(axis=1, keepdims=True, initial=0.0))
    largest = row_sizes.max(initial=np.finfo(np.float32).tiny)
    limit = min(_SUM_LIMIT // ((_LARGEST + 1) * max(n_terms, 1)), _FACTOR_LIMIT)
    multipliers = np.ceil(row_sizes / largest * limit).astype(np.int64)  # (R, 1)
    scales = (column_sizes[0] * largest / limit / _LARGEST).astype(np.float32)  # (W,)
    integers = np.rint(rows / multipliers / _positive(scales.astype(np.float64))).clip(-_LARGEST, _LARGEST)
    return Quantized(integers.astype(np.int64), multipliers[:, 0], scales)


def quantized_layers(child: ChildNetwork) -> tuple[Quantized, Quantized]:
    """The rows of both layers: those of `first_layer`, and a row for each hidden unit."""
    n_terms = sum(column.n_inputs > 0 for column in child.columns)  # a cell is missing, or shared by two knots
    first = quantized(first_layer(child).rows, n_terms)
    return first, quantized(child.output_weight.astype(np.float64), child.width)


def rounded(child: ChildNetwork) -> ChildNetwork:
    """The record that says what 8-bit weights say, for comparisons: all its numeric columns have indicators."""
    layer, (first, output) = first_layer(child), quantized_layers(child)
    rows, bias = first.rows, layer.start.copy()
    ramps: list[npt.NDArray[np.float64]] = []
    indicators: list[npt.NDArray[np.float64]] = []
    columns: list[Column] = []
    numeric = zip(child.numeric_columns, layer.knot_rows, layer.indicator_rows, strict=True)
    for column, knot_row, indicator_row in numeric:
        missing = rows[indicator_row].copy() if indicator_row >= 0 else np.zeros(rows.shape[1])
        if knot_row >= 0:
            own = rows[knot_row : knot_row + column.n_ramps + 1]
            bias += own[0]
            ramps.append(np.diff(own, axis=0))
            missing -= own[0] + ramps_at(column, column.centre) @ ramps[-1]
        indicators.append(missing[None])
    changed = iter([replace(column, missing_indicator=True) for column in child.numeric_columns])
    for each in child.columns:
        columns.append(next(changed) if isinstance(each, NumericColumn) else each)
    categories = [
        rows[row : row + column.n_inputs]
        for column, row in zip(child.categorical_columns, layer.category_rows, strict=True)
        if isinstance(column, CategoricalColumn) and row >= 0
    ]
    weight = np.concatenate([np.zeros((0, rows.shape[1])), *ramps, *indicators, *categories])
    first_weight, first_bias, output_weight = (each.astype(np.float32) for each in (weight, bias, output.rows))
    return replace(
        child,
        columns=tuple(columns),
        first_weight=first_weight,
        first_bias=first_bias,
        output_weight=output_weight,
    )


def _positive(sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(sizes > 0, sizes, 1.0)
