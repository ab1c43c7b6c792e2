"""From numbers to the first layer of the numeric core: as `first_layer` does it of strings, with codes in their place.

Axis letters: N rows, F columns of the input, P ramps and steps, M outputs of the layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, NumericColumn
from mothernet_export.onnx_writer.builder import GraphBuilder, Operand, Value
from mothernet_export.onnx_writer.first_layer import (
    LARGEST,
    MAX_PRODUCTS,
    Array,
    Layer,
    LayerParts,
    Rises,
    category_rows,
    columns_of,
    exact_ramps,
    gathered_rows,
    joined,
    missing_of,
    ramps_of,
    shared_out,
    shift_of,
)

__all__ = ["core_columns", "core_layer", "filled_cells"]

_UNSEEN = -1.0  # any number that is no position in the categories would do


def core_columns(child: ChildNetwork) -> list[NumericColumn | CategoricalColumn]:
    """The columns of the input (F of them), in the order of the table."""
    return [column for column in child.columns if isinstance(column, NumericColumn | CategoricalColumn)]


def filled_cells(g: GraphBuilder, child: ChildNetwork, numbers: Value) -> Value:
    """`numbers` (N, F) with what a missing cell counts as in the place of NaN."""
    fill = [
        column.centre
        if isinstance(column, NumericColumn)
        else float(column.categories.index(""))
        if "" in column.categories
        else _UNSEEN
        for column in core_columns(child)
    ]
    return g.where(g.is_nan(numbers), np.array(fill, np.float32), numbers)


def core_layer(
    g: GraphBuilder,
    child: ChildNetwork,
    weight: Array,
    bias: Array,
    numbers: Value,
    stored: Callable[[Array], Operand],
) -> Layer:
    """The layer of these weights (D, M) and biases (M,) on the inputs of `child`, from numbers and codes (N, F).

    `stored` as for `first_layer`.
    """
    columns, numeric = core_columns(child), child.numeric_columns
    is_numeric = np.array([isinstance(column, NumericColumn) for column in columns])
    number_at, code_at = np.flatnonzero(is_numeric), np.flatnonzero(~is_numeric)  # positions among the F columns
    n_ramps = sum(column.n_ramps for column in numeric)
    n_missing = sum(column.missing_indicator for column in numeric)
    ramp_weight, missing_weight, category_weight = np.split(weight, [n_ramps, n_ramps + n_missing])
    offset: Value | Array = bias
    rises: list[Rises] = []  # of filled cells
    parts = LayerParts(g)
    filled = filled_cells(g, child, numbers)
    shift = np.zeros(len(columns), np.float32)
    if n_ramps:
        found = shift_of(child)
        if found is None or len(columns) * n_ramps > MAX_PRODUCTS:
            parts.add(exact_ramps(g, columns_of(g, filled, number_at.tolist(), len(columns)), numeric, ramp_weight))
        else:
            shift[number_at] = found
            rises.append(_at(ramps_of(numeric, found, ramp_weight), number_at))
    if len(code_at):
        stepped, gathered = shared_out(child.categorical_columns)
        rows = category_rows(child, category_weight)
        if stepped:
            rises.append(_at(_steps(stepped, rows), code_at))
            offset = bias + np.sum([rows[i][-1] for i in stepped], axis=0)
        if gathered:
            found_rows = _row_numbers(g, filled, child.categorical_columns, gathered, code_at, len(columns))
            # a last row of their own for codes beyond the categories
            spared = [np.concatenate([rows[i], rows[i][-1:]]) for i in gathered]
            offset = gathered_rows(g, found_rows, spared, offset, stored)
    if rises:
        cells = g.clip(g.sub(filled, shift) if shift.any() else filled, -LARGEST, LARGEST)
        parts.add_rises(cells, len(columns), joined(rises))
    if n_missing:
        parts.add_missing(numbers, len(columns), _at(missing_of(numeric, missing_weight), number_at))
    return parts.layer(offset)


def _at(rises: Rises, positions: npt.NDArray[np.int64]) -> Rises:
    """The same of columns that stand at these positions."""
    return rises._replace(column=positions[rises.column])


def _steps(used: Sequence[int], rows: Sequence[Array]) -> Rises:
    """Steps between the codes of each used column, 0 to their number, beyond which is every other string again.

    Codes are whole numbers, and a step is a ramp of width 1, so nothing is rounded.
    """
    column = np.repeat(used, [len(rows[i]) for i in used])
    code = np.concatenate([np.arange(len(rows[i])) for i in used])
    weight = np.concatenate([np.diff(rows[i], axis=0, prepend=rows[i][-1:]) for i in used])
    return Rises(column, np.ones(len(code)), 1.0 - code, weight)


def _row_numbers(
    g: GraphBuilder,
    filled: Value,
    columns: Sequence[CategoricalColumn],
    used: Sequence[int],
    code_at: npt.NDArray[np.int64],
    n_columns: int,
) -> Value:
    """Row of each code in its column's table, 0 below the codes and the last row beyond them; (N, used) int64."""
    codes = columns_of(g, filled, [int(code_at[i]) for i in used], n_columns)
    last = np.array([len(columns[i].categories) for i in used], np.float32)
    bounded = g.maximum(g.minimum(codes, last), np.array([_UNSEEN], np.float32))
    return g.cast(g.add(bounded, np.float32(1)), "int64")
