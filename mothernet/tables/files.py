"""Reads the columns of a file, as it writes them: CSV (also gzipped, or from standard input) and Parquet.

What the cells mean is not decided here: see :mod:`mothernet.tables.table`.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from mothernet_runtime.csv_files import Dialect, given_dialect, read_blocks

from mothernet.tables.text_columns import TextColumn, text_columns

__all__ = ["Dialect", "FileColumns", "TableError", "TextColumn", "given_dialect", "read_columns", "source_name"]

_NULLABLE = {
    name.lower(): pd.api.types.pandas_dtype(name)
    for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
}


class TableError(ValueError):
    """A table that cannot be used; the message says what was expected, what came and what to do."""


_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # and other archives: .xlsx, .ods; .xls


class FileColumns(NamedTuple):
    """What a file holds: names as written, and per column the cells."""

    names: list[str]
    cells: list[TextColumn] | list[pd.Series]  # of a CSV file, of a Parquet file
    dialect: Dialect | None  # of a CSV file


def source_name(path: str | os.PathLike[str]) -> str:
    """How messages call the file."""
    return "standard input" if str(path) == "-" else repr(str(path))


def read_columns(path: str | os.PathLike[str], *, dialect: Dialect | None = None) -> FileColumns:
    """Read a CSV or Parquet file; ``-`` is a CSV on standard input.

    Parameters
    ----------
    path : path-like
    dialect : Dialect, optional
        What is known about how a CSV file is written; the rest is found.

    Raises
    ------
    TableError
        If there is no such file, or it is no such table.
    ImportError
        If the file is Parquet and pyarrow is not installed.
    """
    source = source_name(path)
    if str(path) != "-":
        file = Path(path)
        if file.is_dir():
            raise TableError(f"the table must be a CSV or Parquet file, however: {source} is a folder. Name a file.")
        if not file.exists():
            folder = file.parent if file.parent.is_dir() else Path()
            near = difflib.get_close_matches(file.name, [p.name for p in folder.iterdir()], n=1)
            hint = f"Is it {str(file.with_name(near[0]))!r}?" if near else "Check the path."
            raise TableError(f"there is no file {source}. {hint}")
        if file.is_file():  # a pipe would lose what is read from it
            with open(file, "rb") as stream:
                start = stream.read(4)
            if start == b"PAR1":
                return _read_parquet(file, source)
            if start in _SPREADSHEETS:
                raise TableError(
                    f"the table must be a CSV or Parquet file, however: {source} is a spreadsheet or an archive. "
                    "Save it as CSV."
                )
    try:
        blocks = read_blocks(str(path), dialect=dialect)
        header = next(blocks)
        return FileColumns(header.names, text_columns(len(header.names), blocks), header.dialect)
    except ValueError as error:
        raise TableError(str(error)) from None


def _read_parquet(path: Path, source: str) -> FileColumns:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError("reading Parquet needs pyarrow, which is not installed. Run: pip install pyarrow") from None
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise TableError(f"{source} is a damaged Parquet file: {error}. Write or copy it again.") from None
    index = [name for name in table.column_names if name.startswith("__index_level_")]
    table = table.drop_columns(index)  # pandas' row labels, which no row to be predicted will have
    cells = [
        _parquet_cells(column, source, name) for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return FileColumns(table.column_names, cells, None)


def _parquet_cells(column: Any, source: str, name: str) -> pd.Series:
    from pyarrow import float64, types

    if types.is_nested(column.type):
        raise TableError(
            f"columns of {source} must hold single values, however: {name!r} holds {column.type}. Remove or flatten it."
        )
    if types.is_decimal(column.type):
        column = column.cast(float64())
    if types.is_boolean(column.type):
        return column.to_pandas().astype("boolean")
    if types.is_integer(column.type) and column.null_count:  # as floats they would lose digits
        return column.to_pandas(types_mapper=lambda integers: _NULLABLE[str(integers)])
    return column.to_pandas()
