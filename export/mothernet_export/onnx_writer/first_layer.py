"""From cells to the first layer: ramps and missing indicators of numbers, summed weights of categories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, FloatArray, NumericColumn
from mothernet_export.onnx_writer.builder import GraphBuilder, Value

Index = tuple[int, int]  # (column i, number k of one of its inputs)


def numeric_inputs(g: GraphBuilder, x: Value, child: ChildNetwork) -> tuple[Value, FloatArray]:
    """Ramps and missing indicators of the numeric columns (N, P) and their weights (P, H + C). One column must be used.

    P counts all inputs that are computed, some of them perhaps without weight (see `_repeated`).
    """
    columns = child.numeric_columns
    n_ramps = [column.n_ramps for column in columns]
    n_missing = [int(column.missing_indicator) for column in columns]
    ramp_weight, rest = np.split(child.first_weight, [sum(n_ramps)])
    is_missing = g.is_nan(x)  # (N, Fn)
    parts: list[Value] = []
    weights: list[FloatArray] = []
    if any(n_ramps):
        filled = g.where(is_missing, np.array([column.centre for column in columns], np.float32), x)  # (N, Fn)
        repeated, index = _repeated(g, filled, n_ramps)
        parts.append(_ramps(g, repeated, columns, index))
        weights.append(_reordered(ramp_weight, n_ramps, index))
    if any(n_missing):
        repeated, index = _repeated(g, is_missing, n_missing)
        parts.append(g.as_float32(repeated))
        weights.append(_reordered(rest[: sum(n_missing)], n_missing, index))
    return parts[0] if len(parts) == 1 else g.concat(parts, axis=1), np.concatenate(weights)


def category_sums(g: GraphBuilder, cells: Value, child: ChildNetwork) -> Value:
    """First bias plus the first-layer weights of all categorical cells, summed: (N, H + C). One column must be used.

    One vocabulary serves all columns: a string becomes a multiple of the number of columns, the column's number is
    added, and a second LabelEncoder finds the row of that pair. Its size is the number of categories; a table of
    (vocabulary, columns) would be quadratic. Whatever it does not find is row 0, the same for all columns:
    u = (first bias + sum of the columns' rows of every other string) / columns. So a known category's row becomes
    row - (row of every other string in its column) + u, and the sum needs no further bias.
    """
    all_columns = child.categorical_columns
    used = [i for i, column in enumerate(all_columns) if column.categories]
    weight = child.first_weight.astype(np.float64)
    start = len(weight) - sum(column.n_inputs for column in all_columns)
    others, known = [], []  # per used column: (H + C,), (categories, H + C)
    for i in used:
        stop = start + all_columns[i].n_inputs
        known.append(weight[start : stop - 1])
        others.append(weight[stop - 1])
        start = stop
    unknown = (child.first_bias + np.sum(others, axis=0)) / len(used)  # u, (H + C,)
    rows = np.concatenate([unknown[None], *(k - o + unknown for k, o in zip(known, others, strict=True))])

    row = _row_numbers(g, _columns(g, cells, used, len(all_columns)), [all_columns[i] for i in used])
    cell_rows = g.gather(rows.astype(np.float32), row)  # (N, used, H + C)
    return g.squeeze(cell_rows, axis=1) if len(used) == 1 else g.reduce_sum(cell_rows, axis=1)


def _ramps(g: GraphBuilder, x: Value, columns: Sequence[NumericColumn], index: Sequence[Index]) -> Value:
    """clip((x - knot_k) * inverse_width_k, 0, 1) for the (i, k) of `index`; (N, P)."""
    inverse_widths = [column.inverse_widths for column in columns]
    needed = [k < columns[i].n_ramps for i, k in index]
    knot = [columns[i].knots[k] if used else 0.0 for (i, k), used in zip(index, needed, strict=True)]
    scale = [inverse_widths[i][k] if used else 1.0 for (i, k), used in zip(index, needed, strict=True)]
    unclipped = g.mul(g.sub(x, np.array(knot, np.float32)), np.array(scale, np.float32))
    return g.clip(unclipped, np.float32(0), np.float32(1))


def _repeated(g: GraphBuilder, x: Value, counts: list[int]) -> tuple[Value, list[Index]]:
    """Repeat each column i of `x` at least `counts[i]` times: (N, P), and the (i, k) of each of the P results.

    Gathering single numbers is the slowest step of a table with several ramps per column (62 % of the time for 1,000
    rows); whole copies of `x` side by side are nearly free. So unless most of them were useless, all columns are
    repeated as often as the one that needs it most; results with k >= counts[i] then get no weight.
    """
    n_columns, n_copies = len(counts), max(counts)
    if n_copies * n_columns <= 2 * sum(counts):
        copies = x if n_copies == 1 else g.concat([x] * n_copies, axis=1)
        return copies, [(i, k) for k in range(n_copies) for i in range(n_columns)]
    index = [(i, k) for i in range(n_columns) for k in range(counts[i])]
    return _columns(g, x, [i for i, _ in index], n_columns), index


def _reordered(weight: FloatArray, counts: list[int], index: list[Index]) -> FloatArray:
    """Rows of `weight`, stored column by column, in the order of `index`, and zeros where k >= counts[i]."""
    first = np.cumsum([0, *counts])
    padded = np.concatenate([weight, np.zeros_like(weight[:1])])
    return padded[[first[i] + k if k < counts[i] else -1 for i, k in index]]


def _row_numbers(g: GraphBuilder, cells: Value, columns: Sequence[CategoricalColumn]) -> Value:
    """Row of the weights for each cell, 0 for every other string; (N, columns) int64."""
    n_columns = len(columns)
    vocabulary = {text: 0 for column in columns for text in column.categories}
    for number, text in enumerate(vocabulary, start=1):
        vocabulary[text] = number * n_columns
    codes = g.label_encoder(cells, vocabulary, default=0)
    if n_columns == 1:
        return codes  # the code of the k-th category is k, its row
    pairs = [vocabulary[text] + c for c, column in enumerate(columns) for text in column.categories]
    in_column = g.add(codes, np.arange(n_columns, dtype=np.int64))
    return g.label_encoder(in_column, {pair: row for row, pair in enumerate(pairs, start=1)}, default=0)


def _columns(g: GraphBuilder, x: Value, columns: list[int], n_columns: int) -> Value:
    """The given columns of `x`, which has `n_columns`."""
    if columns == list(range(n_columns)):
        return x
    return g.gather(x, np.array(columns, np.int64), axis=1)
