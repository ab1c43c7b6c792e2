"""Reads the columns of a file, as it writes them: CSV (also gzipped, or from standard input) and Parquet.

What the cells mean is not decided here: see :mod:`mothernet.tables.table`.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import os
import sys
import zlib
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["FileColumns", "TableError", "read_columns", "source_name"]


class TableError(ValueError):
    """A table that cannot be used; the message says what was expected, what came and what to do."""


class FileColumns(NamedTuple):
    """What a file holds: names as written, and per column the cells."""

    names: list[str]
    cells: list[Any]  # per column: a tuple of str (CSV) or a Series (Parquet)


def source_name(path: str | os.PathLike[str]) -> str:
    """How messages call the file."""
    return "standard input" if str(path) == "-" else repr(str(path))


def read_columns(path: str | os.PathLike[str]) -> FileColumns:
    """Read a CSV or Parquet file; ``-`` is a CSV on standard input.

    Raises
    ------
    TableError
        If there is no such file, or it is no such table.
    ImportError
        If the file is Parquet and pyarrow is not installed.
    """
    source = source_name(path)
    if str(path) == "-":
        return _read_csv(sys.stdin.buffer.read(), source)
    file = Path(path)
    if file.is_dir():
        raise TableError(f"the table must be a CSV or Parquet file, however: {source} is a folder. Name a file.")
    if not file.exists():
        folder = file.parent if file.parent.is_dir() else Path()
        near = difflib.get_close_matches(file.name, [p.name for p in folder.iterdir()], n=1)
        hint = f"Is it {str(file.with_name(near[0]))!r}?" if near else "Check the path."
        raise TableError(f"there is no file {source}. {hint}")
    with open(file, "rb") as stream:
        if stream.read(4) == b"PAR1":
            return _read_parquet(file, source)
    return _read_csv(file.read_bytes(), source)


def _read_parquet(path: Path, source: str) -> FileColumns:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            "reading Parquet needs pyarrow, which is not installed. Run: pip install 'mothernet[parquet]'"
        ) from None
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise TableError(f"{source} is a damaged Parquet file: {error}. Write or copy it again.") from None
    index = [name for name in table.column_names if name.startswith("__index_level_")]
    table = table.drop_columns(index)  # pandas' row labels, which no row to be predicted will have
    cells = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pyarrow.types.is_nested(column.type):
            raise TableError(
                f"columns of {source} must hold single values, however: {name!r} holds {column.type}. "
                "Remove or flatten it."
            )
        if pyarrow.types.is_decimal(column.type):
            column = column.cast(pyarrow.float64())
        if pyarrow.types.is_boolean(column.type):
            cells.append(column.to_pandas().astype("boolean"))
        else:
            cells.append(column.to_pandas())
    return FileColumns(table.column_names, cells)


def _read_csv(content: bytes, source: str) -> FileColumns:
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise TableError(f"{source} is a damaged gzip file: {error}. Copy it again.") from None
    if not content.strip():
        raise TableError(f"{source} must start with a line of column names, however: it is empty.")
    if (zero := content.find(b"\0")) >= 0:
        raise TableError(
            f"{source} must be a CSV file in UTF-8 or a Parquet file, however: byte {zero:,} is zero, so it is "
            "binary (a spreadsheet, say) or UTF-16. Save it as CSV in UTF-8."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"{source} must be a CSV file in UTF-8, however: line {line} has the byte 0x{content[error.start]:02x}. "
            "Convert it, for example with `iconv -f latin1 -t utf-8`."
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    rows = []
    try:
        for row in reader:
            if not row:
                continue  # a blank line
            if header and len(row) != len(header):
                raise TableError(
                    f"{source}, line {reader.line_num}: a row must have {len(header)} cells like the header, however: "
                    f"{len(row)}. Quote cells that hold commas."
                )
            if header:
                rows.append(row)
            else:
                header = row
    except csv.Error as error:
        raise TableError(
            f"{source}, line {reader.line_num}: this is not valid CSV: {error}. Check its quotation marks."
        ) from None
    return FileColumns(header, list(zip(*rows, strict=True)) if rows else [() for _ in header])
