"""From cells to the first layer: ramps of numbers, steps of categories, and what is added to their weighted sum.

Axis letters: N rows, Fn numeric and Fc categorical columns, P ramps and steps, M outputs of the layer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, FloatArray, NumericColumn
from mothernet_export.onnx_writer.builder import GraphBuilder, Operand, Value

Array = npt.NDArray[np.float64]

LARGEST = np.finfo(np.float32).max  # in place of infinite numbers, which times zero would be NaN
_ROUNDING = 2.0**-23  # of float32
_MAX_RAMP_ERROR = 3e-6  # of a probability, estimated, for ramps computed as x * scale + constant
MAX_PRODUCTS = 40_000  # of numbers and ramps, above which copies are faster than products with zero
_MAX_STEPS = 256  # of categories, above which rows of weights are gathered


class Layer(NamedTuple):
    """``inputs @ weight + offset``, with inputs from 0 to 1."""

    inputs: Value | None  # (N, P), None if P is zero
    weight: Array  # (P, M)
    offset: Value | Array  # (N, M) or (M,)


class Rises(NamedTuple):
    """What rises from 0 to 1 along one column each: ``clip(cells[:, column] * scale + constant, 0, 1)``."""

    column: npt.NDArray[np.int64]  # (P,)
    scale: Array  # (P,)
    constant: Array  # (P,)
    weight: Array  # (P, M)


class LayerParts:
    """A layer in the making: what rises along columns of cells, and inputs that are computed otherwise."""

    def __init__(self, g: GraphBuilder) -> None:
        self._g = g
        self._rising: list[tuple[Value, int, Rises]] = []  # cells and their number of columns
        self._computed: list[tuple[Value, Array]] = []  # (N, P) and weights (P, M)

    def add(self, inputs: tuple[Value, Array]) -> None:
        """Inputs (N, P) from 0 to 1, and their weights (P, M)."""
        self._computed.append(inputs)

    def add_rises(self, cells: Value, n_columns: int, rises: Rises) -> None:
        """Ramps and steps along the columns of cells (N, n_columns)."""
        self._rising.append((cells, n_columns, rises))

    def add_missing(self, cells: Value, n_columns: int, missing: Rises) -> None:
        """Indicators of the missing cells (N, n_columns) of some columns."""
        is_missing = self._g.as_float32(self._g.is_nan(cells))
        if n_columns * len(missing.column) > MAX_PRODUCTS:
            spread = np.zeros((n_columns, missing.weight.shape[1]))
            spread[missing.column] = missing.weight
            self.add((is_missing, spread))
        else:
            self.add_rises(is_missing, n_columns, missing)

    def layer(self, offset: Value | Array) -> Layer:
        """The layer of all parts."""
        if self._rising:
            self.add(self._risen())
        if not self._computed:
            return Layer(None, np.zeros((0, 0)), offset)
        inputs, weights = zip(*self._computed, strict=True)
        return Layer(self._g.concat(inputs, axis=1), np.concatenate(weights), offset)

    def _risen(self) -> tuple[Value, Array]:
        """All ramps and steps by one product (N, P), and their weights (P, M).

        The matrix of the product has one number per ramp. The file holds these numbers, and onnxruntime makes the
        matrix when it loads.
        """
        g, (cells, n_columns, rises) = self._g, zip(*self._rising, strict=True)
        x = g.concat(cells, axis=1)
        *starts, end = np.cumsum([0, *n_columns])
        found = joined(each._replace(column=start + each.column) for start, each in zip(starts, rises, strict=True))
        scale, constant = found.scale.astype(np.float32), found.constant.astype(np.float32)
        matrix = g.mul(g.one_hot(found.column, int(end)), scale[:, None])  # (P, Fn + Fc)
        return g.clip_unit(g.gemm(x, matrix, constant, transposed=True)), found.weight


def joined(rises: Iterable[Rises]) -> Rises:
    """All of them as one."""
    return Rises(*map(np.concatenate, zip(*rises, strict=True)))


def first_layer(
    g: GraphBuilder,
    child: ChildNetwork,
    weight: Array,
    bias: Array,
    numeric: Value | None,
    categorical: Value | None,
    stored: Callable[[Array], Operand],
) -> Layer:
    """The layer of these weights (D, M) and biases (M,) on the inputs of `child`, from the inputs of the graph.

    `stored` makes an operand of rows of weights (n, M), as the file holds them.
    """
    columns = child.numeric_columns
    n_ramps = sum(column.n_ramps for column in columns)
    n_missing = sum(column.missing_indicator for column in columns)
    ramp_weight, missing_weight, category_weight = np.split(weight, [n_ramps, n_ramps + n_missing])
    offset: Value | Array = bias
    parts = LayerParts(g)
    if numeric is not None and n_ramps:
        filled = g.imputer(numeric, [float(np.float32(column.centre)) for column in columns])  # (N, Fn)
        shift = shift_of(child)
        if shift is None or len(columns) * n_ramps > MAX_PRODUCTS:
            parts.add(exact_ramps(g, filled, columns, ramp_weight))
        else:
            if shift.any():
                filled = g.sub(filled, shift)
            cells = g.clip(filled, -LARGEST, LARGEST)
            parts.add_rises(cells, len(columns), ramps_of(columns, shift, ramp_weight))
    if numeric is not None and n_missing:
        parts.add_missing(numeric, len(columns), missing_of(columns, missing_weight))
    if categorical is not None:
        stepped, gathered = shared_out(child.categorical_columns)
        rows = category_rows(child, category_weight)
        if stepped:
            codes, steps, others = _steps(g, categorical, child.categorical_columns, stepped, rows)
            parts.add_rises(codes, len(child.categorical_columns), steps)
            offset = bias + others
        if gathered:
            numbers = _row_numbers(g, categorical, child.categorical_columns, gathered)
            offset = gathered_rows(g, numbers, [rows[i] for i in gathered], offset, stored)
    return parts.layer(offset)


def ramps_of(columns: Sequence[NumericColumn], shift: FloatArray, weight: Array) -> Rises:
    """Ramps of numbers from which `shift` was subtracted."""
    column = np.repeat(np.arange(len(columns)), [each.n_ramps for each in columns])
    low = np.array([knot for each in columns for knot in each.knots[:-1]], np.float64)
    scale = np.concatenate([each.inverse_widths for each in columns]).astype(np.float64)
    return Rises(column, scale, -(low - shift[column]) * scale, weight)


def shift_of(child: ChildNetwork) -> FloatArray | None:
    """What to subtract from each column (Fn,), so that ``(x - shift) * scale + constant`` is as good as a ramp's
    definition: zeros if nothing has to be; None if nothing helps.

    The product rounds at the size of the scaled number, not of the ramp, so a ramp that is narrow beside its distance
    from zero would lose digits. What that does to a probability is estimated by the weights of the ramp.
    """
    unit_spread = np.ptp(child.output_weight.astype(np.float64), axis=1) if child.width else np.zeros(0)  # (H,)
    weight = child.first_weight.astype(np.float64)
    effect = np.abs(weight[:, : child.width]) @ unit_spread + np.ptp(weight[:, child.width :], axis=1)  # (D,)
    errors, shifts = [], []
    start = 0
    for column in child.numeric_columns:
        if not column.n_ramps:
            errors.append((0.0, 0.0))
            shifts.append(0.0)
            continue
        knots = np.array(column.knots, np.float64)
        size = column.inverse_widths * effect[start : start + column.n_ramps] / 4
        start += column.n_ramps

        def error(shift: float, knots: Array = knots, size: Array = size) -> float:
            distance = np.abs(knots - shift)
            return _ROUNDING * float((np.maximum(distance[:-1], distance[1:]) * size).max())

        best = min(column.knots, key=error)
        errors.append((error(0.0), error(best)))
        shifts.append(best)
    plain, shifted = (np.linalg.norm(each) for each in zip(*errors, strict=True))
    if plain <= _MAX_RAMP_ERROR:
        return np.zeros(len(shifts), np.float32)
    return np.array(shifts, np.float32) if shifted <= _MAX_RAMP_ERROR else None


def exact_ramps(g: GraphBuilder, filled: Value, columns: Sequence[NumericColumn], weight: Array) -> tuple[Value, Array]:
    """``clip((x - knot) * inverse_width, 0, 1)`` step by step on copies of the columns: (N, P), and weights (P, M).

    Gathering single numbers is slow; whole copies of `x` side by side are nearly free. So unless most of them were
    useless, all columns are repeated as often as the one that needs it most, and what is not needed gets no weight.
    """
    n_columns, counts = len(columns), [column.n_ramps for column in columns]
    n_copies = max(counts)
    if n_copies * n_columns <= 2 * sum(counts):
        index = [(i, k) for k in range(n_copies) for i in range(n_columns)]
        repeated = g.concat([filled] * n_copies, axis=1)
    else:
        index = [(i, k) for i in range(n_columns) for k in range(counts[i])]
        repeated = columns_of(g, filled, [i for i, _ in index], n_columns)
    first = np.cumsum([0, *counts])
    inverse_widths = [column.inverse_widths for column in columns]
    padded = np.concatenate([weight, np.zeros_like(weight[:1])])
    needed = [k < counts[i] for i, k in index]
    knot = [columns[i].knots[k] if used else 0.0 for (i, k), used in zip(index, needed, strict=True)]
    scale = [inverse_widths[i][k] if used else 1.0 for (i, k), used in zip(index, needed, strict=True)]
    ramps = g.ramp(repeated, np.array(knot, np.float32), np.array(scale, np.float32))
    return ramps, padded[[first[i] + k if used else -1 for (i, k), used in zip(index, needed, strict=True)]]


def missing_of(columns: Sequence[NumericColumn], weight: Array) -> Rises:
    """Missing indicators, which are 0 or 1 already."""
    column = np.array([i for i, column in enumerate(columns) if column.missing_indicator])
    return Rises(column, np.ones(len(column)), np.zeros(len(column)), weight)


def category_rows(child: ChildNetwork, weight: Array) -> list[Array]:
    """For each categorical column its rows of weights (categories + 1, M), the last of every other string."""
    sizes = [column.n_inputs for column in child.categorical_columns]
    return np.split(weight, np.cumsum(sizes)[:-1])


def shared_out(columns: Sequence[CategoricalColumn]) -> tuple[list[int], list[int]]:
    """Numbers of the used columns that are written as steps, and of those whose rows of weights are gathered: the
    largest, if all together have too many categories."""
    used = [i for i, column in enumerate(columns) if column.categories]
    by_size = sorted(used, key=lambda i: len(columns[i].categories))
    total = list(itertools.accumulate(len(columns[i].categories) for i in by_size))
    gathered = {i for i, size in zip(by_size, total, strict=True) if size > _MAX_STEPS}
    return [i for i in used if i not in gathered], sorted(gathered)


def _steps(
    g: GraphBuilder,
    cells: Value,
    columns: Sequence[CategoricalColumn],
    used: Sequence[int],
    rows: Sequence[Array],
) -> tuple[Value, Rises, Array]:
    """Codes of the strings (N, Fc), steps between them, and the summed weights of every other string (M,).

    One vocabulary serves all columns; what it does not hold has code 0. A column's weights are a function of the code
    that changes only where one string is a category of the column, and a change is a step: a ramp of width 1. Codes are
    whole numbers, so nothing is rounded.
    """
    vocabulary = {text: 0 for i in used for text in columns[i].categories}
    vocabulary = {text: number for number, text in enumerate(vocabulary, start=1)}
    column, code, weight = [], [], []
    for i in used:
        known = {vocabulary[text]: row for text, row in zip(columns[i].categories, rows[i], strict=False)}
        last = rows[i][-1]
        for number in sorted({step for found in known for step in (found, found + 1) if step <= len(vocabulary)}):
            row = known.get(number, rows[i][-1])
            column.append(i)
            code.append(number)
            weight.append(row - last)
            last = row
    constant = 1.0 - np.array(code)
    steps = Rises(np.array(column), np.ones(len(code)), constant, np.array(weight))
    others = np.sum([rows[i][-1] for i in used], axis=0)
    return g.label_encoder(cells, vocabulary, default=0, as_floats=True), steps, others


def gathered_rows(
    g: GraphBuilder,
    numbers: Value,
    rows: Sequence[Array],
    offset: Value | Array,
    stored: Callable[[Array], Operand],
) -> Value:
    """`offset` (M,) and the weights of the cells in some columns, summed: (N, M).

    A cell's number in `numbers` (N, columns) is 0 for every other string, and counts the rows of its column from 1.
    Columns are gathered one by one: all at once, for an axis to sum over, is up to four times slower.
    """
    assert not isinstance(offset, Value)
    # what every other string adds is added once, in float64
    others = offset + np.sum([each[-1] for each in rows], axis=0)
    differences = [np.concatenate([np.zeros_like(each[:1]), each[:-1] - each[-1]]) for each in rows]
    tables = [stored(each) for each in differences]
    first = tables[0]
    if isinstance(first, Value):
        tables[0] = g.add(first, others.astype(np.float32))
    else:
        tables[0] = (differences[0] + others).astype(np.float32)
    parts = [g.gather(table, g.gather(numbers, np.int64(c), axis=1)) for c, table in enumerate(tables)]
    return g.sum(parts)


def _row_numbers(g: GraphBuilder, cells: Value, columns: Sequence[CategoricalColumn], used: Sequence[int]) -> Value:
    """Row of each cell of the used columns in its column's table, 0 for every other string; (N, used) int64.

    One vocabulary serves all columns: a string becomes a multiple of the number of columns, the column's number is
    added, and a second LabelEncoder finds the row of that pair in the column's own table.
    """
    vocabulary = {text: 0 for i in used for text in columns[i].categories}
    for number, text in enumerate(vocabulary, start=1):
        vocabulary[text] = number * len(used)
    codes = columns_of(g, g.label_encoder(cells, vocabulary, default=0), list(used), len(columns))
    if len(used) == 1:
        return codes  # the code of the k-th category is k, its row
    pairs = {
        vocabulary[text] + c: row for c, i in enumerate(used) for row, text in enumerate(columns[i].categories, start=1)
    }
    return g.label_encoder(g.add(codes, np.arange(len(used), dtype=np.int64)), pairs, default=0)


def columns_of(g: GraphBuilder, x: Value, columns: list[int], n_columns: int) -> Value:
    """The given columns of `x`, which has `n_columns`."""
    if columns == list(range(n_columns)):
        return x
    return g.gather(x, np.array(columns, np.int64), axis=1)
