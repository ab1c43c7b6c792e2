"""What a child network means, in plain NumPy: the slow reference with which every written file is compared.

Ramps are float32, as in the file; everything after them is float64 and rounded to float32 at the end. FORMAT.md,
section 4, states the same as a definition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_export.child import ChildNetwork
from mothernet_export.columns import FloatArray, NumericColumn
from mothernet_export.target import Answers

_CHUNK_ROWS = 4096  # rows evaluated at a time, so that the (rows, ramps) array of a large table stays in the cache


def predict_logits(child: ChildNetwork, numeric: Any = None, categorical: Any = None) -> FloatArray:
    """Evaluate the network up to its outputs, which for a classifier are logits.

    Parameters
    ----------
    child : ChildNetwork
    numeric : array-like (N, Fn) of numbers, optional
        The numeric columns in order, offsets subtracted, NaN where missing. May be left out if there are none.
    categorical : array-like (N, Fc) of str, optional
        The categorical columns in order: texts as their rules write them, ``""`` where missing.

    Returns
    -------
    ndarray (N, C), float32

    Raises
    ------
    ValueError, TypeError
        If an array has another shape, a cell of `numeric` is no number, or one of `categorical` no string.

    Examples
    --------
    >>> from mothernet_export import ClassTarget
    >>> ramp = NumericColumn("x", centre=0.0, knots=(0.0, 2.0), missing_indicator=False)
    >>> child = ChildNetwork((ramp,), ClassTarget(("no", "yes")), np.eye(1, 3, 2), np.zeros(3), np.zeros((1, 2)))
    >>> predict_logits(child, [[1.0], [5.0]]).tolist()
    [[0.0, 0.5], [0.0, 1.0]]
    """
    return _evaluate(child, numeric, categorical).astype(np.float32)


def predict_answers(child: ChildNetwork, numeric: Any = None, categorical: Any = None) -> Answers:
    """The answers of the network as the file gives them: one array per output of the graph, by its name.

    Parameters and errors are those of `predict_logits`.
    """
    return child.target.answers(_evaluate(child, numeric, categorical))


def predict_proba(child: ChildNetwork, numeric: Any = None, categorical: Any = None) -> FloatArray:
    """Probabilities (N, C), float32, columns in the order of the target's classes.

    Parameters and errors are those of `predict_logits`.
    """
    return predict_answers(child, numeric, categorical)["probabilities"]


def _evaluate(child: ChildNetwork, numeric: Any, categorical: Any) -> npt.NDArray[np.float64]:
    x, cells = _as_inputs(child, numeric, categorical)
    logits = np.empty((len(x), child.target.n_outputs))
    for start in range(0, len(x), _CHUNK_ROWS):
        chunk = slice(start, start + _CHUNK_ROWS)
        logits[chunk] = _logits(child, x[chunk], cells[chunk])
    return logits


def _as_inputs(child: ChildNetwork, numeric: Any, categorical: Any) -> tuple[FloatArray, npt.NDArray[np.object_]]:
    n_numeric, n_categorical = len(child.numeric_columns), len(child.categorical_columns)
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and infinite saturates
        x = None if numeric is None else np.asarray(numeric, np.float32)
    cells = None if categorical is None else np.asarray(categorical, object)
    for name, array, n_columns in (("numeric", x, n_numeric), ("categorical", cells, n_categorical)):
        if array is None and n_columns:
            raise ValueError(f"{name} must have shape (N, {n_columns}), however: it was not given")
        if array is not None and (array.ndim != 2 or array.shape[1] != n_columns):
            raise ValueError(f"{name} must have shape (N, {n_columns}), however: {array.shape}")
    odd = [] if cells is None else [cell for cell in cells.ravel() if not isinstance(cell, str)]
    if odd:
        raise TypeError(f"categorical must hold strings, however: {odd[0]!r}. Read raw cells by the column's rule.")
    if x is None:
        x = np.empty((0 if cells is None else len(cells), 0), np.float32)
    if cells is None:
        cells = np.empty((len(x), 0), object)
    if n_numeric and n_categorical and len(x) != len(cells):
        raise ValueError(f"numeric and categorical must have equally many rows, however: {len(x)} and {len(cells)}")
    return (x, cells) if n_numeric else (np.empty((len(cells), 0), np.float32), cells)


def _logits(child: ChildNetwork, x: FloatArray, cells: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    numeric = [(x[:, i], column) for i, column in enumerate(child.numeric_columns)]
    inputs = [ramp for values, column in numeric for ramp in _ramps(values, column)]
    inputs += [np.isnan(values).astype(np.float32) for values, column in numeric if column.missing_indicator]
    pre = np.zeros((len(x), len(child.first_bias))) + child.first_bias  # (N, H + C)
    if inputs:
        pre += np.stack(inputs, axis=1).astype(np.float64) @ child.first_weight[: len(inputs)]
    start = len(inputs)  # of the inputs that the next column owns
    for i, column in enumerate(child.categorical_columns):
        if column.categories:
            known = {category: start + j for j, category in enumerate(column.categories)}
            other = start + len(known)
            pre += child.first_weight[[known.get(text, other) for text in cells[:, i]]]
        start += column.n_inputs
    H = child.width
    return np.clip(pre[:, :H], 0, 1) @ child.output_weight + pre[:, H:]  # (N, C)


def _ramps(values: FloatArray, column: NumericColumn) -> list[FloatArray]:
    """ramp_k = clip((x - knot_k) * float32(1 / (knot_{k+1} - knot_k)), 0, 1), step by step as the graph does it."""
    x = np.where(np.isnan(values), np.float32(column.centre), values)
    ramps = []
    with np.errstate(over="ignore"):
        for low, inverse_width in zip(column.knots, column.inverse_widths, strict=False):
            ramps.append(np.clip((x - np.float32(low)) * inverse_width, np.float32(0), np.float32(1)))
    return ramps
