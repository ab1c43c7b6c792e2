"""Reads a caller's table (DataFrame or array) into plain columns: numbers with NaN, or text with ``""`` for missing.

Whether a column is numeric or categorical is decided here, once, at fit; what its values become is
:mod:`mothernet.tables.encoding`'s business.
"""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_runtime.text import category_texts, is_missing

__all__ = ["ColumnType", "RawInputs", "column_types", "read_raw_inputs", "warn_of_lost_digits"]

ColumnType = Literal["numeric", "categorical"]


class RawInputs(NamedTuple):
    """A table as the child takes it."""

    numeric: npt.NDArray[np.float32]  # (N, Fn) numeric columns in order, NaN where missing
    categorical: npt.NDArray[np.object_]  # (N, Fc) categorical columns in order, "" where missing


def column_types(X: Any, names: Sequence[str], categorical: Sequence[str | int]) -> tuple[ColumnType, ...]:
    """Type of every column of a DataFrame or 2-D array.

    Numbers are numeric; strings, booleans and pandas categories are categorical, and so is any column named
    (or numbered) in ``categorical``.
    """
    forced = set()
    for column in categorical:
        if isinstance(column, numbers.Integral) and not isinstance(column, bool):
            if not 0 <= column < len(names):
                raise ValueError(f"categorical_features must be between 0 and {len(names) - 1}, however: {column}.")
            forced.add(names[int(column)])
        elif column in names:
            forced.add(column)
        else:
            raise ValueError(f"categorical_features names {column!r}, which is not a column. Columns: {list(names)}.")
    return tuple(
        "categorical" if name in forced or not _is_numeric(_column(X, i), name) else "numeric"
        for i, name in enumerate(names)
    )


def read_raw_inputs(X: Any, names: Sequence[str], types: Sequence[ColumnType]) -> RawInputs:
    """RawInputs of a table whose types are known.

    Raises
    ------
    ValueError
        A numeric column holds text.
    """
    n = X.shape[0]
    numeric = [_as_numbers(_column(X, i), names[i]) for i, column_type in enumerate(types) if column_type == "numeric"]
    texts = [_as_texts(_column(X, i)) for i, column_type in enumerate(types) if column_type == "categorical"]
    return RawInputs(
        np.stack(numeric, 1) if numeric else np.empty((n, 0), np.float32),
        np.stack(texts, 1) if texts else np.empty((n, 0), object),
    )


def warn_of_lost_digits(X: Any, names: Sequence[str], types: Sequence[ColumnType]) -> None:
    """Warn of numeric columns of which float32, as the file takes numbers, keeps less than half of the values."""
    for i, column_type in enumerate(types):
        if column_type == "numeric" and getattr(_column(X, i).dtype, "kind", "O") in "iuf":
            wide = _as_float64(_column(X, i), names[i])
            before = len(np.unique(wide[np.isfinite(wide)]))
            with np.errstate(over="ignore"):
                narrow = wide[np.isfinite(wide)].astype(np.float32)
            after = len(np.unique(narrow[np.isfinite(narrow)]))
            if after < before / 2:
                warnings.warn(
                    f"column {names[i]!r} has {before} different values, of which float32 keeps {after}. "
                    "Subtract an origin or rescale it, here and in the rows to be predicted.",
                    stacklevel=3,
                )


def _column(X: Any, index: int) -> Any:
    return X.iloc[:, index] if hasattr(X, "iloc") else X[:, index]


def _is_numeric(column: Any, name: str) -> bool:
    dtype = column.dtype
    if getattr(dtype, "kind", "O") in "iuf" and type(dtype).__name__ != "CategoricalDtype":
        return True  # NumPy and pandas' nullable numbers
    if getattr(dtype, "kind", "O") in "mMc":
        raise TypeError(
            f"column {name!r} is of type {dtype}; only numbers, strings, booleans and categories are understood. "
            "Turn it into a number (days since a date, say) first."
        )
    if type(dtype).__name__ == "CategoricalDtype" or getattr(dtype, "kind", "O") in "bUS":
        return False
    if type(dtype).__name__ in ("StringDtype", "BooleanDtype"):
        return False
    present = [value for value in column if not is_missing(value)]
    for value in present:
        if not isinstance(value, str | bytes | numbers.Number | np.bool_):
            raise TypeError(f"column {name!r} holds {value!r}: argument must be a string or a number.")
    return all(isinstance(v, numbers.Number) and not isinstance(v, bool | np.bool_) for v in present)


def _as_numbers(column: Any, name: str) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):  # beyond float32 counts as infinite, which is clipped like any extreme
        return _as_float64(column, name).astype(np.float32)


def _as_float64(column: Any, name: str) -> npt.NDArray[np.float64]:
    if getattr(column.dtype, "kind", "O") in "iufb":
        return (
            column.to_numpy(np.float64, na_value=np.nan) if hasattr(column, "to_numpy") else np.asarray(column, float)
        )
    return np.array([np.nan if is_missing(v) else _as_number(v, name, i) for i, v in enumerate(column)], np.float64)


def _as_number(value: Any, name: str, row: int) -> float:
    if isinstance(value, numbers.Number | np.bool_) and not isinstance(value, complex):
        return float(value)  # type: ignore[arg-type]
    raise ValueError(
        f"column {name!r} was numeric when the model was fitted, however: row {row} holds {value!r}. "
        "Give a number or a missing value, or refit with the column among categorical_features."
    )


def _as_texts(column: Any) -> npt.NDArray[np.object_]:
    cells = np.empty(len(column), object)
    cells[:] = category_texts(column)
    return cells
