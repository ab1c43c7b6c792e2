"""Columns and tables as callers have them, opened: lists, arrays, data frames of any library, typed or text.

The same cell means the same through every door, by the column's rule (:mod:`mothernet_runtime.cells`). Which columns a
model expects is not known here. Tables are recognised by what they can do: no table library is imported.

Axis letters: N rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.byte_cells import ByteCells
from mothernet_runtime.byte_columns import values_of_bytes
from mothernet_runtime.cells import CategoryRule, CellRule, DateRule, IgnoredRule, NumberRule
from mothernet_runtime.dates import seconds_of_array
from mothernet_runtime.describe import written_as
from mothernet_runtime.text import listed, shortened

__all__ = ["CellError", "column_cells", "expected_cells", "is_scalar", "read_column", "table_columns"]

_PLAIN = {float, int, bool, type(None)}  # what NumPy converts as the grammar does
_ARROW_TEXTS = ("string", "large_string")
_MANY_CELLS = 256  # fewer are read sooner than coded
_MUST_HOLD = {"number": "numbers", "boolean": "true or false", "date": "dates or times", "category": "text"}


class CellError(ValueError):
    """A cell that does not fit its column; `column`, `row` (from 0) and `value` say which."""

    def __init__(self, column: str, row: int, value: object, expected: str = "numbers") -> None:
        super().__init__(column, row, value, expected)
        self.column, self.row, self.value, self.expected = column, row, value, expected

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}"

    @property
    def reason(self) -> str:
        """What is wrong, without the row."""
        return (
            f"column {self.column!r} must hold {self.expected} (None, NaN or a blank where missing), however: "
            f"{shortened(repr(self.value))}. Correct the cell."
        )


def read_column(name: str, rule: CellRule, column: Any) -> npt.NDArray[Any]:
    """What the N cells of a column mean.

    Parameters
    ----------
    name : str
        For errors.
    rule : CellRule
    column : list, tuple, array or column of a data frame
        Of NumPy (also masked, bytes, objects), pandas, polars or pyarrow; or the cells of a block of a CSV file.

    Returns
    -------
    ndarray (N,)
        Float64 numbers, or seconds since 1970 of dates, NaN where missing; canonical texts of categories (objects),
        ``""`` where missing; None where the column is ignored. An array of float64 is returned as it is, not copied.

    Raises
    ------
    CellError
        A cell does not fit the rule.
    ValueError, TypeError
        `column` is no sequence of single values.

    Examples
    --------
    >>> read_column("price", NumberRule(",", affix="€"), ["2,50 €", None, 3])
    array([2.5, nan, 3. ])
    """
    if isinstance(column, ByteCells):
        cells: Any = column
    else:
        few = _coded_texts(column) if rule.type in ("category", "boolean") else None  # which have few distinct texts
        cells = column_cells(column) if few is None else few
    if isinstance(rule, IgnoredRule):
        return np.full(len(cells), None)
    if isinstance(cells, _Dictionary):
        return _read_dictionary(name, rule, cells)
    try:
        if isinstance(cells, ByteCells):
            return values_of_bytes(rule, cells)
        if isinstance(rule, CategoryRule):
            return _categories(rule, cells)
        if isinstance(cells, np.ndarray):
            return _typed_numbers(rule, cells)
        return _numbers(rule, cells)
    except (TypeError, ValueError, OverflowError):
        for row, cell in enumerate(cells):  # an array of datetime64 gives datetime64
            try:
                rule.read(cell)
            except (TypeError, ValueError):
                raise CellError(name, row, cell, expected_cells(rule)) from None
        raise


def column_cells(column: Any) -> Any:
    """The N cells of a column: an array of numbers, booleans or datetime64, else a list, None where missing.

    A column of pandas' categorical type is an object of few distinct values and codes.

    Raises
    ------
    ValueError, TypeError
        `column` is no sequence of single values.
    """
    if type(column) is list:
        return column
    if isinstance(column, str | bytes | Mapping) or not hasattr(column, "__len__"):
        raise TypeError(f"a column must be a sequence of cells, however: {shortened(repr(column))}")
    if isinstance(column, np.ndarray):
        return _array_cells(column)
    if hasattr(column, "to_pylist") and hasattr(column, "type"):
        return _arrow_cells(column)
    dtype = getattr(column, "dtype", None)
    if hasattr(column, "to_numpy") and hasattr(column, "to_list") and hasattr(dtype, "is_numeric"):
        return _polars_cells(column)
    if hasattr(column, "to_numpy") and dtype is not None:
        return _pandas_cells(column)
    if hasattr(column, "__array__"):
        return _array_cells(np.asarray(column))
    return list(column)


def _array_cells(array: npt.NDArray[Any]) -> Any:
    if array.ndim != 1:
        raise ValueError(f"a column must be a sequence of single values, however: an array of shape {array.shape}")
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            mask = np.ma.getmaskarray(array)
            return [None if hidden else cell for cell, hidden in zip(_items(array.data), mask, strict=True)]
        array = array.data
    return array if array.dtype.kind in "fiubM" else _items(array)


def _items(array: npt.NDArray[Any]) -> list[Any]:
    """Cells as Python values; `tolist` would turn nanoseconds into integers."""
    return list(array) if array.dtype.kind in "mM" else array.tolist()


def _arrow_cells(column: Any) -> Any:
    type_name = str(column.type).partition("[")[0]
    if type_name == "date64":
        column = column.cast("date32")
    if type_name in ("float", "double", "halffloat", "timestamp", "date32", "date64"):
        return _array_cells(np.asarray(column))  # NaN and NaT where null, UTC where there is a zone
    if not column.null_count and (type_name == "bool" or type_name.startswith(("int", "uint"))):
        return _array_cells(np.asarray(column))
    coded = _arrow_codes(column) if type_name.startswith("dictionary") else None
    return column.to_pylist() if coded is None else coded


def _arrow_codes(column: Any) -> _Dictionary | None:
    """A column of pyarrow as codes, unless it is too long for one array."""
    column = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if str(column.type) in _ARROW_TEXTS and hasattr(column, "dictionary_encode"):
        column = column.dictionary_encode()
    if not hasattr(column, "indices"):
        return None
    return _Dictionary(column.dictionary, np.asarray(column.indices.fill_null(-1)).astype(np.int64))


def _coded_texts(column: Any) -> _Dictionary | None:
    """A long column of texts that lie in memory of pyarrow as codes, each distinct text made once; None for others."""
    if type(column) is list or not hasattr(column, "__len__") or len(column) < _MANY_CELLS:
        return None
    if getattr(getattr(column, "dtype", None), "storage", "") == "pyarrow":  # the type "str" of pandas
        column = getattr(column, "array", column).__arrow_array__()
    return _arrow_codes(column) if str(getattr(column, "type", "")) in _ARROW_TEXTS else None


def _polars_cells(column: Any) -> Any:
    type_name = str(column.dtype)
    if type_name.startswith(("Float", "Datetime")) or type_name == "Date":
        return _array_cells(np.asarray(column.to_numpy()))
    if type_name.startswith(("Int", "UInt")) and type_name != "Int128" and not column.null_count():
        return _array_cells(np.asarray(column.to_numpy()))
    return column.to_list()


def _pandas_cells(column: Any) -> Any:
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        return _array_cells(column.to_numpy())
    if hasattr(dtype, "pyarrow_dtype"):
        array = getattr(column, "array", column)
        return _arrow_cells(array.__arrow_array__())
    if hasattr(dtype, "categories"):
        values = column.cat if hasattr(column, "cat") else column
        return _Dictionary(values.categories, np.asarray(values.codes).astype(np.int64))
    if hasattr(dtype, "tz"):
        return _array_cells((column.dt if hasattr(column, "dt") else column).tz_convert(None).to_numpy())
    if hasattr(dtype, "numpy_dtype") and not column.isna().any():
        return _array_cells(column.to_numpy(dtype.numpy_dtype))
    if hasattr(dtype, "na_value") and not hasattr(dtype, "subtype"):
        return column.to_numpy(object, na_value=None).tolist()
    return _array_cells(np.asarray(column))


class _Dictionary:
    """A column of N codes (-1: missing) of few distinct values."""

    def __init__(self, values: Any, codes: npt.NDArray[np.int64]) -> None:
        self.values, self.codes = values, codes

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Any:
        values = column_cells(self.values)
        return (None if code < 0 else values[code] for code in self.codes.tolist())


def _read_dictionary(name: str, rule: CellRule, cells: _Dictionary) -> npt.NDArray[Any]:
    try:
        values = read_column(name, rule, column_cells(cells.values))  # a list, which is not coded again
    except CellError:  # perhaps no row has that value
        return read_column(name, rule, list(cells))
    missing = "" if isinstance(rule, CategoryRule) else np.nan
    return np.asarray(np.append(values, np.array([missing], values.dtype))[cells.codes])


def _typed_numbers(rule: NumberRule | DateRule, array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    if isinstance(rule, DateRule) and array.dtype.kind == "M":
        return seconds_of_array(array)
    if array.dtype.kind == "M" or isinstance(rule, DateRule):  # one for the other, unless all are missing
        missing = np.isnat(array) if array.dtype.kind == "M" else np.isnan(array)
        if not missing.all():
            raise TypeError(f"not a {rule.type}")
        return np.full(len(array), np.nan)
    return array.astype(np.float64, copy=False)


def _numbers(rule: NumberRule | DateRule, cells: list[Any]) -> npt.NDArray[np.float64]:
    types = set(map(type, cells))
    if types <= _PLAIN and isinstance(rule, NumberRule):
        try:
            return np.array(cells, np.float64)
        except OverflowError:  # an integer beyond float64
            pass
    if types == {bytes}:
        cells, types = [cell.decode() for cell in cells], {str}
    if types == {str}:
        return rule.read_texts(cells)
    if types == {str, type(None)}:
        return rule.read_texts(["" if cell is None else cell for cell in cells])
    texts = [cell for cell in cells if type(cell) is str]
    known = dict(zip(texts, rule.read_texts(texts).tolist(), strict=True)) if texts else {}
    return np.array([known[cell] if type(cell) is str else rule.read(cell) for cell in cells], np.float64)


def _categories(rule: CategoryRule, cells: Any) -> npt.NDArray[np.object_]:
    texts = np.empty(len(cells), object)
    if isinstance(cells, np.ndarray):  # few distinct values: each of them once
        values, codes = np.unique(cells, return_inverse=True)
        distinct = np.empty(len(values), object)
        distinct[:] = [rule.read(value) for value in _items(values)]
        texts[:] = distinct[codes]
        return texts
    all_are_texts = set(map(type, cells)) <= {str}
    distinct_texts = set(cells) if all_are_texts else {cell for cell in cells if type(cell) is str}
    known = {text: rule.read_text(text) for text in distinct_texts}
    if all_are_texts:
        texts[:] = list(map(known.__getitem__, cells))
    else:
        texts[:] = [known[cell] if type(cell) is str else rule.read(cell) for cell in cells]
    return texts


def expected_cells(rule: CellRule) -> str:
    """What the cells of a column must be, in words for an error."""
    what = _MUST_HOLD[rule.type]
    written = written_as(rule)
    return what + (f" ({', '.join(written)})" if written else "")


def table_columns(rows: Any, names: Sequence[str] | None = None) -> dict[str, Any]:
    """The columns of a table by name, each for `read_column`.

    Parameters
    ----------
    rows : dict of columns, list of dicts, data frame, or array
        A dict of single values is one row. Frames are of pandas, polars (lazy ones are collected), pyarrow, or anything
        with ``columns`` and ``[name]``; names that are no strings count by their text. An array is 2-D, or structured.
    names : sequence of str, optional
        Names of an array's columns; by default ``x0``, ``x1`` and so on.

    Raises
    ------
    ValueError, TypeError
        `rows` is no such table, or a name comes twice.

    Examples
    --------
    >>> table_columns([{"a": 1, "b": "x"}, {"a": None, "b": "y"}])
    {'a': [1, None], 'b': ['x', 'y']}
    """
    if isinstance(rows, Mapping):
        return _mapping_columns(rows)
    if isinstance(rows, list | tuple):
        return _record_columns(rows)
    if any(hasattr(rows, name) for name in ("tocsr", "tocoo")):
        raise TypeError(
            f"rows must be a dense table, however: {type(rows).__name__} is a sparse matrix. Use its toarray(), "
            "if that fits into memory."
        )
    if type(rows).__name__ == "LazyFrame" and hasattr(rows, "collect"):
        rows = rows.collect()
    labels = getattr(rows, "column_names", None)  # pyarrow; its `columns` are no names
    labels = getattr(rows, "columns", None) if labels is None else labels
    if labels is not None and hasattr(rows, "__getitem__"):
        by_name = {str(label): label for label in labels}  # a data frame's names may be numbers
        if len(by_name) < len(labels):
            texts = [str(label) for label in labels]
            twice = next(text for text in texts if texts.count(text) > 1)
            raise ValueError(f"names of columns must be unique, however: {twice!r} comes more than once. Rename it.")
        return {name: rows[label] for name, label in by_name.items()}
    if hasattr(rows, "__array__") and (isinstance(rows, np.ndarray) or getattr(rows, "ndim", 0) == 2):
        return _array_columns(rows if isinstance(rows, np.ndarray) else np.asarray(rows), names)
    raise TypeError(
        "rows must be a dict of columns, a list of dicts, a data frame or a 2-D NumPy array, "
        f"however: {type(rows).__name__}"
    )


def _mapping_columns(rows: Mapping[Any, Any]) -> dict[str, Any]:
    for name in rows:
        if not isinstance(name, str):
            raise TypeError(f"names of columns must be strings, however: {name!r}")
    single = [name for name, cells in rows.items() if is_scalar(cells)]
    if single and len(single) < len(rows):
        raise ValueError(f"columns must be equally long, however: {listed(single)} hold one value, no sequence")
    return {name: [cell] for name, cell in rows.items()} if single else dict(rows)


def _record_columns(rows: Sequence[Any]) -> dict[str, Any]:
    names = list(rows[0]) if rows and isinstance(rows[0], Mapping) else []
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(
                f"a list of rows must hold dicts, however: row {i} is of type {type(row).__name__}. "
                "Rows by position are given as a 2-D NumPy array."
            )
        if row.keys() != rows[0].keys():
            other = sorted(map(str, row.keys() ^ rows[0].keys()))
            raise ValueError(
                f"rows must all have the same columns, however: row {i} and row 0 differ in {other[0]!r}. "
                "A missing value is written as None."
            )
        if not all(isinstance(name, str) for name in row):
            name = next(name for name in row if not isinstance(name, str))
            raise TypeError(f"names of columns must be strings, however: {name!r}")
    return {name: [row[name] for row in rows] for name in names}


def _array_columns(rows: npt.NDArray[Any], names: Sequence[str] | None) -> dict[str, Any]:
    if rows.dtype.names is not None and rows.ndim == 1:
        return {name: rows[name] for name in rows.dtype.names}
    if rows.ndim != 2 or (names is not None and rows.shape[1] != len(names)):
        order = f", columns in the order {listed(names)}" if names else ""
        shape = "(N, F)" if names is None else f"(N, {len(names)}){order}"
        raise ValueError(
            f"an array of rows must have shape {shape}, however: {rows.shape}."
            + (" Use array.reshape(1, -1) for one row." if rows.ndim == 1 else "")
        )
    names = [f"x{j}" for j in range(rows.shape[1])] if names is None else names
    return dict(zip(names, rows.T, strict=True))


def is_scalar(value: object) -> bool:
    """Whether a value is one cell, no column."""
    if value is None or type(value) in (str, float, int):
        return True
    return isinstance(value, str | bytes) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0
