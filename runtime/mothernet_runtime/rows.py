"""Rows as callers have them (columns, records, data frames, matrices) turned into the two matrices the graph reads.

Every complaint about rows lives here, except those about cells and about what is no table: `columns.py`.

Axis letters: N rows, Fn numeric and Fc categorical inputs of the graph.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.cells import CategoryRule, DatePart, DateRule, NumberRule, date_part
from mothernet_runtime.columns import CellError, expected_cells, is_scalar, read_column, table_columns
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
        self._numbers = [
            (column.name, column.rule, isinstance(column.rule, NumberRule), column.inputs[0].offset, _parts(column))
            for column in self._columns
            if isinstance(column.rule, NumberRule | DateRule)
        ]
        self._categories = [
            (column.name, column.rule, frozenset(column.categories))
            for column in self._columns
            if isinstance(column.rule, CategoryRule)
        ]
        self._is_matrix = all(isinstance(column.rule, NumberRule) and not column.inputs[0].offset for column in columns)

    def read(self, rows: Any) -> tuple[int, dict[str, npt.NDArray[Any]]]:
        """Number of rows N, and those of ``numeric`` (N, Fn) float32 and ``categorical`` (N, Fc) of str that exist.

        Raises
        ------
        ValueError, TypeError
            If `rows` is no table of the expected columns; `CellError` if a cell does not fit its column.
        """
        if type(rows) is dict and rows and all(map(is_scalar, rows.values())):
            rows = [rows]
        elif type(rows) is dict and self._needed <= rows.keys() <= self._known and all(map(_is_single, rows.values())):
            rows = [{name: cells[0] for name, cells in rows.items()}]  # columns of one cell: faster as a record
        if isinstance(rows, list | tuple) and len(rows) <= _FEW_ROWS and all(type(row) is dict for row in rows):
            return len(rows), self._read_records(rows)
        if isinstance(rows, np.ndarray) and self._is_matrix and self._is_numeric_matrix(rows):
            with np.errstate(over="ignore"):  # beyond float32 is infinite, and infinite saturates
                floats = rows if rows.dtype.kind == "f" else rows.astype(np.float64)
                return len(rows), {"numeric": floats.astype(np.float32, order="C")}
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

    def _is_numeric_matrix(self, rows: npt.NDArray[Any]) -> bool:
        is_plain = rows.dtype.kind in "fiub" and not isinstance(rows, np.ma.MaskedArray)
        return is_plain and rows.ndim == 2 and rows.shape[1] == len(self.names)

    def _read_columns(self, columns: Mapping[str, Any], n_rows: int) -> dict[str, npt.NDArray[Any]]:
        numeric = np.empty((n_rows, self._sizes["numeric"]), np.float32)
        categorical = np.empty((n_rows, self._sizes["categorical"]), object)
        with np.errstate(over="ignore"):
            for column in self._columns:
                values = read_column(column.name, column.rule, columns[column.name])
                for each in column.inputs:
                    if each.input == "categorical":
                        categorical[:, each.position] = values
                    else:
                        part = values if each.part == "value" else date_part(values, each.part)
                        numeric[:, each.position] = part - each.offset if each.offset else part
        return self._existing(numeric, categorical)

    def _read_records(self, rows: Sequence[dict[str, Any]]) -> dict[str, npt.NDArray[Any]]:
        """A few rows, cell by cell."""
        numbers: list[float] = []
        texts: list[str] = []
        for i, row in enumerate(rows):
            if row.keys() != self._needed:
                self._check_record(i, row)
            for name, rule, is_number, offset, parts in self._numbers:
                cell = row[name]
                if type(cell) is float and is_number:
                    numbers.append(cell - offset)
                    continue
                try:
                    number = rule.read(cell)
                except (TypeError, ValueError):
                    raise CellError(name, i, cell, expected_cells(rule)) from None
                if is_number:
                    numbers.append(number - offset)
                else:
                    seconds = np.array([number])
                    numbers += [float(date_part(seconds, part)[0]) - shift for part, shift in parts]
            for name, category_rule, known in self._categories:
                cell = row[name]
                try:
                    texts.append(cell if type(cell) is str and cell in known else category_rule.read(cell))
                except (TypeError, ValueError):
                    raise CellError(name, i, cell, expected_cells(category_rule)) from None
        with np.errstate(over="ignore"):
            numeric = np.array(numbers, np.float64).astype(np.float32)
        categorical = np.empty(len(texts), object)
        categorical[:] = texts
        shapes = {name: (len(rows), size) for name, size in self._sizes.items()}
        return self._existing(numeric.reshape(shapes["numeric"]), categorical.reshape(shapes["categorical"]))

    def _existing(self, numeric: Any, categorical: Any) -> dict[str, npt.NDArray[Any]]:
        inputs = {"numeric": numeric, "categorical": categorical}
        return {name: inputs[name] for name, size in self._sizes.items() if size}


def _is_single(cells: object) -> bool:
    return type(cells) is list and len(cells) == 1


def _parts(column: Column) -> list[tuple[DatePart, float]]:
    """Parts of a date and their offsets."""
    return [(each.part, each.offset) for each in column.inputs if each.part != "value"]
