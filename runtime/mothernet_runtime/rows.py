"""Rows as callers have them (columns, records, data frames, matrices) turned into the two matrices the graph reads.

Every complaint about rows lives here, except those about cells and about what is no table: `columns.py`.

Axis letters: N rows, Fn numeric and Fc categorical inputs of the graph.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.cells import NumberRule, date_part
from mothernet_runtime.columns import CellError, is_scalar, read_column, table_columns
from mothernet_runtime.records import RecordReader
from mothernet_runtime.schema import INPUTS, Column
from mothernet_runtime.text import listed

__all__ = ["CellError", "RowReader"]

_FEW_ROWS = 16  # read cell by cell, which takes less than columns do


class RowReader:
    """Turns rows into what the graph reads.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the training table.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.names = [column.name for column in columns]
        self._columns = [column for column in columns if not column.is_ignored]
        self._needed = frozenset(column.name for column in self._columns)
        self._known = frozenset(self.names)
        inputs = [each.input for column in columns for each in column.inputs]
        self._sizes = {name: inputs.count(name) for name in INPUTS}
        self._records = RecordReader(columns)
        self._are_numbers = all(
            isinstance(column.rule, NumberRule) and not column.inputs[0].offset for column in self._columns
        )
        self._read_names = [column.name for column in self._columns]
        self._runs = _runs([column.is_ignored for column in columns])

    def read(self, rows: Any) -> tuple[int, dict[str, npt.NDArray[Any]]]:
        """Number of rows N, and those of ``numeric`` (N, Fn) float32 and ``categorical`` (N, Fc) of str that exist.

        Raises
        ------
        ValueError, TypeError
            If `rows` is no table of the expected columns; `CellError` if a cell does not fit its column.
        """
        if type(rows) is dict and rows:
            inputs = self._records.read_plain(rows)
            if inputs is not None:
                return 1, inputs
            if all(map(is_scalar, rows.values())):
                rows = [rows]
            elif self._needed <= rows.keys() <= self._known and all(map(_is_single, rows.values())):
                rows = [{name: cells[0] for name, cells in rows.items()}]  # columns of one cell: faster as a record
        if isinstance(rows, list | tuple) and 0 < len(rows) <= _FEW_ROWS and all(type(row) is dict for row in rows):
            return len(rows), self._records.read(rows, self._check_record)
        matrix = self._matrix(rows) if self._are_numbers else None
        if matrix is not None:
            return len(rows), {"numeric": self._read_matrix(matrix)}
        columns = self._table(rows)
        lengths = {column.name: len(columns[column.name]) for column in self._columns}
        n_rows = lengths[self._columns[0].name]
        if any(length != n_rows for length in lengths.values()):
            raise ValueError(f"columns must be equally long, however: {listed(lengths)}")
        return n_rows, self._read_columns(columns, n_rows)

    def check_names(self, received: Sequence[str]) -> None:
        """Raise ValueError unless `received` are the columns of the model, each once, in any order.

        Columns that are ignored may be left out.
        """
        if len(set(received)) == len(received) and self._needed <= set(received) <= self._known:
            return
        missing = [column.name for column in self._columns if column.name not in received]
        unknown = [name for name in dict.fromkeys(received) if name not in self._known]
        twice = [name for name in dict.fromkeys(received) if received.count(name) > 1]
        complaints = []
        near = {name.strip().lower(): name for name in unknown}
        for name in missing[:8]:
            match = difflib.get_close_matches(name.strip().lower(), near, n=1)
            complaints.append(f"{name!r} is missing" + (f" (is it {near[match[0]]!r}?)" if match else ""))
        if missing[8:]:
            complaints.append(f"{len(missing) - 8} more are missing")
        if unknown:
            complaints.append(f"{listed(unknown)} {'is' if len(unknown) == 1 else 'are'} unknown to the model")
        if twice:
            complaints.append(f"{listed(twice)} {'comes' if len(twice) == 1 else 'come'} more than once")
        raise ValueError(
            f"rows must have exactly the {len(self._columns)} columns {listed(each.name for each in self._columns)}, "
            f"in any order, however: {'; '.join(complaints)}. Rename, add or drop columns so that they match."
        )

    def _table(self, rows: Any) -> Mapping[str, Any]:
        if not isinstance(rows, list | tuple):
            columns = table_columns(rows, self.names)
            self.check_names(list(columns))
            return columns
        for i, row in enumerate(rows):
            if type(row) is dict and row.keys() == self._needed:
                continue
            if not isinstance(row, Mapping):
                return table_columns(rows)  # which refuses it
            self._check_record(i, row)
        return {column.name: [row[column.name] for row in rows] for column in self._columns}

    def _check_record(self, number: int, row: Mapping[Any, Any]) -> None:
        if self._needed <= row.keys() <= self._known:
            return
        for name in row:
            if not isinstance(name, str):
                raise TypeError(f"names of columns must be strings, however: {name!r}")
        try:
            self.check_names(list(row))
        except ValueError as error:
            raise ValueError(f"row {number}: {error} A missing value is written as None.") from None

    def _matrix(self, rows: Any) -> npt.NDArray[Any] | None:
        """Numbers (N, columns), in the model's order, of an array or a frame of pandas without others; else None."""
        if isinstance(rows, np.ndarray):
            is_plain = rows.dtype.kind in "fiub" and not isinstance(rows, np.ma.MaskedArray)
            return np.asarray(rows) if is_plain and rows.ndim == 2 and rows.shape[1] == len(self.names) else None
        if not hasattr(rows, "iloc") or list(getattr(rows, "columns", ())) not in (self.names, self._read_names):
            return None
        if not all(isinstance(dtype, np.dtype) and dtype.kind in "fiu" for dtype in rows.dtypes):
            return None
        matrix = rows.to_numpy()
        return matrix if matrix.dtype.kind in "fiu" else None

    def _read_matrix(self, matrix: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The numeric inputs (N, Fn) from numbers of all columns, or of those that are read."""
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and infinite saturates
            floats = matrix if matrix.dtype.kind == "f" else matrix.astype(np.float64)
            if floats.shape[1] == len(self._columns):
                return floats.astype(np.float32, order="C", copy=False)
            numeric = np.empty((len(floats), len(self._columns)), np.float32)
            for first, columns in self._runs:  # a list of columns would take several times as long
                numeric[:, first : first + columns.stop - columns.start] = floats[:, columns]
            return numeric

    def _read_columns(self, columns: Mapping[str, Any], n_rows: int) -> dict[str, npt.NDArray[Any]]:
        numeric = np.empty((self._sizes["numeric"], n_rows), np.float32)  # by columns, which are read so
        categorical = np.empty((n_rows, self._sizes["categorical"]), object)
        with np.errstate(over="ignore"):
            for column in self._columns:
                values = read_column(column.name, column.rule, columns[column.name])
                for each in column.inputs:
                    if each.input == "categorical":
                        categorical[:, each.position] = values
                    else:
                        part = values if each.part == "value" else date_part(values, each.part)
                        numeric[each.position] = part - each.offset if each.offset else part
        inputs = {"numeric": np.ascontiguousarray(numeric.T), "categorical": categorical}
        return {name: inputs[name] for name, size in self._sizes.items() if size}


def _is_single(cells: object) -> bool:
    return type(cells) is list and len(cells) == 1


def _runs(are_ignored: Sequence[bool]) -> list[tuple[int, slice]]:
    """Columns side by side that are read, and where the first of them stands among those."""
    runs, start, count = [], 0, 0
    for ignored, group in itertools.groupby(are_ignored):
        length = len(list(group))
        if not ignored:
            runs.append((count, slice(start, start + length)))
            count += length
        start += length
    return runs
