"""Rows as callers have them (columns, records, data frames, matrices) turned into the two matrices the graph reads.

Every complaint about rows lives here; `text.py` defines missing cells and text forms. Data frames are recognised by
what they can do: neither pandas nor any other table library is imported.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.file import Column
from mothernet_runtime.text import are_plain_numbers, category_texts, is_missing, shortened, text_number

_NUMBERS = {float, int, bool, type(None)}  # what most cells are: NumPy takes them as they are
_NOT_NUMBERS = (bytes, np.datetime64, np.timedelta64)  # NumPy would turn these into numbers without a word


class CellError(ValueError):
    """A cell of a numeric column that is no number; `column`, `row` (from 0) and `value` say which."""

    def __init__(self, column: str, row: int, value: object) -> None:
        super().__init__(column, row, value)
        self.column, self.row, self.value = column, row, value

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}"

    @property
    def reason(self) -> str:
        return (
            f"column {self.column!r} must hold numbers (None, NaN or a blank where missing), however: "
            f"{shortened(repr(self.value))}. Correct the cell; text belongs in the categorical columns."
        )


class RowReader:
    """Turns rows into what the graph reads.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the training table.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.names = [column.name for column in columns]
        self.numeric = [column.name for column in columns if column.type == "numeric"]
        self.categorical = [column.name for column in columns if column.type == "categorical"]
        self._name_set = frozenset(self.names)

    def read(self, rows: Any) -> tuple[int, dict[str, npt.NDArray[Any]]]:
        """Number of rows N, and those of ``numeric`` (N, Fn) float32 and ``categorical`` (N, Fc) of str that exist.

        Raises
        ------
        ValueError, TypeError
            If `rows` is no table of the expected columns; `CellError` if a numeric column holds something else.
        """
        if isinstance(rows, np.ndarray):
            self._check_matrix(rows)
            if not self.categorical and rows.dtype.kind in "fiub" and not isinstance(rows, np.ma.MaskedArray):
                with np.errstate(over="ignore"):  # beyond float32 is infinite, and infinite saturates
                    return len(rows), {"numeric": rows.astype(np.float32, order="C")}
            cells: Any = rows.T.tolist() if rows.dtype.kind == "O" else rows.T
            columns: dict[str, Any] = dict(zip(self.names, cells, strict=True))
        else:
            columns = self._columns(rows)
        lengths = {name: len(columns[name]) for name in self.names}
        n_rows = lengths[self.names[0]]
        if any(length != n_rows for length in lengths.values()):
            raise ValueError(f"columns must be equally long, however: {_listed(lengths)}")
        inputs = {}
        if self.numeric:
            inputs["numeric"] = _numeric_matrix([(name, columns[name]) for name in self.numeric], n_rows)
        if self.categorical:
            inputs["categorical"] = np.empty((n_rows, len(self.categorical)), object)
            for i, name in enumerate(self.categorical):
                inputs["categorical"][:, i] = _texts(columns[name])
        return n_rows, inputs

    def check_names(self, received: Sequence[str]) -> None:
        """Raise ValueError unless `received` are the columns of the model, each once, in any order."""
        if (
            len(received) == len(self.names)
            and self._name_set.issuperset(received)
            and len(set(received)) == len(received)
        ):
            return
        missing = [name for name in self.names if name not in received]
        unknown = [name for name in dict.fromkeys(received) if name not in self._name_set]
        twice = [name for name in dict.fromkeys(received) if received.count(name) > 1]
        complaints = []
        near = {name.strip().lower(): name for name in unknown}
        for name in missing[:8]:
            match = difflib.get_close_matches(name.strip().lower(), near, n=1)
            complaints.append(f"{name!r} is missing" + (f" (is it {near[match[0]]!r}?)" if match else ""))
        if missing[8:]:
            complaints.append(f"{len(missing) - 8} more are missing")
        if unknown:
            complaints.append(f"{_listed(unknown)} {'is' if len(unknown) == 1 else 'are'} unknown to the model")
        if twice:
            complaints.append(f"{_listed(twice)} {'comes' if len(twice) == 1 else 'come'} more than once")
        raise ValueError(
            f"rows must have exactly the {len(self.names)} columns {_listed(self.names)}, in any order, however: "
            f"{'; '.join(complaints)}. Rename, add or drop columns so that they match."
        )

    def _check_matrix(self, rows: npt.NDArray[Any]) -> None:
        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            raise ValueError(
                f"an array of rows must have shape (N, {len(self.names)}), columns in the order {_listed(self.names)}, "
                f"however: {rows.shape}." + (" Use array.reshape(1, -1) for one row." if rows.ndim == 1 else "")
            )

    def _columns(self, rows: Any) -> dict[str, Any]:
        """The columns by name: lists, tuples, arrays or whatever a data frame holds."""
        if isinstance(rows, Mapping):
            self.check_names(_names(rows))
            columns = {name: list(cells) if isinstance(cells, tuple) else cells for name, cells in rows.items()}
            single = [name for name in columns if _is_scalar(columns[name])]
            if single and len(single) < len(columns):
                raise ValueError(
                    f"columns must be equally long, however: {_listed(single)} hold one value, no sequence"
                )
            return {name: [columns[name]] for name in columns} if single else columns
        if isinstance(rows, list | tuple):
            return self._records(rows)
        names = getattr(rows, "column_names", None)  # pyarrow; its `columns` are no names
        if names is None:
            names = getattr(rows, "columns", None)
        if names is None or not hasattr(rows, "__getitem__"):
            raise TypeError(
                "rows must be a dict of columns, a list of dicts, a data frame or a 2-D NumPy array, "
                f"however: {type(rows).__name__}"
            )
        by_text = {str(name): name for name in names}  # a data frame's names may be numbers
        self.check_names([str(name) for name in names])
        return {name: rows[by_text[name]] for name in self.names}

    def _records(self, rows: Sequence[Any]) -> dict[str, list[Any]]:
        for i, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise TypeError(
                    f"a list of rows must hold dicts, however: row {i} is of type {type(row).__name__}. "
                    "Rows by position are given as a 2-D NumPy array."
                )
            if len(row) != len(self.names) or row.keys() != self._name_set:
                try:
                    self.check_names(_names(row))
                except ValueError as error:
                    raise ValueError(f"row {i}: {error} A missing value is written as None.") from None
        return {name: [row[name] for row in rows] for name in self.names}


def _texts(column: Any) -> npt.NDArray[np.object_] | list[str]:
    """Text forms of the N cells of a categorical column."""
    array = column if isinstance(column, list) else _array(column)
    if isinstance(array, np.ndarray) and array.dtype.kind in "fiub":  # few distinct values: convert each of them once
        values, inverse = np.unique(array, return_inverse=True)
        texts = np.empty(len(values), object)
        texts[:] = category_texts(values.tolist())
        return texts[inverse]
    if isinstance(array, np.ndarray):  # tolist would turn nanoseconds into integers
        array = list(column) if array.dtype.kind in "mM" else array.tolist()
    return category_texts(array)


def _numeric_matrix(columns: Sequence[tuple[str, Any]], n_rows: int) -> npt.NDArray[np.float32]:
    """Numbers of the Fn numeric columns, float32 (N, Fn)."""
    matrix = np.empty((n_rows, len(columns)), np.float32)
    if all(type(column) is list for _, column in columns):  # records: all cells in one conversion, if nothing is odd
        flat = _convert(list(chain.from_iterable(column for _, column in columns)))
        if flat is not None:
            with np.errstate(over="ignore"):
                matrix[:] = flat.reshape(len(columns), n_rows).T
            return matrix
    for i, (name, column) in enumerate(columns):
        with np.errstate(over="ignore"):
            matrix[:, i] = _numbers(name, column)
    return matrix


def _numbers(name: str, column: Any) -> npt.NDArray[Any]:
    """The N cells of one numeric column as numbers, NaN where missing."""
    array = column if isinstance(column, list) else _array(column)
    if isinstance(array, np.ndarray):
        if array.dtype.kind in "fiub":
            return array
        array = list(array) if array.dtype.kind in "mM" else array.tolist()
    converted = _convert(array)
    if converted is not None:
        return converted
    slow = np.empty(len(array))
    for row, cell in enumerate(array):
        try:
            slow[row] = _number(cell)
        except (TypeError, ValueError, OverflowError):
            raise CellError(name, row, cell) from None
    return slow


def _convert(cells: list[Any]) -> npt.NDArray[np.float64] | None:
    """All cells at once, or None if some need a closer look (blanks, NA, text)."""
    types = set(map(type, cells))
    if not types <= _NUMBERS:
        if not types.isdisjoint(_NOT_NUMBERS):
            return None
        if not are_plain_numbers(cell for cell in cells if isinstance(cell, str)):
            return None
    try:
        array = np.array(cells, np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return array if array.ndim == 1 else None


def _number(cell: object) -> float:
    if isinstance(cell, str):
        return text_number(cell)
    if is_missing(cell):
        return math.nan
    if isinstance(cell, _NOT_NUMBERS):
        raise TypeError("not a number")
    return float(cell)  # type: ignore[arg-type]


def _array(column: Any) -> npt.NDArray[Any]:
    if isinstance(column, np.ma.MaskedArray):
        column = np.array(column.tolist(), object)  # None where masked
    array = np.asarray(column)
    if array.ndim != 1:
        raise ValueError(f"a column must be a sequence of single values, however: an array of shape {array.shape}")
    return array


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bytes) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0


def _names(rows: Mapping[Any, Any]) -> list[str]:
    for name in rows:
        if not isinstance(name, str):
            raise TypeError(f"names of columns must be strings, however: {name!r}")
    return list(rows)


def _listed(names: Iterable[str] | Mapping[str, int]) -> str:
    shown = [f"{name!r}: {names[name]}" if isinstance(names, Mapping) else repr(name) for name in names]
    return ", ".join(shortened(name) for name in shown[:12]) + (f" and {len(shown) - 12} more" if shown[12:] else "")
