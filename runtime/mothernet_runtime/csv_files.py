"""CSV files: rows read in chunks, and cells quoted for writing."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Iterator
from typing import Any, cast

CHUNK_ROWS = 8192
_TO_QUOTE = re.compile('[,"\\r\\n]')


def read_csv(path: str) -> Iterator[tuple[list[int], list[str], list[list[str]]]]:
    """Read a CSV file: UTF-8, plain or gzipped, its first line the header; ``-`` is standard input.

    Blank lines are skipped. The first chunk has no rows, so that a header alone is read too.

    Yields
    ------
    lines, header, rows
        The line on which each row starts, the names, and up to `CHUNK_ROWS` rows of as many raw cells.

    Raises
    ------
    ValueError
        If the file is no such text, is empty, or has a row of another length.
    FileNotFoundError
        If there is no such file.
    """
    source = source_name(path)
    with _open_bytes(path) as stream:
        reader = csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""), strict=True)
        try:
            header = next(reader, [])
            if not header:
                raise ValueError(f"{source} must start with a line of column names, however: it is empty")
            yield [], header, []
            lines: list[int] = []
            rows: list[list[str]] = []
            end = reader.line_num
            for row in reader:
                start, end = end + 1, reader.line_num
                if not row:
                    continue
                if len(row) != len(header):
                    raise ValueError(
                        f"{source}, line {start}: a row must have {len(header)} cells like the header, "
                        f"however: {len(row)}. Quote cells that hold commas."
                    )
                lines.append(start)
                rows.append(row)
                if len(rows) == CHUNK_ROWS:
                    yield lines, header, rows
                    lines, rows = [], []
            if rows:
                yield lines, header, rows
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{source} must be a CSV file in UTF-8, however: it has the byte 0x{error.object[error.start]:02x} "
                f"({error.reason}). Convert it, for example with `iconv -f latin1 -t utf-8`."
            ) from None
        except csv.Error as error:
            raise ValueError(f"{source}, line {reader.line_num}: not valid CSV: {error}") from None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{source} is a damaged gzip file: {error}. Copy it again.") from None


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
