"""CSV files: rows read in chunks as columns of raw cells, and cells quoted for writing. FORMAT.md specifies them.

Blocks of whole lines are cut at once where they are regular (:mod:`mothernet_runtime.csv_blocks`); of any other, record
by record is read. What cells mean does not matter here.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import os
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from mothernet_runtime.csv_blocks import RegularBlock, regular_block
from mothernet_runtime.csv_dialect import Dialect, find_delimiter, given_dialect, named_delimiter
from mothernet_runtime.csv_records import CsvRecordError, is_blank_line, read_record
from mothernet_runtime.csv_text import CsvText, count_lines

__all__ = [
    "CHUNK_ROWS",
    "CsvChunk",
    "Dialect",
    "RegularBlock",
    "csv_cell",
    "given_dialect",
    "read_blocks",
    "read_csv",
    "source_name",
]

CHUNK_ROWS = 8192
BLOCK_BYTES = 1 << 20
_TO_QUOTE = re.compile('[,"\\r\\n]')
_WHITE = "\t\n\x0b\x0c\r "
_PLURALS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}


@dataclass(frozen=True)
class CsvChunk:
    """Some rows of a CSV file.

    Attributes
    ----------
    names : list of str
        The header, trimmed.
    lines : sequence of int
        The line on which each row starts.
    columns : list of sequences of str
        Per name the raw cells.
    dialect : Dialect
        How the file is written.
    """

    names: list[str]
    lines: Sequence[int]
    columns: Sequence[Sequence[str]]
    dialect: Dialect

    def __len__(self) -> int:
        return len(self.lines)


def read_csv(path: str, *, dialect: Dialect | None = None) -> Iterator[CsvChunk]:
    """Read a CSV file, plain or gzipped; ``-`` is standard input.

    The first chunk has no rows, so that a header alone is read too.

    Parameters
    ----------
    path : str
    dialect : Dialect, optional
        What is known about how the file is written; the rest is found.

    Yields
    ------
    CsvChunk
        At most `CHUNK_ROWS` rows.

    Raises
    ------
    ValueError
        If the file is no such text, is empty, or has a row of another length.
    FileNotFoundError
        If there is no such file.
    """
    for block in read_blocks(path, dialect=dialect):
        columns: Sequence[Sequence[str]]
        if isinstance(block, RegularBlock):
            columns = [block.cells(index) for index in range(len(block.names))]
        else:
            columns = block.columns
        for start in range(0, max(len(block), 1), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            yield CsvChunk(block.names, block.lines[part], [column[part] for column in columns], block.dialect)


def read_blocks(
    path: str, *, dialect: Dialect | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[CsvChunk | RegularBlock]:
    """Read a CSV file as `read_csv` does, but leave it to the caller to cut regular blocks into cells.

    Parameters
    ----------
    path, dialect
        As for `read_csv`.
    block_bytes : int
        About how much is read at a time.

    Yields
    ------
    CsvChunk or RegularBlock
        The first is a chunk without rows.

    Raises
    ------
    ValueError, FileNotFoundError
        As `read_csv`.
    """
    source = source_name(path)
    with _open_bytes(path) as stream:
        try:
            yield from _blocks(CsvText(stream, source, dialect or Dialect(), block_bytes), source)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{source} is a damaged gzip file: {error}. Copy it again.") from None


def _blocks(text: CsvText, source: str) -> Iterator[CsvChunk | RegularBlock]:
    dialect = _with_delimiter(text)
    delimiter = dialect.delimiter or ","
    records = _Records(text, delimiter)
    header = next(_numbered(records, text, source), None)
    if header is None:
        raise ValueError(f"{source} must start with a line of column names, however: it is empty")
    names = [name.strip(_WHITE) for name in header[1]]
    n_cells = len(names)
    if any(names):  # nameless ones at the end are there where lines end with a delimiter
        del names[max(i for i, name in enumerate(names, 1) if name) :]
    yield CsvChunk(names, [], [[] for _ in names], dialect)

    while whole := text.block():
        content = whole if whole.endswith((b"\n", b"\r")) else whole + b"\n"
        if b"\r" in content and b'"' not in content:  # each is a line end
            content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        block = regular_block(content, text.line, names, dialect) if n_cells == len(names) else None
        if block is None:
            yield from _irregular(text, len(whole), records, names, n_cells, dialect, source)
            continue
        text.take(len(whole), count_lines(content) if block.block.has_quotes else len(block))
        yield block


def _with_delimiter(text: CsvText) -> Dialect:
    """The dialect; a line that names the delimiter is taken."""
    sample = text.sample()
    first = next((i for i, line in enumerate(sample) if not is_blank_line(line, ",")), 0)
    named = named_delimiter(sample[first]) if sample else None
    if named is not None:
        for _ in range(first + 1):
            next(text)
    if text.dialect.delimiter is not None:
        return text.dialect
    found = named or find_delimiter(sample)
    return replace(text.dialect, delimiter=found, found=("delimiter", *text.dialect.found))


class _Records:
    """Reads one record after the other from lines: by the standard library where it agrees, else by `read_record`."""

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        self._lines, self._delimiter = lines, delimiter
        self._taken: list[str] = []  # of the present record
        self._reader = self._new_reader()

    def read(self) -> list[str] | None:
        """The cells of the next record, None for a blank line.

        Raises
        ------
        StopIteration
            There is none.
        CsvRecordError
            It is none.
        """
        self._taken.clear()
        try:
            record: list[str] = next(self._reader)
        except csv.Error:  # also for spaces behind quotes and long cells, which the standard library refuses
            first, *rest = self._taken
            self._reader = self._new_reader()
            return read_record(first, itertools.chain(rest, self._lines), self._delimiter)
        is_blank = len(record) < 2 and len(self._taken) == 1 and is_blank_line(self._taken[0], self._delimiter)
        return None if is_blank else record

    def _new_reader(self) -> Any:
        return _standard_reader(self._tapped(), self._delimiter)

    def _tapped(self) -> Iterator[str]:
        for line in self._lines:
            self._taken.append(line)
            yield line


def _standard_reader(lines: Iterable[str], delimiter: str) -> Any:
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _numbered(records: _Records, text: CsvText, source: str) -> Iterator[tuple[int, list[str]]]:
    """Records and the lines on which they start."""
    while True:
        line = text.line
        try:
            record = records.read()
        except StopIteration:
            return
        except CsvRecordError as error:
            raise ValueError(f"{source}, line {line + error.line}: not valid CSV: {error}") from None
        if record is not None:
            yield line, record


def _irregular(
    text: CsvText, n_bytes: int, records: _Records, names: list[str], n_cells: int, dialect: Dialect, source: str
) -> Iterator[CsvChunk]:
    """The rows that start in the next bytes of the text."""
    end = text.taken + n_bytes
    lines: list[int] = []
    rows: list[list[str]] = []
    n_names = len(names)
    for line, row in _numbered(records, text, source):
        if len(row) != n_cells:
            raise ValueError(
                f"{source}, line {line}: a row must have {n_cells} cells like the header, however: {len(row)}. "
                f"Quote cells that hold {_PLURALS[dialect.delimiter or ',']}."
            )
        if n_cells > n_names and any(cell.strip(_WHITE) for cell in row[n_names:]):
            raise ValueError(
                f"{source}, line {line}: cells must stand below a name, however: cell {n_names + 1} or a later one "
                "holds text and the header has no name there. Name the column."
            )
        lines.append(line)
        rows.append(row[:n_names])
        if len(rows) == CHUNK_ROWS or text.taken >= end:
            yield CsvChunk(names, lines, [list(column) for column in zip(*rows, strict=True)], dialect)
            lines, rows = [], []
        if text.taken >= end:
            return
    if rows:
        yield CsvChunk(names, lines, [list(column) for column in zip(*rows, strict=True)], dialect)


def source_name(path: str) -> str:
    """How errors call the file."""
    return "standard input" if path == "-" else path


@contextlib.contextmanager
def _open_bytes(path: str) -> Iterator[Any]:
    if path != "-" and not os.path.exists(path):
        raise FileNotFoundError(f"there is no file {path!r}. Check the path.")
    if os.path.isdir(path):
        raise ValueError(f"rows must be read from a CSV file, however: {path!r} is a folder")
    if path == "-" and sys.stdin is None:
        raise ValueError("rows must be read from a CSV file, however: standard input is closed. Give a file.")
    with contextlib.ExitStack() as stack:
        opened = sys.stdin.buffer if path == "-" else stack.enter_context(open(path, "rb"))
        stream = cast(io.BufferedReader, opened)
        if stream.peek(2)[:2] == b"\x1f\x8b":
            yield stack.enter_context(gzip.open(stream))
        else:
            yield stream


def csv_cell(text: str) -> str:
    r"""One cell of a CSV file, quoted if it holds a comma, a quote, ``\r`` or ``\n``.

    The standard library's writer leaves ``\r`` unquoted before Python 3.13.

    Examples
    --------
    >>> csv_cell('a "b", c')
    '"a ""b"", c"'
    """
    return '"' + text.replace('"', '""') + '"' if _TO_QUOTE.search(text) else text
