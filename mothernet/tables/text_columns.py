"""The columns of a CSV file as written: exact texts, held compactly, and numbers where all cells are plain numbers.

The cells are those of :mod:`mothernet_runtime.csv_files`. Of blocks that any engine cuts alike, pandas cuts and
converts them, which is fast; whatever it does not see as a number keeps its text, and the rules of cells decide.

Axis letters: N rows.
"""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from mothernet_runtime.cells import BLANKS, CellRule, IgnoredRule, NumberRule
from mothernet_runtime.columns import CellError, read_column
from mothernet_runtime.csv_files import CsvChunk, RegularBlock

__all__ = ["TextColumn", "text_columns"]

FloatArray = npt.NDArray[np.float64]
Coded = tuple[npt.NDArray[np.int32], list[str]]  # per row the number of its text; the texts by their first rows

_HEAD_ROWS = 1_000  # by which columns of text are told from columns of numbers, for speed alone
_MARK = b"\xef\xbb\xbf"
# exact floats are the default since pandas 3.1, which warns of the option
_EXACT = {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}


class _Block(Protocol):
    def coded(self, index: int) -> Coded: ...


class _Piece:
    """One column's cells in one block."""

    def __init__(self, block: _Block, index: int, numbers: FloatArray | None, coded: Coded | None = None) -> None:
        self._block, self._index = block, index
        self.numbers = numbers
        self._coded = coded

    def coded(self) -> Coded:
        if self._coded is None:
            self._coded = self._block.coded(self._index)
        return self._coded

    def plain_numbers(self) -> FloatArray | None:
        """The cells as plain numbers, also those that the engine did not see as such; None if one is none."""
        if self.numbers is None:
            codes, texts = self.coded()
            numbers = _numbers(texts)
            self.numbers = None if numbers is None else numbers[codes]
        return self.numbers


class _TakenPiece(_Piece):
    """Some rows of a piece."""

    def __init__(self, piece: _Piece, kept: npt.NDArray[np.bool_]) -> None:
        self._piece, self._kept = piece, kept
        self.numbers = None if piece.numbers is None else piece.numbers[kept]

    def coded(self) -> Coded:
        codes, texts = self._piece.coded()
        used, first, inverse = np.unique(codes[self._kept], return_index=True, return_inverse=True)
        order = first.argsort()
        return order.argsort()[inverse].astype(np.int32), [texts[code] for code in used[order].tolist()]


class TextColumn:
    """The N cells of one column of a CSV file.

    Examples
    --------
    >>> from mothernet.tables.files import read_columns
    >>> column = read_columns("rows.csv").cells[0]  # doctest: +SKIP
    >>> column.counts()  # doctest: +SKIP
    {'Bern': 2, '': 1}
    """

    def __init__(self, n_rows: int, pieces: Sequence[_Piece]) -> None:
        self._n_rows, self._pieces = n_rows, pieces
        self._joined: FloatArray | None = None

    def __len__(self) -> int:
        return self._n_rows

    @property
    def numbers(self) -> FloatArray | None:
        """The cells as ``NumberRule()`` reads them (N,), NaN where missing; None if one is none, or all are missing."""
        if self._joined is None:
            parts = []
            for piece in self._pieces:
                if (part := piece.plain_numbers()) is None:
                    return None
                parts.append(part)
            self._joined = np.concatenate(parts) if parts else np.empty(0)
        return None if np.isnan(self._joined).all() else self._joined

    def counts(self) -> dict[str, int]:
        """Distinct texts, without spaces before them, and their numbers of rows, in the order of their first rows."""
        counts: dict[str, int] = {}
        for piece in self._pieces:
            codes, texts = piece.coded()
            for text, n_rows in zip(texts, np.bincount(codes, minlength=len(texts)).tolist(), strict=True):
                counts[text] = counts.get(text, 0) + n_rows
        return counts

    def texts(self) -> list[str]:
        """All N cells as written but for spaces before them."""
        cells: list[str] = []
        for piece in self._pieces:
            codes, texts = piece.coded()
            cells.extend(map(texts.__getitem__, codes.tolist()))
        return cells

    def take(self, kept: npt.NDArray[np.bool_]) -> TextColumn:
        """The rows of a mask (N,)."""
        taken, start = [], 0
        for piece in self._pieces:
            n_rows = len(piece.numbers if piece.numbers is not None else piece.coded()[0])
            taken.append(_TakenPiece(piece, kept[start : start + n_rows]))
            start += n_rows
        return TextColumn(int(kept.sum()), taken)

    def read(self, name: str, rule: CellRule) -> npt.NDArray[Any]:
        """What the cells mean (N,), as :func:`mothernet_runtime.columns.read_column`.

        Parameters
        ----------
        name : str
            For errors.
        rule : CellRule

        Raises
        ------
        CellError
            A cell does not fit the rule.
        """
        if isinstance(rule, IgnoredRule):
            return np.full(self._n_rows, None)
        if not self._pieces:
            return read_column(name, rule, [])
        numbers_stay = isinstance(rule, NumberRule) and _reads_plain_numbers(rule)
        parts: list[npt.NDArray[Any]] = []
        start = 0
        for piece in self._pieces:
            if numbers_stay and piece.numbers is not None:
                parts.append(piece.numbers)
            else:
                codes, texts = piece.coded()
                try:
                    parts.append(read_column(name, rule, texts)[codes])
                except CellError as error:
                    row = start + int(np.argmax(codes == error.row))
                    raise CellError(name, row, error.value, error.expected) from None
            start += len(parts[-1])
        return np.concatenate(parts)


def _reads_plain_numbers(rule: NumberRule) -> bool:
    """Whether the rule reads what ``NumberRule()`` reads as the same number."""
    plain = NumberRule()
    return rule.decimal == "." and all(plain.read_text(text) is None for text in rule.missing)


def text_columns(n_columns: int, blocks: Iterable[CsvChunk | RegularBlock]) -> list[TextColumn]:
    """The columns of the blocks of one file, in its order."""
    pieces: list[list[_Piece]] = [[] for _ in range(n_columns)]
    n_rows = 0
    as_text: set[int] | None = None
    workers = min(4, (os.cpu_count() or 1) + 1)  # the calling thread waits much
    waiting: deque[Future[list[_Piece]]] = deque()

    def collect(until: int) -> None:
        while len(waiting) > until:
            for j, piece in enumerate(waiting.popleft().result()):
                pieces[j].append(piece)
                if piece.numbers is None and as_text is not None:
                    as_text.add(j)

    with ThreadPoolExecutor(workers) as pool:
        for block in blocks:
            if not len(block):
                continue
            n_rows += len(block)
            if isinstance(block, RegularBlock) and not block.content.startswith(_MARK):
                if as_text is None:
                    as_text = _EngineBlock(block).texts_of_head()
                waiting.append(pool.submit(_EngineBlock(block).pieces, frozenset(as_text)))
            else:
                columns = block.columns() if isinstance(block, RegularBlock) else block.columns
                waiting.append(pool.submit(_ListBlock(columns).pieces, frozenset(as_text or ())))
            collect(2 * workers)
        collect(0)
    return [TextColumn(n_rows, column) for column in pieces]


class _ListBlock:
    """A block of which the cells are there."""

    def __init__(self, columns: Sequence[list[str]]) -> None:
        self._columns = columns

    def coded(self, index: int) -> Coded:
        numbers: dict[str, int] = {}
        codes = [numbers.setdefault(text.lstrip(" "), len(numbers)) for text in self._columns[index]]
        return np.array(codes, np.int32), list(numbers)

    def pieces(self, as_text: frozenset[int]) -> list[_Piece]:
        return [_Piece(self, j, None if j in as_text else _numbers(cells)) for j, cells in enumerate(self._columns)]


def _numbers(cells: Sequence[str]) -> FloatArray | None:
    try:
        return NumberRule().read_texts(cells)
    except ValueError:
        return None


class _EngineBlock:
    """A block that pandas cuts."""

    def __init__(self, block: RegularBlock) -> None:
        self._content, self._delimiter, self._n_columns = block.content, block.dialect.delimiter, len(block.names)

    def coded(self, index: int) -> Coded:
        return self._coded(self._read({index: "str"}, blanks_in=(), usecols=[index])[index])

    def pieces(self, as_text: frozenset[int]) -> list[_Piece]:
        numeric = [j for j in range(self._n_columns) if j not in as_text]
        frame = self._read({}, blanks_in=numeric)  # a type "str" for text takes longer than none
        found = []
        for j in range(self._n_columns):
            column = frame[j]
            if j in as_text:
                found.append(_Piece(self, j, None, self._coded(column) if _is_text(column) else None))
            else:
                is_number = column.dtype.kind in "iuf"
                found.append(_Piece(self, j, column.to_numpy(np.float64) if is_number else None))
        return found

    def texts_of_head(self) -> set[int]:
        """Columns that are not of numbers in the first rows."""
        head = self._read({}, blanks_in=range(self._n_columns), nrows=_HEAD_ROWS)
        return {j for j, dtype in head.dtypes.items() if dtype.kind not in "iuf"}

    def _coded(self, column: pd.Series) -> Coded:
        codes, distinct = pd.factorize(column)
        texts = distinct.tolist()
        if any(text.startswith(" ") for text in texts):
            merged: dict[str, int] = {}
            of_text = np.array([merged.setdefault(text.lstrip(" "), len(merged)) for text in texts], np.int32)
            codes, texts = of_text[codes], list(merged)
        return codes.astype(np.int32), texts

    def _read(self, dtype: dict[int, str], *, blanks_in: Iterable[int], **options: Any) -> pd.DataFrame:
        return pd.read_csv(
            io.BytesIO(self._content),
            sep=self._delimiter,
            header=None,
            dtype=dtype,
            na_values=dict.fromkeys(blanks_in, BLANKS),
            keep_default_na=False,
            skip_blank_lines=False,
            low_memory=False,
            engine="c",
            **_EXACT,
            **options,
        )


def _is_text(column: pd.Series) -> bool:
    """Whether pandas has left all cells as they are."""
    if isinstance(column.dtype, pd.StringDtype):
        return True
    return column.dtype == object and pd.api.types.infer_dtype(column, skipna=False) == "string"
