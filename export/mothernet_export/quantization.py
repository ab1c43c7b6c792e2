"""How weights are stored small: as whole numbers times a scale, by one rule of rounding for every writer.

What a whole number may be, and how sums of rounded weights stay near the exact ones, is decided here; which weights of
a file are stored so is the business of its writer.

Axis letters: D inputs of the first layer, H hidden units, C outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from mothernet_export.child import ChildNetwork, child_of
from mothernet_export.columns import FloatArray

__all__ = ["LARGEST", "SmallWeights", "Weights", "check_weights", "rounded", "rounded_sums", "small_weights"]

Weights = Literal["float32", "float16", "int8"]

LARGEST = {"int8": 127, "float16": 2047}  # what is stored are whole numbers from -n to n
_STORED: dict[str, npt.DTypeLike] = {"int8": np.int8, "float16": np.float16}
_OVERHEAD = 200  # bytes of a file beside whole numbers and scales: two operators and their names


class SmallWeights(NamedTuple):
    """A record whose first layer is ``whole numbers * scales``, and how these numbers are stored.

    Attributes
    ----------
    child : ChildNetwork
        Differences of two categories of a column are whole numbers times scales; "other" is any number.
    scales : ndarray (H + C,), float32
        One for each output of the first layer.
    dtype : numpy.dtype
        Of the whole numbers in the file: int8 or float16.
    """

    child: ChildNetwork
    scales: FloatArray
    dtype: np.dtype[Any]


def check_weights(weights: Any, known: tuple[str, ...] = get_args(Weights)) -> None:
    """Raise ValueError unless `weights` is one of the words that a writer knows."""
    if weights not in known:
        raise ValueError(f"weights must be one of {', '.join(map(repr, known))}, however: {weights!r}. Choose one.")


def rounded(model: Any, weights: Weights) -> ChildNetwork:
    """The record that an .onnx file with such weights says; for float32 the one that `model` is or holds."""
    check_weights(weights)
    small = small_weights(child_of(model), weights)
    return child_of(model) if small is None else small.child


def small_weights(child: ChildNetwork, weights: Weights) -> SmallWeights | None:
    """The record nearest to `child` whose first layer can be stored as `weights`; None for float32, which `child` keeps
    also where nothing would be saved.

    Biases, the output layer and knots stay as they are: they are short, and what is lost in them is lost in every row.

    Examples
    --------
    >>> from mothernet_export import ClassTarget, NumericColumn
    >>> ramps = NumericColumn("x", 0.0, tuple(range(100)), missing_indicator=False)
    >>> weight = np.tile([[0.5, 1.0], [0.123, -0.3], [0.2, 0.0]], (33, 1))  # (D, C), no hidden units
    >>> child = ChildNetwork((ramps,), ClassTarget(("no", "yes")), weight, [0.0, 0.0], np.zeros((0, 2)))
    >>> small = small_weights(child, "int8")
    >>> np.rint(small.child.first_weight / small.scales)[:3].tolist()
    [[126.0, 126.0], [32.0, -37.0], [50.0, 0.0]]
    """
    if weights == "float32":
        return None
    exact, largest, dtype = child.first_weight.astype(np.float64), LARGEST[weights], np.dtype(_STORED[weights])
    if exact.size * (4 - dtype.itemsize) <= _OVERHEAD + 4 * exact.shape[1]:
        return None
    sizes, others = np.zeros((1, exact.shape[1])), np.zeros_like(exact)
    for rows, is_category in _groups(child):
        if is_category:
            others[rows] = exact[rows][-1]
            differences = exact[rows] - exact[rows][-1]  # the last is 0
            sizes = np.maximum(sizes, np.ptp(differences, axis=0) / (largest - 1))
        else:
            sizes = np.maximum(sizes, np.abs(exact[rows]).max(axis=0) / (largest - 0.5))
    scales = np.where(sizes > np.finfo(np.float32).tiny, sizes, 1.0)[0].astype(np.float32)
    found = others.copy()
    for rows, is_category in _groups(child):
        numbers = (exact[rows] - others[rows]) / scales
        found[rows] += (np.rint(numbers) if is_category else rounded_sums(numbers, largest)) * scales
    return SmallWeights(replace(child, first_weight=found.astype(np.float32)), scales, dtype)


def rounded_sums(rows: npt.NDArray[np.float64], largest: int) -> npt.NDArray[np.float64]:
    """Whole numbers near `rows` (R, W) whose sums from the first row on are nearest to the exact sums.

    What one row loses, the next makes up for, as far as numbers from ``-largest`` to ``largest`` can.

    Examples
    --------
    >>> rounded_sums(np.array([[0.4], [0.4], [0.4]]), largest=127).ravel().tolist()
    [0.0, 1.0, 0.0]
    """
    found, lost = np.empty_like(rows), np.zeros(rows.shape[1])
    for i, row in enumerate(rows):
        found[i] = np.rint(row + lost).clip(-largest, largest)
        lost += row - found[i]
    return found


def _groups(child: ChildNetwork) -> Iterator[tuple[slice, bool]]:
    """Rows of the first layer that belong together: ramps of a column, an indicator, categories (and True)."""
    start = 0
    sizes = [(column.n_ramps, False) for column in child.numeric_columns]
    sizes += [(1, False) for column in child.numeric_columns if column.missing_indicator]
    sizes += [(column.n_inputs, True) for column in child.categorical_columns]
    for size, is_category in sizes:
        if size:
            yield slice(start, start + size), is_category
        start += size
